use std::sync::Arc;

use sendry_runtime::clock::ManualClock;

use super::{decide::see, *};

const US: &str = "us";

fn lease(holder: Option<&str>, renewed: &str) -> Observed {
    Observed {
        record: Record {
            holder: holder.map(str::to_owned),
            renewed: Some(renewed.to_owned()),
            transitions: 3,
            duration: Duration::from_secs(15),
        },
        version: "7".to_owned(),
    }
}

/// What a candidate does at each look: seconds on its own clock, and the lease it finds.
fn course(looks: &[(u64, Option<Observed>)]) -> Vec<Act> {
    let mut seen = None;
    let look = |(at, observed): &(u64, Option<Observed>)| {
        let now = at * 1000;
        seen = see(observed.as_ref(), seen.take(), now);
        decide(observed.as_ref(), seen.as_ref(), US, now)
    };
    looks.iter().map(look).collect()
}

fn wait(seconds: u64) -> Act {
    Act::Wait(Duration::from_secs(seconds))
}

#[test]
fn what_nobody_holds_is_taken_at_once() {
    assert_eq!(course(&[(0, None)]), [Act::Acquire]);
    assert_eq!(course(&[(0, Some(lease(None, "a")))]), [Act::Acquire]);
    assert_eq!(course(&[(0, Some(lease(Some(""), "a")))]), [Act::Acquire]);
}

#[test]
fn what_is_ours_is_renewed() {
    assert_eq!(course(&[(0, Some(lease(Some(US), "a")))]), [Act::Renew]);
}

/// However old the renewal says it is: another machine's clock tells nothing.
#[test]
fn somebody_elses_is_waited_for_from_the_first_look() {
    let old = lease(Some("other"), "1970-01-01T00:00:00Z");
    let looks = [
        (100, Some(old.clone())),
        (105, Some(old.clone())),
        (114, Some(old.clone())),
        (115, Some(old)),
    ];
    assert_eq!(course(&looks), [wait(15), wait(10), wait(1), Act::Acquire]);
}

#[test]
fn every_renewal_begins_the_waiting_again() {
    let looks = [
        (0, Some(lease(Some("other"), "a"))),
        (14, Some(lease(Some("other"), "b"))),
        (28, Some(lease(Some("other"), "c"))),
        (43, Some(lease(Some("other"), "c"))),
    ];
    assert_eq!(course(&looks), [wait(15), wait(15), wait(15), Act::Acquire]);
}

/// Labels and annotations raise the resourceVersion, and are no sign of life.
#[test]
fn a_change_beside_the_record_is_no_renewal() {
    let mut annotated = lease(Some("other"), "a");
    annotated.version = "8".to_owned();
    let looks = [(0, Some(lease(Some("other"), "a"))), (15, Some(annotated))];
    assert_eq!(course(&looks), [wait(15), Act::Acquire]);
}

#[test]
fn another_holder_begins_the_waiting_again() {
    let looks = [
        (0, Some(lease(Some("other"), "a"))),
        (14, Some(lease(Some("third"), "a"))),
        (20, Some(lease(None, "a"))),
    ];
    assert_eq!(course(&looks), [wait(15), wait(15), Act::Acquire]);
}

/// Its holder may not have noticed yet.
#[test]
fn a_lease_that_vanishes_is_waited_for_all_the_same() {
    let looks = [
        (0, Some(lease(Some("other"), "a"))),
        (14, None),
        (20, None),
        (29, None),
    ];
    assert_eq!(course(&looks), [wait(15), wait(15), wait(9), Act::Acquire]);
}

#[test]
fn a_duration_beyond_reason_is_not_believed() {
    let mut greedy = lease(Some("other"), "a");
    greedy.record.duration = Duration::from_secs(1_000_000);
    let looks = [(0, Some(greedy.clone())), (300, Some(greedy))];
    assert_eq!(course(&looks), [wait(300), Act::Acquire]);
}

#[test]
fn times_that_let_two_lead_are_refused() {
    let good = Timing::default();
    assert_eq!(good.checked(), Ok(good));
    for bad in [
        Timing {
            give_up: good.duration,
            ..good
        },
        Timing {
            renew: good.give_up,
            ..good
        },
        Timing {
            renew: Duration::ZERO,
            ..good
        },
        Timing {
            duration: Duration::from_millis(15_500),
            ..good
        },
    ] {
        assert!(bad.checked().is_err(), "{bad:?}");
    }
}

#[test]
fn a_term_ends_by_the_clock_and_never_begins_again() {
    let clock = ManualClock::at(1_000_000);
    let term = Leadership::begin(clock.clone(), Duration::from_secs(10), 1_000_000, 1_000_000);
    clock.advance(9_000);
    assert!(term.holds());
    assert!(term.renewed(1_008_000, 1_008_000));
    clock.advance(8_999);
    assert!(term.holds());
    clock.advance(1);
    assert!(
        !term.holds(),
        "ten seconds after the renewal was sent, not after it arrived"
    );
    assert!(
        !term.renewed(1_018_000, 1_018_000),
        "a renewal that came too late helps nobody"
    );
    clock.advance(-10_000);
    assert!(!term.holds());
}

/// While a machine sleeps its monotonic clock may stand; the other one does not.
#[test]
fn a_machine_that_slept_finds_out_by_its_wall_clock() {
    struct Slept(i64);
    impl sendry_runtime::clock::Clock for Slept {
        fn now_ms(&self) -> i64 {
            self.0
        }
        fn monotonic_ms(&self) -> u64 {
            5
        }
    }
    let begin = |wall| Leadership::begin(Arc::new(Slept(wall)), Duration::from_secs(10), 5, 0);
    assert!(!begin(3_600_000).holds());
    assert!(
        begin(-3_600_000).holds(),
        "set back by hand, the monotonic clock rules"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_end_hears_of_it() {
    let clock = ManualClock::at(0);
    let term = Leadership::begin(clock.clone(), Duration::from_secs(10), 0, 0);
    let waiting = tokio::spawn({
        let term = term.clone();
        async move { term.lost().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    term.end();
    waiting.await.unwrap();
    // By the clock alone, too.
    let term = Leadership::begin(clock.clone(), Duration::from_secs(10), 0, 0);
    clock.advance(10_000);
    term.lost().await;
}
