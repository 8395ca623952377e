//! The contracts on PostgreSQL, and what only a server with many clients can do.

mod cancelled;
mod contracts;
mod control;
mod faults;
mod horizon;
mod opening;
mod operator;
pub mod stage;
mod texts;
mod walls;
mod writers;

use std::sync::Arc;

use super::PostgresStore;
use crate::{MetricStore, contract::metrics::View};

/// A tenant's view of a store.
fn view(store: &PostgresStore, tenant: &str) -> View {
    let port: Arc<dyn MetricStore> = Arc::new(store.clone());
    View::of(&port, tenant)
}
