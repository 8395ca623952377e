//! What the comparison found.

use std::fmt;

use sendry_domain::{
    dead_letter::{DeadLetter, State},
    ledger::Tally,
};
use serde::Serialize;

/// The comparison. All of `lost` to `residual` must be 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Events with a 202.
    pub confirmed: u64,
    /// Events without, one of whose attempts has no known end.
    pub indeterminate: u64,
    /// Of the latter, those that are held.
    pub landed: u64,
    /// Events of which another content was kept, as it must be.
    pub contested: u64,
    /// Poison that became a dead letter, as it must.
    pub poisoned: u64,
    /// Confirmed, and nowhere.
    pub lost: u64,
    /// Held more than once.
    pub duplicated: u64,
    /// Held, and surely refused or never sent; or poison that was counted.
    pub unexpected: u64,
    /// Contents kept as conflicts that are none, or conflicts of which nothing is kept.
    pub conflicting: u64,
    /// Dead letters of events that are no poison.
    pub dead: u64,
    /// Buckets of any series, by minute or hour, that differ from the raw events in any integer.
    pub cells_wrong: u64,
    /// What the account does not explain, or says otherwise than what is there.
    pub residual: u64,
    /// Names of some of these events.
    #[serde(skip)]
    pub examples: Vec<String>,
}

impl Verdict {
    /// Whether everything that must be 0 is.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Self {
            lost,
            duplicated,
            unexpected,
            conflicting,
            dead,
            cells_wrong,
            residual,
            ..
        } = self;
        [
            lost,
            duplicated,
            unexpected,
            conflicting,
            dead,
            cells_wrong,
            residual,
        ]
        .into_iter()
        .all(|count| *count == 0)
    }

    /// Events that may have been counted and are held nowhere.
    pub(super) fn missing(&self) -> u64 {
        self.lost + self.indeterminate - self.landed
    }

    /// Compares a tenant's account with what is there.
    pub(super) fn account(
        &mut self,
        tally: &Tally,
        raw: usize,
        letters: &[DeadLetter],
        raw_refused: usize,
    ) {
        let of = |state: State| -> i64 {
            let letters = letters.iter().filter(|letter| letter.state == state);
            letters.map(|letter| i64::from(letter.events)).sum()
        };
        let columns = [
            ("residual", tally.residual(), 0),
            (
                "counted",
                tally.counted - tally.raw_refused,
                i64::try_from(raw).unwrap_or(i64::MAX),
            ),
            ("conflicts", tally.conflicts, of(State::Conflict)),
            ("dead_open", tally.dead_open, of(State::Open)),
            ("discarded", tally.discarded, of(State::Discarded)),
            ("replayed", tally.replayed, of(State::Replayed)),
            (
                "raw_refused",
                tally.raw_refused,
                i64::try_from(raw_refused).unwrap_or(i64::MAX),
            ),
        ];
        for (column, said, there) in columns {
            if said != there {
                self.residual += said.abs_diff(there);
                self.examples.push(format!(
                    "the account says {column} {said}, there is {there}"
                ));
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            confirmed,
            indeterminate,
            landed,
            contested,
            poisoned,
            lost,
            duplicated,
            unexpected,
            conflicting,
            dead,
            cells_wrong,
            residual,
            examples,
        } = self;
        write!(
            f,
            "confirmed {confirmed}, indeterminate {indeterminate}, landed {landed}, lost {lost}, duplicated {duplicated}, unexpected {unexpected}, conflicting {conflicting}, dead {dead}, cells_wrong {cells_wrong}, residual {residual} (contested {contested}, poisoned {poisoned})"
        )?;
        for example in examples.iter().take(10) {
            write!(f, "\n  {example}")?;
        }
        Ok(())
    }
}
