//! The clock on a request's head.
//!
//! hyper has one time-out for "idle, then reading a head"; we want a short one for the head and a
//! long one for the idle time before it, so the long one is hyper's and this is the short one. A
//! connection is reading a head from its beginning, and again from the first byte that arrives
//! when no request is being answered. (Bytes of a next request that arrive *while* one is being
//! answered start no clock; hyper's idle time-out bounds those.)

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A request is being answered.
const BUSY: u64 = 0;
/// Between requests.
const IDLE: u64 = 1;
/// Values from here on are "reading a head since": nanoseconds after `opened`, plus this.
const HEAD: u64 = 2;

/// What one connection is doing, shared by its socket, its service and its watchman, which all
/// run in one task; the atomic only makes that task movable.
#[derive(Debug, Clone)]
pub(super) struct HeadWatch {
    opened: Instant,
    phase: Arc<AtomicU64>,
}

impl HeadWatch {
    /// A new connection, which owes us a head.
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            phase: Arc::new(AtomicU64::new(HEAD)),
        }
    }

    /// Since when a head is being read, if one is.
    pub(super) fn reading_since(&self) -> Option<Instant> {
        let nanos = self.phase.load(Ordering::Relaxed).checked_sub(HEAD)?;
        Some(self.opened + Duration::from_nanos(nanos))
    }

    /// A request's head is complete. The request counts as being answered until the guard, which
    /// belongs in its response's body, is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.phase.store(BUSY, Ordering::Relaxed);
        Answering(self.clone())
    }

    fn bytes_arrived(&self) {
        if self.phase.load(Ordering::Relaxed) == IDLE {
            let nanos = u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX - HEAD);
            self.phase.store(nanos + HEAD, Ordering::Relaxed);
        }
    }
}

/// While it lives, a request is being answered.
#[derive(Debug)]
pub(super) struct Answering(HeadWatch);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.phase.store(IDLE, Ordering::Relaxed);
    }
}

/// A response body that keeps its [`Answering`] until it has been sent or given up.
pub(super) struct WatchedBody {
    body: Body,
    _answering: Answering,
}

impl WatchedBody {
    pub(super) fn new(body: Body, answering: Answering) -> Self {
        Self {
            body,
            _answering: answering,
        }
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that tells its [`HeadWatch`] when bytes arrive.
pub(super) struct WatchedStream {
    pub(super) stream: TcpStream,
    pub(super) watch: HeadWatch,
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.watch.bytes_arrived();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
