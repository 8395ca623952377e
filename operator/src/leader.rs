//! Which of several operators may write?
//!
//! The one that holds a Lease. **Guarantee:** two processes never both believe that they hold it, as long as their
//! monotonic clocks run about equally fast: who holds it stops believing so [`Timing::give_up`] after its last renewal was
//! *sent*, and others take it over only after they have watched it stand unchanged for [`Timing::duration`]. No clock is
//! compared with another machine's. A process that was frozen, and wakes, finds out by its own clock before it writes
//! anything ([`Leadership::holds`], asked by [`crate::gate`] at every write), since the clock went on without it.
//!
//! Not covered: a request that left before the freeze and arrives after it, and a Lease deleted by hand (a candidate that
//! has never seen it makes a new one at once; the former holder notices at its next renewal). Both are harmless to what
//! counts, since settings carry an epoch, Secrets a resourceVersion, and everything else may be repeated.

mod decide;
mod election;
mod leadership;

use std::time::Duration;

pub use decide::{Act, Observed, Record, Seen, decide};
pub use election::Candidate;
pub use leadership::Leadership;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long others wait before they take over a Lease that does not change. A Lease tells it in whole seconds.
    pub duration: Duration,
    /// Between two renewals.
    pub renew: Duration,
    /// So long after its last renewal a holder stops believing that it is one. Less than `duration`.
    pub give_up: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew: Duration::from_secs(3),
            give_up: Duration::from_secs(10),
        }
    }
}

/// Times that would let two operators write at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a lease of {duration:?} that is renewed every {renew:?} and given up after {give_up:?} does not keep two operators \
     apart (wanted: 1s <= duration in whole seconds, renew < give-up < duration)"
)]
pub struct UnsafeTiming {
    duration: Duration,
    renew: Duration,
    give_up: Duration,
}

impl Timing {
    /// These times, if they keep two operators apart.
    ///
    /// # Errors
    /// When they do not.
    pub fn checked(self) -> Result<Self, UnsafeTiming> {
        let Self {
            duration,
            renew,
            give_up,
        } = self;
        let whole = duration.subsec_nanos() == 0 && !duration.is_zero();
        if whole && !renew.is_zero() && renew < give_up && give_up < duration {
            return Ok(self);
        }
        Err(UnsafeTiming {
            duration,
            renew,
            give_up,
        })
    }
}

#[cfg(test)]
mod tests;
