//! What is the same event, and counts once.

use std::sync::Arc;

use sendry_domain::{
    dead_letter::State, id::PipelineName, query::GroupBy, rollup::Level, series::SeriesKind,
    time::UnixMillis,
};

use super::{
    super::build::{EventBuilder, NOW, Sealer, all, arrive, event, minted, request, request_of},
    View, won,
};
use crate::{LedgerView, MetricStore};

/// `n` events that differ.
fn some(n: usize) -> Vec<EventBuilder> {
    (0..n).map(|i| event().with("latencyMs", 1 + i)).collect()
}

pub async fn a_redelivered_message_wins_the_same_positions_and_tallies_nothing(
    store: Arc<dyn MetricStore>,
) {
    let t = View::of(&store, "redelivery");
    let mixed = [event().json(), "{}".to_owned(), event().status(500).json()];
    let message = t.seal.message(1, &request_of(mixed));
    let first = t.count(std::slice::from_ref(&message)).await.remove(0);
    assert!(!first.won.redelivered);
    assert_eq!(won(&first), [0, 2]);
    let before = (
        t.tally().await,
        t.total(SeriesKind::Status, Level::Minute).await,
    );
    for _ in 0..2 {
        let again = t.count(std::slice::from_ref(&message)).await.remove(0);
        assert!(again.won.redelivered);
        assert_eq!(won(&again), [0, 2]);
    }
    let after = (
        t.tally().await,
        t.total(SeriesKind::Status, Level::Minute).await,
    );
    assert_eq!(after, before);
    assert_eq!(t.letters(None).await.len(), 1);
}

pub async fn what_another_message_counted_is_not_won_when_delivered_again(
    store: Arc<dyn MetricStore>,
) {
    let t = View::of(&store, "won-by-another");
    let named = request([event().id("a"), event().id("b"), event().id("c")]);
    let batch = request([event(), event(), event()]).batch(7);
    let requests = [named, batch];
    // The second message has one event of each kind that the first has, and one that is new.
    let first = t.seal.seal(1, &requests, &[(0, 0), (0, 1), (1, 0), (1, 1)]);
    let second = t.seal.seal(2, &requests, &[(0, 1), (0, 2), (1, 1), (1, 2)]);
    t.count(&[first]).await;
    for redelivered in [false, true] {
        let counted = t.count(std::slice::from_ref(&second)).await;
        assert_eq!(counted[0].won.redelivered, redelivered);
        assert_eq!(won(&counted[0]), [1, 3]);
    }
    assert_eq!(t.account().await, (8, 6, 2, 0, 0));
}

pub async fn a_message_twice_in_one_call_counts_once(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "twice-in-a-call");
    let message = t.seal.message(1, &request(some(3)));
    let counted = t.count(&[message.clone(), message]).await;
    assert_eq!(won(&counted[0]), [0, 1, 2]);
    assert_eq!(won(&counted[1]), [0, 1, 2]);
    assert!(!counted[0].won.redelivered && counted[1].won.redelivered);
    assert_eq!(t.account().await, (3, 3, 0, 0, 0));
}

pub async fn a_batch_sent_again_under_another_message_counts_once(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "resend");
    let batch = request(some(3)).batch(7);
    t.send(1, &batch).await;
    let again = t.send(2, &batch).await;
    assert_eq!(won(&again), [0u32; 0]);
    assert!(!again.won.redelivered, "another message, that won nothing");
    assert_eq!(t.account().await, (6, 3, 3, 0, 0));
}

pub async fn a_resend_after_a_partial_rejection_counts_what_is_missing(
    store: Arc<dyn MetricStore>,
) {
    let t = View::of(&store, "partial");
    let batch = [request(some(4)).batch(7)];
    // Ingest rejected the second and last event at first, and had learnt better at the resend.
    let first = t.seal.seal(1, &batch, &[(0, 0), (0, 2)]);
    t.count(&[first]).await;
    let second = t.count(&[t.seal.seal(2, &batch, &all(&batch))]).await;
    assert_eq!(won(&second[0]), [1, 3]);
    assert_eq!(t.account().await, (6, 4, 2, 0, 0));
}

