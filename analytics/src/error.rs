//! Everything a route can answer but data, and how it is said: RFC 9457 with a stable code and a hint.

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sendry_domain::event::EventError;
use sendry_runtime::{error_chain::chain, http::Problem};
use sendry_store::{ReplayError, StoreError};

use crate::range::RangeError;

/// When asking again makes sense while a store is away: connections come back within seconds.
const RETRY: Duration = Duration::from_secs(2);

/// A request that is not answered with data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A dead letter is not what the client takes it for.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The range cannot be answered.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The event is still not valid.
    #[error(transparent)]
    Event(#[from] EventError),
    /// This tenant does not exist, or is not the client's to see.
    #[error("unknown tenant `{0}`")]
    UnknownTenant(String),
    /// 422: a parameter or a field of the body.
    #[error("{detail}")]
    Invalid {
        /// The stable code.
        code: &'static str,
        /// What is wrong.
        detail: String,
        /// What would be right.
        hint: String,
    },
    /// The body cannot be read at all.
    #[error("{detail}")]
    Body {
        /// 400, 413 or 415.
        status: StatusCode,
        /// The stable code.
        code: &'static str,
        /// What is wrong.
        detail: String,
        /// What would be right.
        hint: &'static str,
    },
}

impl ApiError {
    /// A 422.
    pub(crate) fn invalid(
        code: &'static str,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            code,
            detail: detail.into(),
            hint: hint.into(),
        }
    }

    /// The answer. Failures of ours are logged, here and once.
    pub(crate) fn problem(&self) -> Problem {
        const INVALID: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
        let plain = |status, code| Problem::new(status, code).detail(self.to_string());
        match self {
            Self::Store(error) | Self::Replay(ReplayError::Store(error)) => store_failed(error),
            Self::Replay(ReplayError::NotFound) => plain(StatusCode::NOT_FOUND, "not_found")
                .hint("list what there is with GET /api/v1/dead-letters?state=all"),
            Self::Replay(ReplayError::NotOpen(state)) => plain(StatusCode::CONFLICT, "not_open")
                .hint("only open dead letters can be replayed or discarded")
                .member("state", state.as_str()),
            Self::Replay(ReplayError::NotReplayable(_)) => plain(INVALID, "not_replayable")
                .hint("discard it with POST /api/v1/dead-letters/{id}/discard and a reason"),
            Self::Range(error) => plain(INVALID, error.code()).hint(error.hint()),
            Self::Event(error) => Problem::new(INVALID, error.rule.code())
                .detail(error.message.to_string())
                .hint("correct the event and send it as `{\"event\": {…}}`")
                .member("field", error.field.as_ref()),
            Self::UnknownTenant(_) => plain(StatusCode::NOT_FOUND, "unknown_tenant")
                .hint("list the tenants with GET /api/v1/tenants"),
            Self::Invalid { code, hint, .. } => plain(INVALID, code).hint(hint.clone()),
            Self::Body {
                status, code, hint, ..
            } => plain(*status, code).hint(*hint),
        }
    }
}

fn store_failed(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable { store, .. } => {
            tracing::warn!(error = %chain(error), "store unavailable");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable")
                .detail(format!("the {store} store does not answer"))
                .hint("nothing is lost: events wait in the queue; ask again in a moment")
                .retry_after(RETRY)
        }
        StoreError::Refused { .. } | StoreError::Damaged { .. } => {
            tracing::error!(error = %chain(error), "store failed");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "store_failed")
                .detail(error.to_string())
                .hint("this is a bug or a damaged file; the log has the cause under this requestId")
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.problem().into_response()
    }
}
