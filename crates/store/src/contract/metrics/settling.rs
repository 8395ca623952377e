//! Settling letters: each once, as counted after all or given up.

use std::sync::Arc;

use sendry_domain::{
    dead_letter::{DeadLetterId, State},
    rollup::{Level, MINUTE_RETENTION},
    series::SeriesKind,
    time::DAY,
};

use super::{
    super::build::{NOW, Sealer, event, request, request_of},
    View,
    dead_letters::{corrected, poison, poisoned, replay},
    parse, parse_at, won,
};
use crate::{MetricStore, ReplayError, Replayed};

pub async fn a_letter_replayed_twice_counts_once(store: Arc<dyn MetricStore>) {
    let (t, id) = poisoned(&store, "replay-twice").await;
    let replayed = replay(&t, id, &corrected()).await.unwrap();
    assert_eq!(replayed.letter.state, State::Replayed);
    assert_eq!(&*replayed.endpoint, "/");
    let again = replay(&t, id, &corrected()).await;
    assert!(
        matches!(again, Err(ReplayError::NotOpen(State::Replayed))),
        "{again:?}"
    );
    let tally = t.tally().await;
    assert_eq!((tally.counted, tally.replayed, tally.dead_open), (2, 1, 0));
    // Nor does its event count when it is sent again, as it was or corrected.
    t.send(2, &request_of([poison()])).await;
    t.send(3, &request_of([corrected()])).await;
    assert_eq!(t.tally().await.counted, 2);
    // Nor is its message counted again, and the letter's position is not among those it won.
    let again = t.send(1, &request_of([poison(), event().json()])).await;
    assert_eq!(won(&again), [1]);
}

pub async fn replays_that_race_count_once(store: Arc<dyn MetricStore>) {
    let (t, id) = poisoned(&store, "replay-race").await;
    let racers = (0..8).map(|_| {
        let t = t.clone();
        tokio::spawn(async move { replay(&t, id, &corrected()).await.is_ok() })
    });
    let racers: Vec<_> = racers.collect();
    let mut successes = 0;
    for racer in racers {
        successes += u32::from(racer.await.unwrap());
    }
    assert_eq!(successes, 1);
    let tally = t.tally().await;
    assert_eq!((tally.counted, tally.replayed, tally.dead_open), (2, 1, 0));
}

pub async fn a_replay_and_a_discard_that_race_settle_once(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "settle-race");
    let letters: u32 = 12;
    t.send(
        1,
        &request_of((0..letters).map(|i| format!("{{\"n\":{i}}}"))),
    )
    .await;
    let mut racers = Vec::new();
    for position in 0..letters {
        let (a, b, id) = (t.clone(), t.clone(), t.place(1, position));
        racers.push(tokio::spawn(async move {
            let body = event().json();
            let replaying = replay(&a, id, &body);
            let discarding = b.store.discard(&b.id, id, "noise", NOW);
            let (replayed, discarded) = tokio::join!(replaying, discarding);
            assert!(
                replayed.is_ok() != discarded.is_ok(),
                "exactly one settles it"
            );
        }));
    }
    for racer in racers {
        racer.await.unwrap();
    }
    let tally = t.tally().await;
    assert_eq!(tally.dead_open, 0);
    assert_eq!(tally.replayed + tally.discarded, i64::from(letters));
}

pub async fn a_corrected_replay_keeps_the_corrected_body(store: Arc<dyn MetricStore>) {
    let (t, id) = poisoned(&store, "corrected").await;
    let returned = replay(&t, id, &corrected()).await.unwrap().letter;
    let stored = store.dead_letter(&t.id, id).await.unwrap().unwrap();
    assert_eq!(stored, returned);
    assert_eq!(stored.body, corrected());
    assert_eq!(stored.service.as_deref(), Some("mended"));
    let services = t.by_series(SeriesKind::Service, Level::Hour).await;
    assert!(
        services
            .keys()
            .any(|s| s.service.as_deref() == Some("mended"))
    );
}

pub async fn a_replay_ignores_the_floor_and_fills_the_levels_of_its_age(
    store: Arc<dyn MetricStore>,
) {
    let t = View::of(&store, "replay-age");
    t.send(
        1,
        &request_of(["{\"n\":0}".to_owned(), "{\"n\":1}".to_owned()]),
    )
    .await;
    let later = NOW.plus(20 * DAY);
    t.purge(later).await;
    // One older than minutes are kept, one exactly at their edge.
    let edge = later.plus(-MINUTE_RETENTION);
    for (position, at) in [(0, NOW), (1, edge)] {
        let event = event().at(at).json();
        let parsed = parse_at(&event, later);
        let id = t.place(1, position);
        store
            .replay(&t.id, id, &parsed, &event, later)
            .await
            .unwrap();
    }
    assert_eq!(t.total(SeriesKind::Tenant, Level::Minute).await.count, 1);
    for level in [Level::Hour, Level::Day, Level::Month] {
        assert_eq!(
            t.total(SeriesKind::Tenant, level).await.count,
            2,
            "{level:?}"
        );
    }
    assert_eq!(t.tally().await.late, 1);
    store.derive_levels().await.unwrap();
    assert_eq!(t.total(SeriesKind::Status, Level::Day).await.count, 2);
}

