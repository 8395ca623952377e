//! The accept loop.
//!
//! axum's own `serve` sets no limits; this one bounds connections, heads and idle time, and ends
//! in order: no new connections, `Connection: close` on the old ones, time for what is being
//! answered, then the cut. HTTP/1.1 only: TLS and HTTP/2 end at the ingress.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::ServeLimits;
use super::head_watch::{HeadWatch, WatchedBody, WatchedStream};
use super::limits::MIN_BUFFER_BYTES;
use crate::backoff::Backoff;
use crate::error_chain::chain;

/// Between two tries to accept when the process is out of descriptors or memory: not a busy loop,
/// and back soon after it has some.
const ACCEPT_BACKOFF: Backoff = Backoff::new(Duration::from_millis(5), Duration::from_secs(1));

/// How a listener's service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Connections that were still answering when the grace period ended, and were cut.
    pub cut: usize,
}

/// Serves `router` on `listener` until `shutdown` is cancelled and the connections are done.
///
/// Handlers find the client's address in [`ConnectInfo<SocketAddr>`](ConnectInfo). From the
/// cancellation on, new connections are refused by the kernel, idle ones are closed, and requests
/// being answered have [`ServeLimits::grace`] to finish. Dropping the future cuts everything.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServeLimits,
    shutdown: CancellationToken,
) -> Served {
    let slots = Arc::new(Semaphore::new(
        limits.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    let mut connections = JoinSet::new();
    let mut failed_accepts = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                failed_accepts = 0;
                let connection = connection(stream, peer, router.clone(), limits, shutdown.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                let wait = ACCEPT_BACKOFF.ceiling(failed_accepts);
                failed_accepts = failed_accepts.saturating_add(1);
                tracing::warn!(error = %chain(&error), retry_ms = wait.as_millis(), "failed to accept a connection");
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = sleep(wait) => {}
                }
            }
        }
    }
    drop(listener);
    let done = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    // The count is exact: nothing is spawned any more, and what ended was joined.
    let in_time = timeout(limits.grace, done).await.is_ok();
    let cut = if in_time { 0 } else { connections.len() };
    if cut > 0 {
        tracing::warn!(
            connections = cut,
            "cut connections that did not finish in the grace period"
        );
        connections.shutdown().await;
    }
    Served { cut }
}

/// The next connection, once there is a slot for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

/// The client left between its handshake and our accept: no reason to pause for the others.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = %error, "a connection's task panicked");
    }
}

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: ServeLimits,
    shutdown: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %error, "failed to set TCP_NODELAY");
    }
    let watch = HeadWatch::new();
    let service = {
        let watch = watch.clone();
        service_fn(move |request| answer(request, peer, router.clone(), watch.clone()))
    };
    let io = TokioIo::new(WatchedStream {
        stream,
        watch: watch.clone(),
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle_timeout.max(limits.header_timeout))
            .keep_alive(true)
            .max_headers(limits.max_headers)
            .max_buf_size(limits.max_head_bytes.max(MIN_BUFFER_BYTES))
            .serve_connection(io, service)
    );
    let mut told = pin!(shutdown.cancelled());
    let mut closing = false;
    let mut alarm = pin!(sleep_until(Instant::now()));
    let ended = poll_fn(|cx| {
        if !closing && told.as_mut().poll(cx).is_ready() {
            closing = true;
            connection.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(result) = connection.as_mut().poll(cx) {
            return Poll::Ready(result.map_err(|error| chain(&error).to_string()));
        }
        // After the connection's own poll, for that is where the phase changes.
        let Some(since) = watch.reading_since() else {
            return Poll::Pending;
        };
        let deadline = since + limits.header_timeout;
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm
            .as_mut()
            .poll(cx)
            .map(|()| Err("the head took too long".to_owned()))
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended");
    }
}

async fn answer(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    watch: HeadWatch,
) -> Result<Response<WatchedBody>, Infallible> {
    let answering = watch.answering();
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request.map(Body::new)).await?;
    Ok(response.map(|body| WatchedBody::new(body, answering)))
}
