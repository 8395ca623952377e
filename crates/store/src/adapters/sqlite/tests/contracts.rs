//! The contracts, each case on a file of its own.

mod metrics {
    use std::sync::Arc;

    use super::super::open;
    use crate::{MetricStore, contract::Fresh};

    async fn fresh() -> Fresh<dyn MetricStore> {
        let folder = tempfile::tempdir().unwrap();
        Fresh::new(Arc::new(open(folder.path())), folder)
    }

    crate::metric_store_contract!(fresh);
}

mod raw {
    use std::sync::Arc;

    use super::super::open;
    use crate::{RawEventStore, contract::Fresh};

    async fn fresh() -> Fresh<dyn RawEventStore> {
        let folder = tempfile::tempdir().unwrap();
        Fresh::new(Arc::new(open(folder.path())), folder)
    }

    crate::raw_event_store_contract!(fresh);
}

mod control {
    use std::sync::Arc;

    use super::super::open;
    use crate::{ControlStore, contract::Fresh};

    async fn fresh() -> Fresh<dyn ControlStore> {
        let folder = tempfile::tempdir().unwrap();
        Fresh::new(Arc::new(open(folder.path())), folder)
    }

    crate::control_store_contract!(fresh);
}

mod operator {
    use std::sync::Arc;

    use super::super::open;
    use crate::{OperatorStore, contract::Fresh};

    async fn fresh() -> Fresh<dyn OperatorStore> {
        let folder = tempfile::tempdir().unwrap();
        Fresh::new(Arc::new(open(folder.path())), folder)
    }

    crate::operator_store_contract!(fresh);
}

mod metric_eraser {
    use std::sync::Arc;

    use super::super::open;
    use crate::{MetricEraser, contract::Fresh};

    async fn fresh() -> Fresh<dyn MetricEraser> {
        let folder = tempfile::tempdir().unwrap();
        Fresh::new(Arc::new(open(folder.path())), folder)
    }

    crate::metric_eraser_contract!(fresh);
}

mod control_eraser {
    use std::sync::Arc;

    use super::super::open;
    use crate::{ControlEraser, contract::Fresh};

    async fn fresh() -> Fresh<dyn ControlEraser> {
        let folder = tempfile::tempdir().unwrap();
        Fresh::new(Arc::new(open(folder.path())), folder)
    }

    crate::control_eraser_contract!(fresh);
}

mod raw_event_eraser {
    use std::sync::Arc;

    use super::super::open;
    use crate::{RawEventEraser, contract::Fresh};

    async fn fresh() -> Fresh<dyn RawEventEraser> {
        let folder = tempfile::tempdir().unwrap();
        Fresh::new(Arc::new(open(folder.path())), folder)
    }

    crate::raw_event_eraser_contract!(fresh);
}
