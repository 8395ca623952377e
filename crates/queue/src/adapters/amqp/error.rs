//! How failures of the broker are told.

use std::time::Duration;

use tokio::time::timeout;

use crate::QueueError;

/// Why something was not done, in words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Fault(pub String);

/// There was no answer in time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the broker did not answer within {0:?}")]
pub(super) struct Late(Duration);

/// A [`QueueError`] about `queue`.
pub(super) fn queue_error(
    doing: &'static str,
    queue: impl ToString,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> QueueError {
    QueueError {
        doing,
        queue: queue.to_string(),
        source: source.into(),
    }
}

/// Awaits the broker's answer, but not for ever.
pub(super) async fn within<T>(
    limit: Duration,
    doing: &'static str,
    queue: impl ToString,
    answer: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, QueueError> {
    match timeout(limit, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(queue_error(doing, queue, error)),
        Err(_) => Err(queue_error(doing, queue, Late(limit))),
    }
}
