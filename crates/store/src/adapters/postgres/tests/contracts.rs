//! The contracts, each case on a database of its own.

mod metrics {
    use std::sync::Arc;

    use super::super::stage::TestDatabase;
    use crate::{MetricStore, contract::Fresh};

    async fn fresh() -> Fresh<dyn MetricStore> {
        let database = TestDatabase::migrated().await;
        Fresh::new(Arc::new(database.store().await), database)
    }

    crate::metric_store_contract!(fresh);
}

mod operator {
    use std::sync::Arc;

    use super::super::stage::TestDatabase;
    use crate::{OperatorStore, contract::Fresh};

    async fn fresh() -> Fresh<dyn OperatorStore> {
        let database = TestDatabase::migrated().await;
        Fresh::new(Arc::new(database.store().await), database)
    }

    crate::operator_store_contract!(fresh);
}

mod metric_eraser {
    use std::sync::Arc;

    use super::super::stage::TestDatabase;
    use crate::{MetricEraser, contract::Fresh};

    async fn fresh() -> Fresh<dyn MetricEraser> {
        let database = TestDatabase::migrated().await;
        Fresh::new(Arc::new(database.store().await), database)
    }

    crate::metric_eraser_contract!(fresh);
}

mod control_eraser {
    use std::sync::Arc;

    use super::super::stage::TestDatabase;
    use crate::{ControlEraser, contract::Fresh};

    async fn fresh() -> Fresh<dyn ControlEraser> {
        let database = TestDatabase::migrated().await;
        Fresh::new(Arc::new(database.store().await), database)
    }

    crate::control_eraser_contract!(fresh);
}
