//! The one way of this operator's writes to the API server: open while it leads.
//!
//! **Guarantee.** No write of a term is *sent* once its [`Leadership`] has ended, and one whose answer has not come by then
//! is dropped. Reads pass in any case. Who leads is decided without this gate: see [`crate::leader`].
//!
//! It is also the one place that sees every request, so here they are bounded in time and writes are counted: at rest
//! there are none.

mod request;

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use kube::{
    Client,
    client::{Body, ClientBuilder},
};
use tower::{BoxError, Layer, Service, service_fn};

use crate::{
    leader::Leadership,
    metrics::{OperatorMetrics, Write},
};

/// How long the API server may take to begin an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A write that was not made, or whose outcome nobody waited for: another may lead.
#[derive(Debug, thiserror::Error)]
#[error("this operator does not lead (any more), so it leaves writing to the one that does")]
pub struct Refused;

/// The API server took too long.
#[derive(Debug, thiserror::Error)]
#[error("the API server did not answer within {ANSWER_WITHIN:?}")]
struct Slow;

/// Whether a request failed only because this operator does not lead.
#[must_use]
pub fn is_refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Service(source) if source.is::<Refused>())
}

/// `client`, for one term of leadership.
#[must_use]
pub fn gated(client: &Client, leadership: Leadership, metrics: OperatorMetrics) -> Client {
    let namespace = client.default_namespace().to_owned();
    let client = client.clone();
    let send = service_fn(move |request| {
        let client = client.clone();
        async move { client.send(request).await }
    });
    ClientBuilder::new(send, namespace)
        .with_layer(&GateLayer::new(leadership, metrics))
        .build()
}

/// Puts a [`Gate`] in front of a client's service.
#[derive(Clone, Debug)]
pub struct GateLayer {
    leadership: Leadership,
    metrics: OperatorMetrics,
}

impl GateLayer {
    /// For one term of leadership.
    #[must_use]
    pub fn new(leadership: Leadership, metrics: OperatorMetrics) -> Self {
        Self {
            leadership,
            metrics,
        }
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate {
            inner,
            with: Arc::new(self.clone()),
        }
    }
}

/// See [`crate::gate`].
#[derive(Clone, Debug)]
pub struct Gate<S> {
    inner: S,
    with: Arc<GateLayer>,
}

impl<S, B> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let with = self.with.clone();
        let write = request::write(request.method(), request.uri().path());
        if write.is_some() && !with.leadership.holds() {
            with.metrics.writes_refused.inc();
            return async { Err(Refused.into()) }.boxed();
        }
        let watches = request::watches(request.uri());
        let answer = self
            .inner
            .call(request)
            .map(|answer| answer.map_err(Into::into));
        async move {
            match write {
                Some((verb, resource)) => {
                    let label = Write { verb, resource };
                    with.metrics.writes.get_or_create(&label).inc();
                    tokio::select! {
                        biased;
                        () = with.leadership.lost() => {
                            with.metrics.writes_refused.inc();
                            Err(Refused.into())
                        }
                        answer = within(answer) => answer,
                    }
                }
                None if watches => answer.await,
                None => within(answer).await,
            }
        }
        .boxed()
    }
}

async fn within<T>(answer: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Slow.into()),
    }
}

#[cfg(test)]
mod tests;