pub async fn a_discarded_letter_is_closed(store: Arc<dyn MetricStore>) {
    let (t, id) = poisoned(&store, "discard").await;
    let discarded = store
        .discard(&t.id, id, "a broken client", NOW)
        .await
        .unwrap();
    assert_eq!(discarded.state, State::Discarded);
    assert_eq!(discarded.message, "a broken client");
    assert_eq!(discarded.body, poison());
    let stored = store.dead_letter(&t.id, id).await.unwrap();
    assert_eq!(stored, Some(discarded));
    let again = store.discard(&t.id, id, "again", NOW).await;
    assert!(
        matches!(again, Err(ReplayError::NotOpen(State::Discarded))),
        "{again:?}"
    );
    let replayed = replay(&t, id, &corrected()).await;
    assert!(
        matches!(replayed, Err(ReplayError::NotOpen(State::Discarded))),
        "{replayed:?}"
    );
    let tally = t.tally().await;
    assert_eq!((tally.received, tally.counted, tally.discarded), (2, 1, 1));
    let missing = store.discard(&t.id, t.place(1, 9), "x", NOW).await;
    assert!(matches!(missing, Err(ReplayError::NotFound)), "{missing:?}");
}

pub async fn letters_that_could_be_duplicates_are_not_replayable(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "not-replayable");
    t.purge(NOW).await;
    let early = Sealer {
        accepted_at: NOW.plus(-4 * DAY),
        ..t.seal.clone()
    };
    let late = request([event().at(NOW.plus(-4 * DAY))]);
    let message = early.message(1, &late);
    let id = DeadLetterId {
        message: message.id,
        position: 0,
    };
    t.count(&[message]).await;
    let refused = replay(&t, id, &event().json()).await;
    assert!(
        matches!(&refused, Err(ReplayError::NotReplayable(reason)) if reason == "too_late"),
        "{refused:?}"
    );
    t.send(2, &request([event().id("a")])).await;
    t.send(3, &request([event().id("a").status(404)])).await;
    let conflict = replay(&t, t.place(3, 0), &event().json()).await;
    assert!(
        matches!(conflict, Err(ReplayError::NotOpen(State::Conflict))),
        "{conflict:?}"
    );
    let discarded = store.discard(&t.id, t.place(3, 0), "x", NOW).await;
    assert!(
        matches!(discarded, Err(ReplayError::NotOpen(State::Conflict))),
        "{discarded:?}"
    );
    let elsewhere = View::of(&store, "not-replayable-other");
    let foreign = replay(&elsewhere, id, &event().json()).await;
    assert!(matches!(foreign, Err(ReplayError::NotFound)), "{foreign:?}");
    assert_eq!(t.account().await, (3, 1, 0, 1, 1));
}

pub async fn a_replayed_letter_owes_its_raw_event_until_it_is_settled(store: Arc<dyn MetricStore>) {
    let t = View::of(&store, "owed");
    t.send(1, &request_of([0, 1, 2].map(|i| format!("{{\"n\":{i}}}"))))
        .await;
    let owed = async || -> Vec<Replayed> {
        let owed = store.raw_owed(1_000).await.unwrap();
        owed.into_iter()
            .filter(|o| o.letter.tenant == t.id)
            .collect()
    };
    assert!(owed().await.is_empty());
    let body = event().endpoint("/owed").json();
    for (position, at) in [(2, NOW), (0, NOW.plus(1))] {
        let id = t.place(1, position);
        store
            .replay(&t.id, id, &parse(&body), &body, at)
            .await
            .unwrap();
    }
    let list = owed().await;
    let positions: Vec<_> = list.iter().map(|o| o.letter.id.position).collect();
    assert_eq!(positions, [2, 0], "oldest first");
    assert_eq!(
        (&*list[0].endpoint, &*list[0].letter.body),
        ("/owed", &*body)
    );
    let elsewhere = View::of(&store, "owed-other");
    store
        .raw_settled(&elsewhere.id, t.place(1, 2))
        .await
        .unwrap();
    assert_eq!(owed().await.len(), 2, "another tenant settles nothing");
    for _ in 0..2 {
        store.raw_settled(&t.id, t.place(1, 2)).await.unwrap();
    }
    assert_eq!(owed().await.len(), 1);
    // The limit holds over all tenants, so ask for one.
    assert!(store.raw_owed(1).await.unwrap().len() <= 1);
}
