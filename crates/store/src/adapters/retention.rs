//! What leaves a store of counts, and when. One policy for every database; how rows are dropped is theirs.

use sendry_domain::{
    message::Scope,
    rollup::{HOUR_RETENTION, Level, MINUTE_RETENTION},
    series::SeriesKind,
    time::{DAY, UnixMillis},
};

/// How long dead letters are kept once settled, in milliseconds. Open ones stay.
const SETTLED_RETENTION: i64 = 90 * DAY;

/// One kind of row to drop: everything of it before a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Buckets that start before it.
    Buckets(Level, SeriesKind, UnixMillis),
    /// Identities whose event time and counting time are both before it.
    Ledger(Ledger, Scope, UnixMillis),
    /// Letters settled before it.
    DeadLetters(UnixMillis),
    /// Refused documents of messages that are forgotten.
    Refusals,
}

/// A table of identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// By message.
    Messages,
    /// By source.
    Sources,
    /// By the client's own id.
    Events,
}

/// What may leave at `at`. Live identities leave below the tenant's `floor`, and none as long as there is no floor.
pub fn steps(at: UnixMillis, floor: Option<UnixMillis>) -> Vec<Step> {
    let mut steps = Vec::new();
    // Months leave whole and with all of their days and hours, so that no level ever says less than another.
    let month = Level::Month.floor(at.plus(-HOUR_RETENTION));
    for level in Level::ALL {
        let before = match level {
            Level::Minute => at.plus(-MINUTE_RETENTION),
            Level::Hour | Level::Day | Level::Month => month,
        };
        steps.extend(SeriesKind::ALL.map(|kind| Step::Buckets(level, kind, before)));
    }
    for ledger in [Ledger::Messages, Ledger::Sources, Ledger::Events] {
        steps.extend(floor.map(|floor| Step::Ledger(ledger, Scope::Live, floor)));
        // A file imported again must count once, for as long as its buckets are there.
        let imported = at.plus(-HOUR_RETENTION);
        steps.push(Step::Ledger(ledger, Scope::Backfill, imported));
    }
    steps.push(Step::DeadLetters(at.plus(-SETTLED_RETENTION)));
    // After the ledger: it says which messages are forgotten.
    steps.push(Step::Refusals);
    steps
}
