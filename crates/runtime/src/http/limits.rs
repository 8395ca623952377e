//! How much of us one client may hold.

use std::time::Duration;

/// hyper refuses a smaller read buffer.
pub(super) const MIN_BUFFER_BYTES: usize = 8 * 1024;

/// Limits of one listener. `ServeLimits { max_connections: 100, ..Default::default() }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// From the first byte of a request's head (or the accepted connection) to its last. 10 s. A
    /// client that dribbles its headers holds a connection no longer than this.
    pub header_timeout: Duration,
    /// Between two requests of one connection. 75 s: longer than the 60 s for which common load
    /// balancers keep an idle connection, so that they, not we, close it; the other way round, a
    /// request now and then meets a connection we are just closing.
    pub idle_timeout: Duration,
    /// Header lines in a request; more is answered 431. 100.
    pub max_headers: usize,
    /// Bytes of one request's head, and of read buffer per connection; more is answered 431.
    /// 64 KiB, at least 8 KiB.
    pub max_head_bytes: usize,
    /// Open connections; those over it wait in the kernel's backlog. 10,000.
    pub max_connections: usize,
    /// From the beginning of the shutdown until connections that still work are cut. 20 s: inside
    /// the 30 s that Kubernetes gives.
    pub grace: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            max_headers: 100,
            max_head_bytes: 64 * 1024,
            max_connections: 10_000,
            grace: Duration::from_secs(20),
        }
    }
}
