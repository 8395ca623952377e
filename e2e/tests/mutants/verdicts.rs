//! What the oracle says of the product, and of each mutant.

use sendry_testkit::oracle::Verdict;

use crate::{
    mutants_of_counts::{LedgerByArrival, LedgerOutside, RawOfLosers},
    mutants_of_queues::{AckBeforeCommit, AtMostOnceDeadLettering, AutoAck, NoConfirm},
    scenario::play,
    stage::{Mutant, None},
};

const SEEDS: [u64; 2] = [1, 2];

/// Plays the evening with each seed, and holds every verdict to what this mutant must be caught by.
async fn verdicts<M: Mutant + 'static>(
    name: &str,
    make: impl Fn() -> M,
    expected: impl Fn(&Verdict) -> bool,
) {
    for seed in SEEDS {
        let verdict = play(Box::new(make()), seed).await;
        println!("{name}, seed {seed}: {verdict}");
        assert!(expected(&verdict), "{name}, seed {seed}: {verdict}");
    }
}

/// It lost events and did nothing worse, and the oracle says just that.
fn only_lost(v: &Verdict) -> bool {
    !v.is_clean() && v.lost > 0 && v.duplicated == 0 && v.unexpected == 0
}

/// It counted events more than once and did nothing worse.
fn only_duplicated(v: &Verdict) -> bool {
    !v.is_clean() && v.duplicated > 0 && v.lost == 0 && v.unexpected == 0
}

#[tokio::test]
async fn the_product_as_it_is_is_clean() {
    let clean = |v: &Verdict| v.is_clean() && v.confirmed > 300 && v.indeterminate == v.landed;
    verdicts("no mutant", || None, clean).await;
}

#[tokio::test]
async fn ack_before_commit_loses() {
    verdicts("ack before commit", || AckBeforeCommit, only_lost).await;
}

#[tokio::test]
async fn auto_ack_loses() {
    verdicts("auto-ack", || AutoAck, only_lost).await;
}

#[tokio::test]
async fn no_confirm_loses() {
    verdicts("no confirm", || NoConfirm, only_lost).await;
}

#[tokio::test]
async fn at_most_once_dead_lettering_loses() {
    let name = "at-most-once dead-lettering";
    verdicts(name, || AtMostOnceDeadLettering, only_lost).await;
}

#[tokio::test]
async fn a_ledger_outside_the_transaction_counts_twice() {
    let caught = |v: &Verdict| only_duplicated(v) && v.cells_wrong > 0;
    let name = "ledger outside the transaction";
    verdicts(name, LedgerOutside::default, caught).await;
}

#[tokio::test]
async fn a_ledger_keyed_by_arrival_time_counts_twice() {
    let name = "ledger keyed by arrival time";
    verdicts(name, || LedgerByArrival, only_duplicated).await;
}

#[tokio::test]
async fn raw_events_written_by_losers_are_more_than_was_counted() {
    let caught = |v: &Verdict| only_duplicated(v) && v.cells_wrong > 0;
    verdicts("raw events of losers", || RawOfLosers, caught).await;
}
