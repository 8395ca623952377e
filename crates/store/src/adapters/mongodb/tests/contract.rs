//! The contract, each case on a database of its own.

use std::sync::Arc;

use super::database::TestDatabase;
use crate::{RawEventStore, contract::Fresh};

async fn fresh() -> Fresh<dyn RawEventStore> {
    let database = TestDatabase::new();
    Fresh::new(Arc::new(database.store().await), database)
}

crate::raw_event_store_contract!(fresh);
