//! The account that must close, and how long identities are remembered.

use crate::{
    id::MessageId,
    time::{DAY, HOUR, UnixMillis},
    window::Window,
};

/// What became of the events of a tenant, tallied in the counting transaction itself.
///
/// With every message processed, `received = counted + duplicates + conflicts + dead_open + discarded`; a replayed dead
/// letter is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events of distinct messages taken from the queue.
    pub received: i64,
    /// Counted into buckets.
    pub counted: i64,
    /// Seen before with the same content.
    pub duplicates: i64,
    /// Seen before with other content.
    pub conflicts: i64,
    /// Dead letters that wait for a person.
    pub dead_open: i64,
    /// Dead letters given up.
    pub discarded: i64,
    /// Dead letters counted after all (they stand in `counted` too).
    pub replayed: i64,
    /// Counted events whose document the raw store refused.
    pub raw_refused: i64,
    /// Counted live events that were too old for the minute level.
    pub late: i64,
}

impl Tally {
    /// Received less everything accounted for. Anything but 0 is a bug.
    #[must_use]
    pub fn residual(&self) -> i64 {
        self.received
            - self.counted
            - self.duplicates
            - self.conflicts
            - self.dead_open
            - self.discarded
    }

    /// Adds another tally, field by field.
    pub fn add(&mut self, other: &Self) {
        let Self {
            received,
            counted,
            duplicates,
            conflicts,
            dead_open,
            discarded,
            replayed,
            raw_refused,
            late,
        } = other;
        self.received += received;
        self.counted += counted;
        self.duplicates += duplicates;
        self.conflicts += conflicts;
        self.dead_open += dead_open;
        self.discarded += discarded;
        self.replayed += replayed;
        self.raw_refused += raw_refused;
        self.late += late;
    }
}

/// How many rows share a tally or a total, so that concurrent workers do not queue on one hot row.
pub const SHARDS: u8 = 8;

/// The shard of a message, by its random last bits.
#[must_use]
pub fn shard(message: MessageId) -> u8 {
    (message.0.as_u128() % u128::from(SHARDS)) as u8
}

/// A queue head older than this holds the floor where it is: its events may still need their rows.
pub const MAX_HEAD_AGE: i64 = 12 * HOUR;

/// What is known of the oldest message of every queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldestHead {
    /// Every queue is empty.
    Empty,
    /// The oldest one was accepted then.
    AcceptedAt(UnixMillis),
    /// Some queue could not be asked. Unknown is never "empty".
    Unknown,
}

impl OldestHead {
    /// What is known of two sets of queues together: unknown if either is.
    #[must_use]
    pub fn older(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Empty, known) | (known, Self::Empty) => known,
            (Self::AcceptedAt(a), Self::AcceptedAt(b)) => Self::AcceptedAt(a.min(b)),
        }
    }
}

/// The tenant's floor after a purge at `now`: event times before it are `too_late`, and ledger rows whose event time and
/// counting time are both before it may leave. Never moves back, and moves only while every queue's head is known to be
/// younger than [`MAX_HEAD_AGE`].
#[must_use]
pub fn next_floor(
    floor: UnixMillis,
    now: UnixMillis,
    window: Window,
    head: OldestHead,
) -> UnixMillis {
    let fresh = match head {
        OldestHead::Empty => true,
        OldestHead::AcceptedAt(at) => now.since(at) < MAX_HEAD_AGE,
        OldestHead::Unknown => false,
    };
    if fresh {
        floor.max(now.plus(-window.past() - DAY))
    } else {
        floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_monotone_and_waits_for_old_heads() {
        let (w, now) = (Window::default(), UnixMillis(100 * DAY));
        let target = now.plus(-3 * DAY);
        assert_eq!(next_floor(UnixMillis(0), now, w, OldestHead::Empty), target);
        assert_eq!(next_floor(now, now, w, OldestHead::Empty), now);
        let old = OldestHead::AcceptedAt(now.plus(-MAX_HEAD_AGE));
        for head in [old, OldestHead::Unknown] {
            assert_eq!(
                next_floor(UnixMillis(5), now, w, head),
                UnixMillis(5),
                "{head:?}"
            );
        }
    }

    #[test]
    fn residual_is_what_is_missing() {
        let t = Tally {
            received: 10,
            counted: 5,
            duplicates: 2,
            conflicts: 1,
            dead_open: 1,
            discarded: 1,
            ..Tally::default()
        };
        assert_eq!(t.residual(), 0);
        assert_eq!(Tally { received: 11, ..t }.residual(), 1);
    }
}
