//! Events whose data a store refuses: exactly they become dead letters, and their neighbours count.

use sendry_domain::{counting::Arrival, dead_letter::State};
use sendry_store::contract::build::{EventBuilder, event, request};

use crate::{
    acts::Act,
    faults_raw::RawAct,
    harness::{Stage, eventually, pipeline},
};

fn poison() -> EventBuilder {
    event().with("consumer", "poison")
}

fn is_poisoned(arrival: &Arrival) -> bool {
    let mut valid = arrival.events.iter().filter(|e| e.parsed.is_ok());
    valid.any(|e| e.body.get().contains("poison"))
}

fn refuse_poison(arrivals: &[Arrival]) -> Act {
    if arrivals.iter().any(is_poisoned) {
        Act::Refuse
    } else {
        Act::Pass
    }
}

#[tokio::test]
async fn exactly_the_poison_becomes_a_dead_letter() {
    let stage = Stage::new();
    stage.counts.plan(refuse_poison);
    let seal = &stage.view.seal;
    let mixed = request([event(), event(), poison().id("bad"), event(), event()]).batch(5);
    let messages: Vec<_> = (1..=7)
        .map(|n| {
            let plain = request([event(), event()]);
            seal.message(n, if n == 4 { &mixed } else { &plain })
        })
        .collect();
    stage.publish(&messages).await;
    stage.run_dry().await;
    assert_eq!(stage.account().await, (17, 16, 0, 0, 1));
    let letter = stage.view.letter(State::Open).await;
    assert_eq!(
        (letter.reason.as_str(), letter.replayable),
        ("store_refused", true)
    );
    assert_eq!(letter.id, stage.view.place(4, 2));
    assert_eq!(
        (letter.event_id.as_deref(), letter.events),
        (Some("bad"), 1)
    );
    assert_eq!(
        letter.body,
        messages[3].events[2].body.get(),
        "its bytes are kept"
    );
    assert_eq!(letter.request_id.as_deref(), Some("req-4-0"));
    assert!(letter.message.contains("refuses"), "{}", letter.message);
    let raw = stage.raw_events().await;
    assert!(
        raw.iter().all(|r| !r.body.contains("poison")),
        "what is not counted is not kept"
    );

    // The poison comes again: it is a duplicate, whatever the store thinks of it.
    stage.publish(&[seal.message(8, &mixed)]).await;
    stage.counts.always(Act::Pass);
    stage.run_dry().await;
    assert_eq!(stage.account().await, (22, 16, 5, 0, 1));
}

#[tokio::test]
async fn of_several_poisons_each_is_found() {
    let stage = Stage::new();
    stage.counts.plan(refuse_poison);
    let seal = &stage.view.seal;
    let messages = [
        seal.message(1, &request([poison(), event(), poison()])),
        seal.message(2, &request([event()])),
        seal.message(3, &request([poison()])),
        seal.message(
            4,
            &request((0..50).map(|n| if n % 10 == 3 { poison() } else { event() })),
        ),
    ];
    stage.publish(&messages).await;
    stage.run_dry().await;
    assert_eq!(stage.account().await, (55, 47, 0, 0, 8));
    let letters = stage.view.letters(Some(State::Open)).await;
    let mut places: Vec<_> = letters.iter().map(|l| l.id).collect();
    places.sort();
    let place = |n, at| stage.view.place(n, at);
    let fourth = (0..5).map(|n| place(4, n * 10 + 3));
    let mut expected: Vec<_> = [place(1, 0), place(1, 2), place(3, 0)]
        .into_iter()
        .chain(fourth)
        .collect();
    expected.sort();
    assert_eq!(places, expected);
    assert!(letters.iter().all(|l| l.reason == "store_refused"));
}

#[tokio::test]
async fn a_message_refused_as_a_whole_is_given_back_with_blame() {
    let stage = Stage::new();
    // Every event alone is fine; the two together are not.
    let refuse = |arrivals: &[Arrival]| arrivals.iter().any(|a| a.events.len() > 1);
    let mut refusals = 0;
    stage.counts.plan(move |arrivals| {
        let counting = refuse(arrivals);
        refusals += usize::from(counting);
        // Count, then the rehearsal of both: the latter passes.
        if counting && refusals % 2 == 1 {
            Act::Refuse
        } else {
            Act::Pass
        }
    });
    let seal = &stage.view.seal;
    stage
        .publish(&[seal.message(1, &request([event(), event()]))])
        .await;
    let running = stage.work();
    let again = || (stage.counts.sizes().len() >= 2).then_some(());
    eventually("it to come again", again, || stage.ready()).await;
    assert!(running.alive());
    assert_eq!(stage.view.letters(None).await, []);
    stage.counts.always(Act::Pass);
    stage.emptied(&pipeline()).await;
    running.stop().await;
    assert_eq!(stage.account().await, (2, 2, 0, 0, 0));
}

#[tokio::test]
async fn a_document_the_raw_store_refuses_is_tallied_once_and_acked() {
    let stage = Stage::new();
    stage.raw.always(RawAct::Refuse("poison"));
    let seal = &stage.view.seal;
    let message = seal.message(1, &request([event(), poison(), event()]));
    stage.publish(std::slice::from_ref(&message)).await;
    // It is delivered twice: the refusal comes twice, too.
    stage
        .queue
        .switches
        .failing_acks
        .store(1, std::sync::atomic::Ordering::SeqCst);
    stage.run_dry().await;
    assert_eq!(stage.account().await, (3, 3, 0, 0, 0));
    assert_eq!(stage.view.tally().await.raw_refused, 1);
    assert_eq!(stage.raw_events().await.len(), 2);
    assert!(stage.raw.inserts() >= 2);
}
