//! Letters: kept with what a person needs, listed, buried, forgotten in time.

use std::{collections::BTreeSet, sync::Arc};

use sendry_domain::{
    counting::undecodable,
    dead_letter::{DeadLetter, DeadLetterId, State},
    time::{DAY, HOUR, UnixMillis},
};

use super::{
    super::build::{NOW, event, request, request_of},
    View, parse, won,
};
use crate::{DeadLetterQuery, MetricStore, ReplayError, Replayed};

/// An event that breaks a rule, and so becomes a letter that can be replayed.
pub(super) fn poison() -> String {
    event().id("poison").with("latencyMs", -1).json()
}

/// Its correction.
pub(super) fn corrected() -> String {
    event().id("poison").service("mended").json()
}

pub(super) async fn replay(
    t: &View,
    id: DeadLetterId,
    body: &str,
) -> Result<Replayed, ReplayError> {
    t.store.replay(&t.id, id, &parse(body), body, NOW).await
}

/// The whole of a tenant with one poison event and one good one.
pub(super) async fn poisoned(store: &Arc<dyn MetricStore>, name: &str) -> (View, DeadLetterId) {
    let t = View::of(store, name);
    let counted = t.send(1, &request_of([poison(), event().json()])).await;
    assert_eq!(won(&counted), [1]);
    let id = t.place(1, 0);
    (t, id)
}

pub async fn a_poison_event_is_kept_with_its_reason_and_its_bytes(store: Arc<dyn MetricStore>) {
    let (t, id) = poisoned(&store, "poison").await;
    assert_eq!(t.account().await, (2, 1, 0, 0, 1));
    let letter = t.letter(State::Open).await;
    assert_eq!(
        store.dead_letter(&t.id, id).await.unwrap().as_ref(),
        Some(&letter)
    );
    assert_eq!((letter.id, letter.events, letter.replayable), (id, 1, true));
    assert_eq!(letter.field.as_deref(), Some("latencyMs"));
    assert!(!letter.reason.is_empty() && !letter.message.is_empty());
    assert_eq!(letter.body, poison());
    assert_eq!(letter.event_id.as_deref(), Some("poison"));
    assert_eq!(letter.request_id.as_deref(), Some("req-1-0"));
    assert_eq!((letter.accepted_at, letter.recorded_at), (NOW, NOW));
    // It holds its identity: the same event sent again is not another letter.
    t.send(2, &request_of([poison()])).await;
    assert_eq!(t.account().await, (3, 1, 1, 0, 1));
}

pub async fn letters_are_listed_newest_first_in_pages_without_gaps(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "pages");
    // Three messages; of the letters of one moment the greater id comes first.
    for (number, at) in [(1, NOW), (2, NOW.plus(5)), (3, NOW)] {
        let bad = (0..4).map(|i| format!("{{\"n\":{i}}}"));
        t.count_at(&[t.seal.message(number, &request_of(bad))], at)
            .await;
    }
    let mut query = DeadLetterQuery {
        state: Some(State::Open),
        after: None,
        limit: 5,
    };
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = store.dead_letters(&t.id, &query).await.unwrap();
        sizes.push(page.letters.len());
        seen.extend(page.letters.iter().map(|l| (l.recorded_at, l.id)));
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    assert_eq!(sizes, [5, 5, 2]);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    let places = [1, 2, 3].map(|n| (0..4).map(|p| t.place(n, p)).collect::<Vec<_>>());
    let expected: BTreeSet<_> = places.concat().into_iter().collect();
    assert_eq!(
        seen.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>(),
        expected
    );
    query = DeadLetterQuery {
        state: None,
        after: None,
        limit: 12,
    };
    let page = store.dead_letters(&t.id, &query).await.unwrap();
    assert_eq!(
        (page.letters.len(), page.next),
        (12, None),
        "a full last page has no next"
    );
}

pub async fn letters_are_listed_by_state(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "states");
    t.send(1, &request_of([0, 1, 2].map(|i| format!("{{\"n\":{i}}}"))))
        .await;
    t.send(2, &request([event().id("a")])).await;
    t.send(3, &request([event().id("a").status(404)])).await;
    replay(&t, t.place(1, 0), &event().json()).await.unwrap();
    store
        .discard(&t.id, t.place(1, 1), "noise", NOW)
        .await
        .unwrap();
    let states = [
        (State::Replayed, t.place(1, 0)),
        (State::Discarded, t.place(1, 1)),
        (State::Open, t.place(1, 2)),
        (State::Conflict, t.place(3, 0)),
    ];
    for (state, id) in states {
        assert_eq!(t.letter(state).await.id, id, "{state:?}");
    }
    assert_eq!(t.letters(None).await.len(), 4);
    let tally = t.tally().await;
    assert_eq!((tally.received, tally.counted, tally.replayed), (5, 2, 1));
    assert_eq!(
        (tally.dead_open, tally.discarded, tally.conflicts),
        (1, 1, 1)
    );
}

