//! What a faulty store does with a call.

use std::sync::Arc;

use sendry_store::StoreError;
use tokio::sync::Notify;

/// What happens to a call.
#[derive(Clone)]
pub enum Act {
    Pass,
    Away,
    /// It takes effect, and the answer is that nobody knows.
    AwayAfter,
    Damaged,
    Refuse,
    Panic,
    /// Not before the test says so.
    Wait(Arc<Notify>),
}

pub fn away(store: &'static str) -> StoreError {
    StoreError::Unavailable {
        store,
        doing: "write",
        unknown: true,
        source: "told to".into(),
    }
}