pub async fn a_batch_routed_and_grouped_otherwise_counts_once(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "regrouped");
    let requests = [
        request(some(4)).batch(7),
        request(some(2)).batch(8),
        request([event().id("a"), event().id("b").status(500)]),
    ];
    t.count(&[t.seal.seal(1, &requests, &all(&requests))]).await;
    // The same requests again, after a pipeline was split: other messages, other queues, another order.
    let other = Sealer {
        pipeline: PipelineName::new("other").unwrap(),
        ..t.seal.clone()
    };
    let again = [
        other.seal(2, &requests, &[(2, 1), (0, 3), (1, 0)]),
        t.seal.seal(3, &requests, &[(0, 1), (0, 0), (2, 0)]),
        other.seal(4, &requests, &[(1, 1), (0, 2)]),
    ];
    for counted in t
        .count(&again[..2])
        .await
        .iter()
        .chain(&t.count(&again[2..]).await)
    {
        assert_eq!(won(counted), [0u32; 0]);
    }
    assert_eq!(t.account().await, (16, 8, 8, 0, 0));
}

pub async fn the_same_bytes_are_the_same_event_however_they_travelled(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "gzip");
    // Once plain and once compressed: the inflated bytes, and so the fingerprints, are equal. What ingest stamped or
    // masked in them differs, and does not matter.
    let sent = || [event().id("a"), event().id("b")];
    let stamped = |millis| sent().map(|e| e.at(NOW.plus(millis)));
    let batched = || request(some(2)).batch(7);
    t.send(1, &request(sent()).travelling_as(stamped(-50)))
        .await;
    t.send(2, &request(sent()).travelling_as(stamped(-20)))
        .await;
    t.send(3, &batched()).await;
    let masked = some(2).into_iter().map(|e| e.with("path", "/?token=***"));
    t.send(4, &batched().travelling_as(masked)).await;
    assert_eq!(t.account().await, (8, 4, 4, 0, 0));
}

pub async fn an_id_that_was_minted_for_a_message_counts_once_when_it_comes_back(
    store: Arc<dyn MetricStore>,
) {
    let t = View::of(&store, "minted-message");
    let message = t.seal.message(1, &request(some(3)));
    // Some come back before their first send is counted, some after.
    let back = |positions: &[usize]| {
        let named = |p: &usize| event().id(&minted(&message, *p)).with("latencyMs", 1 + p);
        request(positions.iter().map(named))
    };
    t.send(2, &back(&[2])).await;
    t.count(std::slice::from_ref(&message)).await;
    t.send(3, &back(&[0, 1]).batch(9)).await;
    assert_eq!(t.account().await, (6, 3, 3, 0, 0));
}

pub async fn an_id_that_was_minted_for_a_batch_counts_once_when_it_comes_back(
    store: Arc<dyn MetricStore>,
) {
    let t = View::of(&store, "minted-batch");
    let batch = request(some(3)).batch(7);
    let message = t.seal.message(1, &batch);
    t.count(std::slice::from_ref(&message)).await;
    let back = request([event().id(&minted(&message, 1)).with("latencyMs", 2)]);
    t.send(2, &back).await;
    t.send(3, &batch).await;
    assert_eq!(t.account().await, (7, 3, 4, 0, 0));
}

pub async fn of_repeats_in_one_message_the_lowest_position_wins(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "repeats");
    let repeats = [
        event().id("x"),
        event().id("a"),
        event().id("a"),
        event().id("x"),
    ];
    assert_eq!(won(&t.send(1, &request(repeats)).await), [0, 1]);
    assert_eq!(t.account().await, (4, 2, 2, 0, 0));
}

pub async fn of_repeats_in_one_call_the_first_message_wins(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "repeats-in-a-call");
    let same = request([event().id("a")]);
    let other = request([event().id("a").status(500)]);
    let messages = [(9, &same), (1, &same), (5, &other)].map(|(n, r)| t.seal.message(n, r));
    let counted = t.count(&messages).await;
    let winners: Vec<_> = counted.iter().map(won).collect();
    assert_eq!(winners, [vec![0], vec![], vec![]]);
    assert_eq!(t.account().await, (3, 1, 1, 1, 0));
}

pub async fn an_event_id_with_other_content_is_a_kept_conflict(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "conflict-event");
    t.send(1, &request([event().id("order-1")])).await;
    let other = event().id("order-1").status(500);
    let counted = t.send(2, &request([other.clone()])).await;
    assert_eq!(won(&counted), [0u32; 0]);
    assert_eq!(t.account().await, (2, 1, 0, 1, 0));
    let letter = t.letter(State::Conflict).await;
    assert_eq!(letter.id, t.place(2, 0));
    assert_eq!(
        (letter.reason.as_str(), letter.replayable),
        ("conflict", false)
    );
    assert_eq!(letter.body, other.json(), "its content is kept");
    assert_eq!(letter.event_id.as_deref(), Some("order-1"));
    // The first content still counts as seen.
    t.send(3, &request([event().id("order-1")])).await;
    assert_eq!(t.account().await, (3, 1, 1, 1, 0));
}