fn unreadable(t: &View, number: u32, events: u32) -> DeadLetter {
    let id = t.seal.id(number);
    undecodable(t.id.clone(), id, events, b"{\"v\":9}", "version 9", NOW)
}

pub async fn an_undecodable_message_is_buried_once(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "bury");
    let letters = [unreadable(&t, 1, 40), unreadable(&t, 2, 2)];
    store.bury(&letters).await.unwrap();
    store.bury(&letters[..1]).await.unwrap();
    store
        .bury(&[letters[1].clone(), letters[1].clone()])
        .await
        .unwrap();
    assert_eq!(t.account().await, (42, 0, 0, 0, 42));
    assert_eq!(t.letters(None).await.len(), 2);
    let id = t.place(1, 0);
    assert_eq!(
        store.dead_letter(&t.id, id).await.unwrap().as_ref(),
        Some(&letters[0])
    );
    let refused = replay(&t, id, &event().json()).await;
    assert!(
        matches!(refused, Err(ReplayError::NotReplayable(_))),
        "{refused:?}"
    );
    store.discard(&t.id, id, "lost", NOW).await.unwrap();
    let tally = t.tally().await;
    assert_eq!((tally.dead_open, tally.discarded), (2, 40));
    store.bury(&letters).await.unwrap();
    assert_eq!(t.tally().await, tally);
}

pub async fn a_message_is_counted_or_buried_never_both(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "bury-or-count");
    let events = request([event(), event().status(500)]);
    // Buried, not yet acked, and delivered to a later build that can read it.
    store.bury(&[unreadable(&t, 1, 2)]).await.unwrap();
    let counted = t.send(1, &events).await;
    assert!(counted.won.redelivered && won(&counted).is_empty());
    assert_eq!(t.account().await, (2, 0, 0, 0, 2));
    // Counted, and buried afterwards because its raw step crashed the keeper again and again.
    t.send(2, &events).await;
    store.bury(&[unreadable(&t, 2, 2)]).await.unwrap();
    assert_eq!(t.account().await, (4, 2, 0, 0, 2));
}

pub async fn a_refused_document_is_tallied_once(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "raw-refused");
    t.send(1, &request([event(), event().status(404)])).await;
    store
        .raw_refused(&t.id, &[t.place(1, 0), t.place(1, 1)])
        .await
        .unwrap();
    store.raw_refused(&t.id, &[t.place(1, 1)]).await.unwrap();
    store.raw_refused(&t.id, &[]).await.unwrap();
    assert_eq!(t.tally().await.raw_refused, 2);
    t.purge(NOW.plus(HOUR)).await;
    store.raw_refused(&t.id, &[t.place(1, 0)]).await.unwrap();
    assert_eq!(t.tally().await.raw_refused, 2);
}

pub async fn settled_letters_leave_and_open_ones_stay(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "letters-leave");
    t.send(
        1,
        &request_of([0, 1, 2, 3].map(|i| format!("{{\"n\":{i}}}"))),
    )
    .await;
    t.send(2, &request([event().id("a")])).await;
    t.send(3, &request([event().id("a").status(404)])).await;
    store
        .discard(&t.id, t.place(1, 0), "noise", NOW)
        .await
        .unwrap();
    for position in [1, 2] {
        replay(&t, t.place(1, position), &event().json())
            .await
            .unwrap();
    }
    store.raw_settled(&t.id, t.place(1, 1)).await.unwrap();
    let before = t.tally().await;
    t.purge(NOW.plus(89 * DAY)).await;
    assert_eq!(t.letters(None).await.len(), 5);
    t.purge(UnixMillis(NOW.0 + 91 * DAY)).await;
    let left: BTreeSet<_> = t.letters(None).await.iter().map(|l| l.id).collect();
    // Open, and replayed with its raw event still owed.
    assert_eq!(left, [t.place(1, 3), t.place(1, 2)].into());
    assert_eq!(t.tally().await, before, "the account does not forget");
}
