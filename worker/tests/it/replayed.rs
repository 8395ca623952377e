//! The janitor gives replayed letters the raw events they are owed.

use sendry_domain::{dead_letter::DeadLetterId, event, window::Window};
use sendry_store::MetricStore;
use sendry_worker::janitor::tidy;

use crate::{
    faults::{Call, Calls, Fault, Faulty, RAW_POISON},
    harness::Bed,
    running::Running,
};

/// A letter of an event at `endpoint`, refused once and replayed since.
async fn replayed(bed: &Bed, endpoint: &str) -> DeadLetterId {
    let mut parts = bed.parts();
    // Until it is marked as refused, no event but `/a` passes.
    parts.counts = Faulty::new(&bed.store, |call| match call {
        Call::Count(arrivals) | Call::Rehearse(arrivals)
            if arrivals
                .iter()
                .flat_map(|a| &a.events)
                .any(|e| e.parsed.as_ref().is_ok_and(|p| &*p.endpoint != "/a")) =>
        {
            Fault::Refuse
        }
        _ => Fault::None,
    });
    bed.publish(&[bed.message(1, &["/a", endpoint])]).await;
    let worker = Running::worker(bed, &parts);
    let seen = bed.drained().await;
    worker.stop().await;
    assert_eq!((seen.tally.counted, seen.tally.dead_open), (1, 1));
    let letter = bed.letters().await.remove(0);
    let window = Window::backfill().for_worker();
    let event = event::parse(&letter.body, window, letter.accepted_at)
        .unwrap()
        .event;
    let at = letter.recorded_at;
    bed.store
        .replay(&bed.tenant, letter.id, &event, &letter.body, at)
        .await
        .unwrap();
    assert_eq!(owed(bed).await, 1);
    letter.id
}

async fn owed(bed: &Bed) -> usize {
    bed.store.raw_owed(10).await.unwrap().len()
}

#[tokio::test]
async fn stored_once_and_settled() {
    let bed = Bed::new();
    let id = replayed(&bed, "/late").await;
    for _ in 0..2 {
        tidy(&bed.parts(), false).await.unwrap();
        assert_eq!(owed(&bed).await, 0);
        let raw = bed.raw().await;
        assert_eq!(raw.len(), 2, "{raw:?}");
        let late = raw.iter().find(|r| r.id == id).unwrap();
        assert_eq!(late.endpoint, "/late");
        assert_eq!(late.request_id, "req-1-0");
        let tally = bed.drained().await.tally;
        assert_eq!((tally.counted, tally.replayed, tally.dead_open), (2, 1, 0));
    }
}

#[tokio::test]
async fn owed_until_the_raw_store_answers() {
    let bed = Bed::new();
    replayed(&bed, "/late").await;
    let calls = Calls::default();
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, move |_| match calls.next() {
        0 => Fault::Away,
        1 => Fault::AwayAtCommit,
        _ => Fault::None,
    });
    for _ in 0..2 {
        tidy(&parts, false).await.unwrap_err();
        assert_eq!(owed(&bed).await, 1);
    }
    tidy(&parts, false).await.unwrap();
    assert_eq!((owed(&bed).await, bed.raw().await.len()), (0, 2));
}

#[tokio::test]
async fn refused_by_the_raw_store_it_is_tallied_and_settled() {
    let bed = Bed::new();
    replayed(&bed, RAW_POISON).await;
    let mut parts = bed.parts();
    parts.raw = Faulty::new(&bed.store, |_| Fault::None);
    for _ in 0..2 {
        tidy(&parts, false).await.unwrap();
        let seen = bed.drained().await;
        assert_eq!((seen.tally.counted, seen.tally.raw_refused), (2, 1));
        assert_eq!((owed(&bed).await, seen.raw), (0, 1));
    }
}
