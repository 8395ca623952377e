//! The HTTP contract of ingest.

mod answer;
mod batch;
mod deliver;
mod single;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, request::Parts},
    response::Response,
    routing::post,
};
use sendry_domain::time::UnixMillis;
use sendry_runtime::http::{Problem, RequestId, method_not_allowed};
use tokio::time::Instant;

use crate::{
    Ingest,
    auth::{self, Caller},
};

/// All of ingest's routes; the caller adds the layers and the fallback.
pub(crate) fn router(ingest: Arc<Ingest>) -> Router {
    let single = || post(single::event).fallback(single::wrong_method);
    Router::new()
        .route("/api/v1/events", post(batch::events))
        .route("/api/v1/ingest", single())
        .route("/api/hit", single())
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(ingest)
}

/// A request whose sender is known, its body still unread: the key is checked first, so that strangers cost little.
struct Admitted {
    caller: Caller,
    request_id: RequestId,
    headers: HeaderMap,
    at: UnixMillis,
}

impl Admitted {
    async fn new(ingest: &Ingest, request: Request) -> Result<(Self, Body), Problem> {
        let started = Instant::now();
        let (mut parts, body) = request.into_parts();
        let Ok(request_id) = RequestId::from_request_parts(&mut parts, &()).await;
        let address = auth::client_address(peer(&parts), &parts.headers, &ingest.trusted_proxies);
        let at = UnixMillis(ingest.clock.now_ms());
        let caller = auth::authenticate(&ingest.directory, &parts.headers, address, at).await;
        ingest.metrics.auth.observe(started.elapsed().as_secs_f64());
        Ok((
            Self {
                caller: caller?,
                request_id,
                headers: parts.headers,
                at,
            },
            body,
        ))
    }
}

fn peer(parts: &Parts) -> IpAddr {
    let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| {
        address.ip()
    })
}

/// Counts how a request ended by the code that its client sees.
fn counted(
    ingest: &State<Arc<Ingest>>,
    outcome: Result<Response, Problem>,
) -> Result<Response, Problem> {
    match &outcome {
        Ok(response) if response.status().is_success() => ingest.metrics.request("accepted"),
        Ok(_) => ingest.metrics.request("rate_limited"),
        Err(problem) => ingest.metrics.request(answer::known_code(problem.code())),
    }
    outcome
}

/// The same refusal as the original platform's clients read it.
fn success_false(problem: Problem) -> Problem {
    problem.member("success", false)
}
