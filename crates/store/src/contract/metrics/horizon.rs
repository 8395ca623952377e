//! How long identities are remembered, and that nothing counts twice by outliving that.

use std::sync::Arc;

use sendry_domain::{
    dead_letter::State,
    ledger::{MAX_HEAD_AGE, OldestHead},
    message::Scope,
    rollup::Level,
    time::{DAY, HOUR, MINUTE, UnixMillis},
    window::Window,
};

use super::{
    super::build::{NOW, Sealer, event, request},
    View, won,
};
use crate::MetricStore;

/// How far behind a purge the floor lies with the default window: 48 hours and a day.
const BEHIND: i64 = 3 * DAY;

async fn floor(t: &View) -> Option<UnixMillis> {
    t.store.ledger(&t.id).await.unwrap().floor
}

pub async fn below_the_floor_an_event_is_too_late(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "too-late");
    t.purge(NOW).await;
    let floor = floor(&t).await.unwrap();
    assert_eq!(floor, NOW.plus(-BEHIND));
    // A message that waited through a long outage: fresh when it was accepted, so it is valid.
    let waited = Sealer {
        accepted_at: floor,
        ..t.seal.clone()
    };
    let events = request([event().at(floor.plus(-1)), event().at(floor)]);
    let counted = t.count(&[waited.message(1, &events)]).await;
    assert_eq!(won(&counted[0]), [1], "the floor itself still counts");
    assert_eq!(t.account().await, (2, 1, 0, 0, 1));
    let letter = t.letter(State::Open).await;
    assert_eq!(
        (letter.reason.as_str(), letter.replayable),
        ("too_late", false)
    );
}

pub async fn an_identity_counts_once_even_after_its_row_is_gone(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "row-gone");
    let requests = [
        request([event().id("a")]),
        request([event(), event().status(404)]).batch(7),
    ];
    let first = [
        t.seal.message(1, &requests[0]),
        t.seal.message(2, &requests[1]),
    ];
    t.count(&first).await;
    let later = NOW.plus(BEHIND + 1);
    assert!(
        t.purge(later).await >= 4,
        "messages, source and event leave the ledger"
    );
    // Resent under other messages, and the very messages again.
    let resent = [
        t.seal.message(3, &requests[0]),
        t.seal.message(4, &requests[1]),
    ];
    t.count_at(&resent, later).await;
    t.count_at(&first, later).await;
    let tally = t.tally().await;
    assert_eq!(tally.counted, 3, "nothing counts twice: {tally:?}");
    let letters = t.letters(Some(State::Open)).await;
    assert!(letters.len() >= 3, "{letters:?}");
    assert!(
        letters.iter().all(|letter| letter.reason == "too_late"),
        "{letters:?}"
    );
}

pub async fn a_row_stays_as_long_as_its_event_time_or_counting_time_is_above_the_floor(
    store: Arc<dyn MetricStore>,
) {
    let t = View::of(&store, "row-stays");
    let old = request([event().id("old-event").at(NOW.plus(-2 * DAY))]);
    let ahead = request([event().id("ahead").at(NOW.plus(10 * MINUTE))]);
    t.count_at(&[t.seal.message(1, &old)], NOW).await;
    t.count_at(&[t.seal.message(2, &ahead)], NOW.plus(-HOUR))
        .await;
    // The floor passes the old event's time and the other's counting time, not the later of each.
    t.purge(NOW.plus(BEHIND)).await;
    let accepted_before = Sealer {
        accepted_at: NOW,
        ..t.seal.clone()
    };
    let again = [
        accepted_before.message(3, &ahead),
        accepted_before.message(4, &old),
    ];
    t.count_at(&again, NOW.plus(BEHIND)).await;
    assert_eq!(
        t.account().await,
        (4, 2, 2, 0, 0),
        "both are known, not too late"
    );
    // So do the rows of their messages.
    let first = [t.seal.message(1, &old), t.seal.message(2, &ahead)];
    for counted in t.count_at(&first, NOW.plus(BEHIND)).await {
        assert!(counted.won.redelivered);
        assert_eq!(won(&counted), [0]);
    }
}

pub async fn the_floor_waits_for_queues_that_may_hold_old_messages(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "floor-waits");
    let purge = async |at: UnixMillis, head: OldestHead| {
        let purged = store.purge(&t.id, at, Window::default(), head).await;
        purged.unwrap();
        floor(&t).await
    };
    let named = request([event().id("a")]);
    t.send(1, &named).await;
    let later = NOW.plus(BEHIND + HOUR);
    let old = OldestHead::AcceptedAt(later.plus(-MAX_HEAD_AGE));
    assert_eq!(
        purge(later, OldestHead::Unknown).await,
        None,
        "unknown is never empty"
    );
    assert_eq!(purge(later, old).await, None);
    t.count_at(&[t.seal.message(2, &named)], later).await;
    assert_eq!(t.account().await, (2, 1, 1, 0, 0), "its row was kept");
    let young = OldestHead::AcceptedAt(later.plus(1 - MAX_HEAD_AGE));
    assert_eq!(purge(later, young).await, Some(later.plus(-BEHIND)));
    let held = floor(&t).await;
    assert_eq!(purge(later.plus(DAY), OldestHead::Unknown).await, held);
}

pub async fn the_floor_never_moves_back(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "floor-back");
    t.purge(NOW).await;
    let held = floor(&t).await;
    t.purge(NOW.plus(-DAY)).await;
    assert_eq!(floor(&t).await, held, "a clock that went back");
    let window = Window::live(7 * DAY);
    let purged = store.purge(&t.id, NOW, window, OldestHead::Empty).await;
    purged.unwrap();
    assert_eq!(floor(&t).await, held, "a window that grew");
}

pub async fn a_retry_across_midnight_counts_once(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "midnight");
    let midnight = Level::Day.floor(NOW);
    let before = Sealer {
        accepted_at: midnight.plus(-1),
        ..t.seal.clone()
    };
    let after = Sealer {
        accepted_at: midnight.plus(30_000),
        ..t.seal.clone()
    };
    let named = request([event().id("a").at(midnight.plus(-5))]);
    let batch = request([event().at(midnight.plus(-5)), event().at(midnight.plus(-4))]).batch(7);
    t.count_at(
        &[before.message(1, &named), before.message(2, &batch)],
        midnight.plus(-1),
    )
    .await;
    // A purge in between, as every night.
    t.purge(midnight.plus(10_000)).await;
    t.count_at(
        &[after.message(3, &named), after.message(4, &batch)],
        midnight.plus(31_000),
    )
    .await;
    assert_eq!(t.account().await, (6, 3, 3, 0, 0));
}

pub async fn imported_history_is_remembered_as_long_as_its_hours(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "import");
    let file = request([
        event().at(NOW.plus(-400 * DAY)),
        event().at(NOW.plus(-100 * DAY)),
    ]);
    let file = file.batch(7);
    let import = |at| Sealer {
        accepted_at: at,
        scope: Scope::Backfill,
        ..t.seal.clone()
    };
    t.count(&[import(NOW).message(1, &file)]).await;
    assert_eq!(t.account().await, (2, 2, 0, 0, 0));
    // Far beyond the floor of live events, and imported again.
    let later = NOW.plus(300 * DAY);
    t.purge(later).await;
    t.count_at(&[import(later).message(2, &file)], later).await;
    assert_eq!(t.account().await, (4, 2, 2, 0, 0));
    // No floor makes history late.
    let other = request([event().at(NOW.plus(-200 * DAY))]).batch(8);
    let counted = t.count_at(&[import(later).message(3, &other)], later).await;
    assert_eq!(won(&counted[0]), [0]);
}
