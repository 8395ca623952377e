//! NUL, which PostgreSQL's texts cannot hold.

use sendry_domain::{counting::undecodable, dead_letter::State};

use super::{stage::TestDatabase, view};
use crate::{
    MetricStore, ReplayError, StoreError,
    contract::build::{NOW, arrive, event, request, request_of},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_undecodable_message_is_buried_whatever_its_bytes() {
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    let t = view(&store, "nul");
    let body = b"\0not\0a message\xff";
    let letter = undecodable(t.id.clone(), t.seal.id(1), 3, body, "byte 0 is \0", NOW);
    store.bury(std::slice::from_ref(&letter)).await.unwrap();
    store.bury(&[letter]).await.unwrap();
    let kept = t.letter(State::Open).await;
    assert_eq!(kept.body, "\u{fffd}not\u{fffd}a message\u{fffd}");
    assert_eq!(kept.message, "byte 0 is \u{fffd}");
    assert_eq!(t.account().await, (3, 0, 0, 0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escaped_nul_in_an_event_is_kept_as_it_was_written() {
    let database = TestDatabase::migrated().await;
    let t = view(&database.store().await, "escaped");
    let poison = event()
        .with("latencyMs", -1)
        .with("errorMessage", "a\0b")
        .json();
    assert!(poison.contains("\\u0000"));
    let good = event().with("errorMessage", "a\0b").json();
    t.send(1, &request_of([poison.clone(), good])).await;
    assert_eq!(t.letter(State::Open).await.body, poison);
    assert_eq!(t.account().await, (2, 1, 0, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_what_would_be_a_name_is_refused_or_a_letter_and_harms_nothing_else() {
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    let t = view(&store, "names");
    let mut letters = 0;
    for (number, field) in (0..).zip(["serviceName", "endpoint", "environment", "method"]) {
        let bad = request([event().with(field, "/a\0b")]);
        let arrivals = arrive(&[t.seal.message(number, &bad)]);
        match store.count(&arrivals, NOW).await {
            Ok(_) => letters += 1,
            Err(StoreError::Refused { .. }) => {
                let rehearsed = store.rehearse(&arrivals, NOW).await;
                assert!(
                    matches!(rehearsed, Err(StoreError::Refused { .. })),
                    "{rehearsed:?}"
                );
            }
            Err(other) => panic!("{field}: {other:?}"),
        }
    }
    t.send(50, &request([event()])).await;
    let tally = t.tally().await;
    assert!(
        tally.counted >= 1 && tally.received == letters + 1,
        "{tally:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_with_a_nul_is_refused_and_the_letter_stays_open() {
    let database = TestDatabase::migrated().await;
    let store = database.store().await;
    let t = view(&store, "reason");
    t.send(1, &request_of(["{}".to_owned()])).await;
    let discarded = store.discard(&t.id, t.place(1, 0), "a\0b", NOW).await;
    assert!(
        matches!(
            discarded,
            Err(ReplayError::Store(StoreError::Refused { .. }))
        ),
        "{discarded:?}"
    );
    assert_eq!(t.letter(State::Open).await.id, t.place(1, 0));
}
