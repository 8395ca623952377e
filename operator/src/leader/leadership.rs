//! The right to write, for as long as it lasts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use sendry_runtime::clock::Clock;
use tokio_util::sync::CancellationToken;

/// One term of leadership. Clones are the same term; one that has ended never begins again, so what still runs of it can
/// do nothing during the next.
#[derive(Clone)]
pub struct Leadership {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    give_up: Duration,
    /// When the last renewal was sent: on the monotonic clock, and on the wall clock, since the first may stand still
    /// while a machine sleeps. The wall clock is only compared with itself.
    renewed: AtomicU64,
    renewed_wall: AtomicI64,
    over: AtomicBool,
    ended: CancellationToken,
}

impl Leadership {
    /// A term that begins with a renewal sent at `sent` (monotonic ms) and `sent_wall` (ms since the epoch).
    #[must_use]
    pub fn begin(clock: Arc<dyn Clock>, give_up: Duration, sent: u64, sent_wall: i64) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                give_up,
                renewed: AtomicU64::new(sent),
                renewed_wall: AtomicI64::new(sent_wall),
                over: AtomicBool::new(false),
                ended: CancellationToken::new(),
            }),
        }
    }

    /// Whether this process may write now. Asked at every write; once `false`, it stays so.
    #[must_use]
    pub fn holds(&self) -> bool {
        let over = self.inner.over.load(Ordering::Acquire);
        if !over && self.left().is_zero() {
            self.end();
            return false;
        }
        !over
    }

    /// Ends when the term does: because it was given up, or because it was not renewed in time.
    pub async fn lost(&self) {
        while self.holds() {
            // A renewal meanwhile makes it longer: then there is another round.
            let left = self.left().max(Duration::from_millis(1));
            tokio::select! {
                () = self.inner.ended.cancelled() => return,
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Gives it up.
    pub fn end(&self) {
        self.inner.over.store(true, Ordering::Release);
        self.inner.ended.cancel();
    }

    /// A renewal that was sent then has arrived. `false` when it came too late: the term is over.
    pub(super) fn renewed(&self, sent: u64, sent_wall: i64) -> bool {
        if !self.holds() {
            return false;
        }
        self.inner.renewed.store(sent, Ordering::Release);
        self.inner.renewed_wall.store(sent_wall, Ordering::Release);
        true
    }

    /// How much longer it holds without a renewal.
    pub(super) fn left(&self) -> Duration {
        let inner = &self.inner;
        let renewed = inner.renewed.load(Ordering::Acquire);
        let renewed_wall = inner.renewed_wall.load(Ordering::Acquire);
        let monotonic = inner.clock.monotonic_ms().saturating_sub(renewed);
        let wall = inner.clock.now_ms().saturating_sub(renewed_wall);
        let passed = monotonic.max(u64::try_from(wall).unwrap_or(0));
        inner.give_up.saturating_sub(Duration::from_millis(passed))
    }
}

impl std::fmt::Debug for Leadership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leadership")
            .field("holds", &self.holds())
            .finish_non_exhaustive()
    }
}
