//! A handler's panic becomes an answer.

use std::any::Any;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::catch_panic::{CatchPanic, ResponseForPanic};

use super::{Problem, RequestId};
use crate::shutdown::panic_message;

/// Middleware: answers 500 `internal` when the handler panics, with the request's id and nothing
/// of the panic; its message goes to the log.
pub async fn catch_panic(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    match CatchPanic::custom(next, Answer(id)).oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

#[derive(Clone)]
struct Answer(Option<RequestId>);

impl ResponseForPanic for Answer {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, payload: Box<dyn Any + Send + 'static>) -> Response {
        let shown = self.0.as_ref().map_or("", RequestId::as_str);
        tracing::error!(
            request.id = shown,
            panic = panic_message(&*payload),
            "handler panicked"
        );
        let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
            .detail("the server failed while it handled this request")
            .hint("try again; if it happens again, report it with the request id");
        match self.0.take() {
            Some(id) => problem.request_id(id),
            None => problem,
        }
        .into_response()
    }
}