pub async fn a_batch_id_with_other_content_is_a_kept_conflict(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "conflict-batch");
    t.send(1, &request(some(2)).batch(7)).await;
    let other = request([event().status(404), event().status(405), event()]).batch(7);
    let counted = t.send(2, &other).await;
    assert_eq!(
        won(&counted),
        [0u32; 0],
        "not even the position it has more"
    );
    assert_eq!(t.account().await, (5, 2, 0, 3, 0));
    assert_eq!(t.letters(Some(State::Conflict)).await.len(), 3);
    t.send(3, &request(some(2)).batch(7)).await;
    assert_eq!(t.account().await, (7, 2, 2, 3, 0));
}

pub async fn equal_ids_of_two_tenants_both_count(store: Arc<dyn MetricStore>) {
    let (a, b) = (
        View::of(&store, "same-ids-a"),
        View::of(&store, "same-ids-b"),
    );
    let named = request([event().id("a"), event().id("b")]);
    let batch = request(some(3)).batch(7);
    // In one call, too: a worker may hold messages of several tenants.
    a.count(&[
        a.seal.message(1, &named),
        b.seal.message(1, &named),
        b.seal.message(2, &batch),
        a.seal.message(2, &batch),
    ])
    .await;
    for t in [&a, &b] {
        assert_eq!(t.account().await, (5, 5, 0, 0, 0), "{}", t.id);
        t.send(3, &named).await;
        assert_eq!(t.account().await, (7, 5, 2, 0, 0), "{}", t.id);
    }
}

pub async fn no_query_sees_another_tenant(store: Arc<dyn MetricStore>) {
    let (a, b) = (
        View::of(&store, "isolated-a"),
        View::of(&store, "isolated-b"),
    );
    a.send(
        1,
        &request_of([event().service("a").json(), "[]".to_owned()]),
    )
    .await;
    b.send(1, &request([event().service("b"), event().service("b")]))
        .await;
    store.derive_levels().await.unwrap();
    for level in Level::ALL {
        for kind in SeriesKind::ALL {
            assert_eq!(a.total(kind, level).await.count, 1, "{kind:?} {level:?}");
            assert_eq!(b.total(kind, level).await.count, 2, "{kind:?} {level:?}");
        }
    }
    let services = b
        .groups(SeriesKind::Service, Level::Hour, GroupBy::Series)
        .await;
    assert_eq!(services[0].series.service.as_deref(), Some("b"));
    assert!(b.letters(None).await.is_empty());
    assert_eq!(store.dead_letter(&b.id, a.place(1, 1)).await.unwrap(), None);
    assert_eq!(b.account().await, (2, 2, 0, 0, 0));
    // Nor does a purge touch another's rows.
    b.purge(UnixMillis(NOW.0 * 2)).await;
    assert_eq!(a.account().await, (2, 1, 0, 0, 1));
    assert_eq!(store.ledger(&a.id).await.unwrap().floor, None);
}

pub async fn an_unknown_tenant_is_an_empty_one(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "nobody");
    store.check().await.unwrap();
    assert_eq!(store.ledger(&t.id).await.unwrap(), LedgerView::default());
    assert!(
        t.groups(SeriesKind::Tenant, Level::Day, GroupBy::Total)
            .await
            .is_empty()
    );
    assert!(t.letters(None).await.is_empty());
    assert!(t.count(&[]).await.is_empty());
    assert_eq!(t.purge(NOW).await, 0);
}

pub async fn rehearsing_changes_nothing(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "rehearsal");
    let events = [
        event().id("a").json(),
        "{}".to_owned(),
        event().endpoint("/new").json(),
    ];
    let message = t.seal.message(1, &request_of(events));
    store
        .rehearse(&arrive(std::slice::from_ref(&message)), NOW)
        .await
        .unwrap();
    assert_eq!(store.ledger(&t.id).await.unwrap(), LedgerView::default());
    assert!(t.letters(None).await.is_empty());
    assert!(
        t.groups(SeriesKind::Tenant, Level::Hour, GroupBy::Total)
            .await
            .is_empty()
    );
    let counted = t.count(&[message]).await.remove(0);
    assert!(!counted.won.redelivered);
    assert_eq!(won(&counted), [0, 2]);
    assert_eq!(t.account().await, (3, 2, 0, 0, 1));
}
