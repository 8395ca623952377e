//! Events the metric store refuses become dead letters, and they alone.

use sendry_domain::{counting::Arrival, id::MessageId};
use sendry_worker::Parts;

use crate::{
    faults::{Call, Fault, Faulty},
    harness::Bed,
    running::Running,
};

/// The store refuses every transaction that would count an event of `/poison`.
fn refusing(bed: &Bed) -> Parts {
    let poisoned = |arrivals: &[Arrival]| {
        let events = arrivals.iter().flat_map(|a| &a.events);
        let mut valid = events.filter_map(|e| e.parsed.as_ref().ok());
        valid.any(|e| &*e.endpoint == "/poison")
    };
    let mut parts = bed.parts();
    parts.counts = Faulty::new(&bed.store, move |call| match call {
        Call::Count(arrivals) | Call::Rehearse(arrivals) if poisoned(arrivals) => Fault::Refuse,
        _ => Fault::None,
    });
    parts
}

async fn check(bed: &Bed, good: i64, mut poison: Vec<(MessageId, u32)>) {
    let worker = Running::worker(bed, &refusing(bed));
    let seen = bed.drained().await;
    poison.sort();
    let letters = bed.letters().await;
    let found: Vec<_> = letters
        .iter()
        .map(|l| (l.id.message, l.id.position))
        .collect();
    assert_eq!(found, poison, "these and no others");
    for letter in &letters {
        assert_eq!(letter.reason, "store_refused", "{letter:?}");
        assert!(letter.replayable && letter.events == 1, "{letter:?}");
        assert!(letter.body.contains("/poison"), "{letter:?}");
        assert!(letter.message.contains("out of range"), "{letter:?}");
    }
    assert_eq!(seen.tally.counted, good, "{seen:?}");
    assert_eq!(seen.tally.dead_open, poison.len() as i64, "{seen:?}");
    assert_eq!(seen.raw as i64, good, "{seen:?}");
    assert!(
        bed.raw().await.iter().all(|r| r.endpoint != "/poison"),
        "a refused event has no raw event"
    );
    worker.stop().await;
}

#[tokio::test]
async fn one_among_neighbours_and_other_messages() {
    let bed = Bed::new();
    let mut messages: Vec<_> = (0..9).map(|n| bed.message(n, &["/a", "/b"])).collect();
    messages[5] = bed.message(5, &["/a", "/b", "/poison", "/c"]);
    bed.publish(&messages).await;
    check(&bed, 8 * 2 + 3, vec![(messages[5].id, 2)]).await;
}

#[tokio::test]
async fn two_in_one_message_and_one_in_another() {
    let bed = Bed::new();
    let messages = [
        bed.message(1, &["/poison", "/a", "/b", "/c", "/poison"]),
        bed.message(2, &["/a"]),
        bed.message(3, &["/a", "/poison"]),
    ];
    bed.publish(&messages).await;
    let poison = vec![
        (messages[0].id, 0),
        (messages[0].id, 4),
        (messages[2].id, 1),
    ];
    check(&bed, 5, poison).await;
}

#[tokio::test]
async fn nothing_but_poison() {
    let bed = Bed::new();
    let messages = [
        bed.message(1, &["/poison"; 3]),
        bed.message(2, &["/poison"]),
    ];
    bed.publish(&messages).await;
    let one = messages[0].id;
    let poison = vec![(one, 0), (one, 1), (one, 2), (messages[1].id, 0)];
    check(&bed, 0, poison).await;
}

#[tokio::test]
async fn a_letter_that_came_before_stays_the_only_one() {
    let bed = Bed::new();
    let message = bed.message(1, &["/a", "/poison"]);
    bed.publish(std::slice::from_ref(&message)).await;
    check(&bed, 1, vec![(message.id, 1)]).await;
    bed.publish(std::slice::from_ref(&message)).await;
    check(&bed, 1, vec![(message.id, 1)]).await;
}
