//! What a candidate does about the Lease it has just read. Pure.

use std::time::Duration;

/// No holder can keep others waiting longer than this, whatever its Lease says.
const LONGEST: Duration = Duration::from_secs(300);

/// Milliseconds on this process's own monotonic clock.
type Moment = u64;

/// What a Lease says, without what anybody may change beside it (labels, annotations). Times in it are the holder's, and
/// only ever compared for being the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; `None` = nobody, it was given back.
    pub holder: Option<String>,
    /// When it was renewed, as the holder wrote it.
    pub renewed: Option<String>,
    /// How often it changed hands.
    pub transitions: i32,
    /// How long it may stand unchanged.
    pub duration: Duration,
}

/// A Lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What it says.
    pub record: Record,
    /// Its resourceVersion, for writing over exactly this.
    pub version: String,
}

/// What this process has seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The last record; `None` = the Lease was gone.
    pub record: Option<Record>,
    /// Since when it has been the same, on our monotonic clock.
    pub since: Moment,
    /// How long it may stay the same before its holder counts as gone.
    pub patience: Duration,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make it ours.
    Acquire,
    /// It is ours: say so again.
    Renew,
    /// Somebody else's for at least so long.
    Wait(Duration),
}

/// Keeps in mind since when the Lease has been as it is.
#[must_use]
pub fn see(observed: Option<&Observed>, seen: Option<Seen>, now: Moment) -> Option<Seen> {
    let record = observed.map(|lease| &lease.record);
    match seen {
        Some(seen) if seen.record.as_ref() == record => Some(seen),
        // Never seen and not there: nobody can be relying on it.
        None if record.is_none() => None,
        seen => {
            let told = record.map(|record| record.duration.min(LONGEST));
            let patience = told.or(seen.map(|seen| seen.patience)).unwrap_or(LONGEST);
            Some(Seen {
                record: record.cloned(),
                since: now,
                patience,
            })
        }
    }
}

/// What `us` does about a Lease, after [`see`]: whoever holds it is gone when it has been the same for its duration.
///
/// One that has vanished is waited for as one that stands still: its holder may not know yet.
#[must_use]
pub fn decide(observed: Option<&Observed>, seen: Option<&Seen>, us: &str, now: Moment) -> Act {
    let holder = observed.and_then(|lease| lease.record.holder.as_deref());
    match (observed, holder, seen) {
        (_, Some(holder), _) if holder == us => Act::Renew,
        // Given back, or never there.
        (Some(_), None | Some(""), _) | (None, _, None) => Act::Acquire,
        (_, _, Some(seen)) => {
            let unchanged = Duration::from_millis(now.saturating_sub(seen.since));
            match seen.patience.checked_sub(unchanged) {
                Some(left) if !left.is_zero() => Act::Wait(left),
                _ => Act::Acquire,
            }
        }
        (Some(lease), Some(_), None) => Act::Wait(lease.record.duration.min(LONGEST)),
    }
}
