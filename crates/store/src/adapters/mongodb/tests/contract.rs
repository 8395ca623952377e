//! The contracts, each case on a database of its own.

mod events {
    use std::sync::Arc;

    use super::super::database::TestDatabase;
    use crate::{RawEventStore, contract::Fresh};

    async fn fresh() -> Fresh<dyn RawEventStore> {
        let database = TestDatabase::new();
        Fresh::new(Arc::new(database.store().await), database)
    }

    crate::raw_event_store_contract!(fresh);
}

mod eraser {
    use std::sync::Arc;

    use super::super::database::TestDatabase;
    use crate::{RawEventEraser, contract::Fresh};

    async fn fresh() -> Fresh<dyn RawEventEraser> {
        let database = TestDatabase::new();
        Fresh::new(Arc::new(database.store().await), database)
    }

    crate::raw_event_eraser_contract!(fresh);
}
