//! A dead letter that was replayed is owed its raw event until the janitor, or whoever is first, has kept it.

use sendry_domain::{
    dead_letter::{DeadLetter, State},
    event,
    window::Window,
};
use sendry_store::{
    MetricStore,
    contract::build::{EventBuilder, NOW, event, request},
};
use sendry_worker::janitor::tidy;

use crate::{acts::Act, faults_raw::RawAct, harness::Stage};

/// A store with one letter, of an event that it refused to count.
async fn lettered(bad: EventBuilder) -> (Stage, DeadLetter) {
    let stage = Stage::new();
    stage.counts.plan(|arrivals| {
        let mut events = arrivals.iter().flat_map(|a| &a.events);
        let bad = events.any(|e| e.parsed.is_ok() && e.body.get().contains("poison"));
        if bad { Act::Refuse } else { Act::Pass }
    });
    let bad = bad.with("consumer", "poison");
    stage
        .publish(&[stage.view.seal.message(1, &request([event(), bad]))])
        .await;
    stage.run_dry().await;
    let letter = stage.view.letter(State::Open).await;
    (stage, letter)
}

/// Counts the letter, as analytics does, and dies before it keeps the raw event.
async fn replay(stage: &Stage, letter: &DeadLetter) {
    let window = Window::backfill().for_worker();
    let event = event::parse(&letter.body, window, letter.accepted_at)
        .unwrap()
        .event;
    let replayed = stage
        .store
        .replay(&stage.view.id, letter.id, &event, &letter.body, NOW)
        .await;
    assert_eq!(replayed.unwrap().letter.state, State::Replayed);
}

async fn owed(stage: &Stage) -> usize {
    stage.store.raw_owed(10).await.unwrap().len()
}

#[tokio::test]
async fn a_replayed_letter_gets_its_raw_event() {
    let (stage, letter) = lettered(event()).await;
    replay(&stage, &letter).await;
    assert_eq!(owed(&stage).await, 1);
    for _ in 0..2 {
        tidy(&stage.parts, &mut Default::default(), false)
            .await
            .unwrap();
        assert_eq!(owed(&stage).await, 0);
        assert_eq!(stage.account().await, (2, 2, 0, 0, 0));
    }
    let raw = stage.raw_events().await;
    let own = raw.iter().find(|raw| raw.id == letter.id).unwrap();
    assert_eq!(
        (own.body.as_str(), own.endpoint.as_str()),
        (letter.body.as_str(), "/")
    );
    assert_eq!(own.request_id, "req-1-0");
}

#[tokio::test]
async fn what_the_raw_store_refuses_then_is_tallied() {
    let (stage, letter) = lettered(event()).await;
    replay(&stage, &letter).await;
    stage.raw.always(RawAct::Refuse("poison"));
    tidy(&stage.parts, &mut Default::default(), false)
        .await
        .unwrap();
    assert_eq!(owed(&stage).await, 0);
    assert_eq!(stage.account().await, (2, 2, 0, 0, 0));
    assert_eq!(stage.view.tally().await.raw_refused, 1);
}

#[tokio::test]
async fn while_the_raw_store_is_away_the_debt_stays() {
    let (stage, letter) = lettered(event()).await;
    replay(&stage, &letter).await;
    stage.raw.always(RawAct::Away);
    tidy(&stage.parts, &mut Default::default(), false)
        .await
        .unwrap_err();
    assert_eq!(owed(&stage).await, 1);
    stage.raw.always(RawAct::AwayAfter);
    tidy(&stage.parts, &mut Default::default(), false)
        .await
        .unwrap_err();
    assert_eq!(owed(&stage).await, 1, "kept, but nobody knows");
    stage.raw.always(RawAct::Pass);
    tidy(&stage.parts, &mut Default::default(), false)
        .await
        .unwrap();
    assert_eq!(owed(&stage).await, 0);
    assert_eq!(stage.account().await, (2, 2, 0, 0, 0));
}

#[tokio::test]
async fn an_event_inside_the_workers_grace_gets_its_raw_event_too() {
    // Ten minutes and half a minute ahead: workers allow a minute more than ingest.
    let (stage, letter) = lettered(event().at(NOW.plus(630_000))).await;
    replay(&stage, &letter).await;
    tidy(&stage.parts, &mut Default::default(), false)
        .await
        .unwrap();
    assert_eq!(stage.account().await, (2, 2, 0, 0, 0));
}
