//! The counting protocol: which events of a delivery count, decided from what the ledger already knows.
//!
//! **Guarantee.** Inside the horizon ([`crate::ledger`]) every identity is counted exactly once, whatever is redelivered,
//! resent, re-routed or re-grouped: a store runs, in one transaction, (1) [`Lookups`] – lock and load the rows that
//! could know these events, (2) [`judge`] – this pure function, (3) write the [`Verdict`]: ledger rows, buckets of the
//! events counted, tallies, dead letters. Either all of it is committed or none. Raw events are written after the
//! commit and before the ack; a redelivery finds its message in the ledger and gets the same positions back
//! ([`Verdict::won`]), so it can finish exactly its own raw step and tallies nothing again.
//!
//! What makes repetition safe is the ledger alone. Any cache in front of it is an optimisation.

mod arrival;
mod judge;

#[cfg(test)]
mod tests;

pub use arrival::{Arrival, ArrivedEvent, EventKey, SourceKey};
pub use judge::{
    EventRow, Known, Lookups, MessageRow, SourceRow, Verdict, Won, judge, undecodable,
};
