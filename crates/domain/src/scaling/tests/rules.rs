use uuid::Uuid;

use super::super::{follow::Load, *};
use super::plant::{Plant, TICK};

fn spec(min: u32, max: u32) -> Spec {
    Spec {
        min,
        max,
        ..Spec::default()
    }
}

fn look(at: u64, workers: u32, ready: u64) -> Observation {
    Observation {
        at,
        workers,
        queue: Some(QueueLook {
            ready,
            consumers: Some(u64::from(workers) * 4),
        }),
        beats: Some((0..u128::from(workers)).map(|n| beat(n, at, 0)).collect()),
    }
}

fn beat(instance: u128, sequence: u64, events: u64) -> WorkerLook {
    WorkerLook {
        instance: Uuid::from_u128(instance),
        sequence,
        consumers: 4,
        in_flight: 0,
        messages: events,
        events,
        busy_us: 0,
    }
}

#[test]
fn ten_waiting_three_coming_and_two_done_a_second_are_two_workers() {
    let load = Load {
        arrival: 3.0,
        backlog: 10.0,
        per_worker: 2.0,
    };
    assert!((load.need(&spec(1, 10)) - 1.979).abs() < 0.001);
    // And with one worker the wait never ends, where the expected-time formula would say 5.5 s.
    let mut plant = Plant::new(spec(1, 1), 2.0).with_workers(1);
    plant.size = 1.0;
    plant.run(120, 1.0);
    plant.queue = 10.0;
    let decision = plant.run(120, 3.0);
    assert_eq!(decision.estimates.drain, DrainTime::Never);
    assert_eq!(decision.limited_by, Some(Limit::Max));
    assert_eq!(decision.estimates.drain.to_word().as_deref(), Some("never"));
}

#[test]
fn a_burst_into_an_idle_pipeline_wakes_it_in_the_next_look() {
    let mut plant = Plant::new(spec(0, 60), 500.0);
    plant.size = 1.0;
    assert_eq!(plant.run(60, 0.0).workers, 0);
    let decision = plant.tick(30_000.0);
    assert_eq!((decision.workers, decision.reason), (4, Reason::Waking));
    assert_eq!(decision.limited_by, Some(Limit::RampUp));
    assert!(plant.run(60, 30_000.0).workers >= 32);
}

#[test]
fn one_message_wakes_and_nothing_known_of_a_worker_is_one_worker() {
    let mut history = History::new(0, None);
    let spec = spec(0, 10);
    let decision = decide(&look(0, 0, 1), &mut history, &spec);
    assert_eq!((decision.workers, decision.reason), (1, Reason::Waking));
    let decision = decide(&look(TICK, 1, 50_000), &mut history, &spec);
    assert_eq!((decision.workers, decision.reason), (1, Reason::Learning));
    assert_eq!(decision.estimates.per_worker_per_second, None);
    assert_eq!(decision.estimates.drain, DrainTime::Unknown);
}

#[test]
fn what_a_worker_does_is_measured_before_there_are_more() {
    let mut plant = Plant::new(spec(0, 60), 500.0);
    plant.history = History::new(0, None);
    plant.queue = 100_000.0;
    assert_eq!(plant.run(16, 0.0).workers, 1);
    let decision = plant.run(10, 0.0);
    assert!(decision.workers > 1);
    let each = decision.estimates.per_worker_per_second.unwrap();
    assert!((490..=510).contains(&each), "{each}");
}

#[test]
fn whom_nobody_ever_measured_leave_too_when_nothing_has_come_for_long() {
    let mut plant = Plant::new(spec(1, 10), 500.0).with_workers(5);
    plant.history = History::new(plant.at, None);
    let decision = plant.run(290, 0.0);
    assert_eq!((decision.workers, decision.reason), (5, Reason::Learning));
    let decision = plant.run(20, 0.0);
    assert_eq!(
        (decision.workers, decision.limited_by),
        (4, Some(Limit::RampDown))
    );
    assert_eq!(plant.run(300, 0.0).workers, 1);
    // Who holds something is not idle.
    let mut plant = Plant::new(spec(1, 10), 0.0).with_workers(5);
    plant.history = History::new(plant.at, None);
    plant.queue = 10.0;
    assert_eq!(plant.run(1_200, 0.0).workers, 5);
}

#[test]
fn a_limit_seen_while_suspended_leaves_one_worker() {
    for moment in 0..40 {
        let mut plant = Plant::new(spec(0, 100), 100.0).with_workers(4);
        plant.run(400, 300.0);
        plant.sink = 420.0;
        plant.queue = 200_000.0;
        plant.run(2 * (moment + 1), 400.0);
        plant.spec.suspend = true;
        plant.run(4, 400.0);
        plant.spec.suspend = false;
        let decision = plant.run(60, 400.0);
        assert!(decision.workers > 0, "{moment}: {decision:?}");
    }
}

#[test]
fn who_is_not_heard_is_not_taken_for_idle() {
    let mut plant = Plant::new(spec(1, 60), 100.0).with_workers(10);
    plant.run(400, 780.0);
    plant.unheard = 8;
    let decision = plant.run(1_200, 780.0);
    assert_eq!(
        (decision.workers, decision.reason),
        (10, Reason::WorkersUnheard)
    );
    assert_eq!(decision.floor, 10);
}

#[test]
fn nobody_is_left_only_after_the_time_and_on_proof() {
    let mut plant = Plant::new(spec(0, 10), 500.0).with_workers(1);
    plant.run(400, 100.0);
    let decision = plant.run(290, 0.0);
    assert_eq!(decision.workers, 1);
    plant.queue = 10.0;
    plant.tick(0.0);
    assert_eq!(plant.run(290, 0.0).workers, 1, "something came meanwhile");
    let decision = plant.run(20, 0.0);
    assert_eq!((decision.workers, decision.reason), (0, Reason::Idle));
    assert_eq!(plant.run(600, 0.0).workers, 0, "zero stays");
}

#[test]
fn several_leave_at_once_when_nothing_comes_any_more() {
    let mut plant = Plant::new(spec(0, 20), 100.0).with_workers(10);
    plant.run(400, 790.0);
    assert_eq!(plant.workers(), 10);
    plant.spec.scale_to_zero_after = 30_000;
    plant.run(280, 0.0);
    assert!(
        plant.workers() >= 7,
        "{}: not before the down window",
        plant.workers()
    );
    let decision = plant.run(40, 0.0);
    assert_eq!((decision.workers, decision.reason), (0, Reason::Idle));
}

#[test]
fn a_single_zero_is_not_believed() {
    let mut history = History::new(0, Some(100));
    let spec = spec(1, 60);
    let mut workers = 10;
    for tick in 0..300 {
        let busy_leader = tick % 2 == 1;
        let observation = look(tick * TICK, workers, if busy_leader { 0 } else { 60_000 });
        let decision = decide(&observation, &mut history, &spec);
        assert_eq!(decision.estimates.backlog, Some(60_000), "tick {tick}");
        assert!(decision.workers >= workers, "tick {tick}: {decision:?}");
        workers = decision.workers;
    }
}

#[test]
fn an_empty_queue_without_a_consumer_proves_nothing() {
    let mut history = History::new(0, Some(100));
    let spec = spec(0, 60);
    for tick in 0..600 {
        let mut observation = look(tick * TICK, 5, 0);
        observation.beats = Some(Vec::new());
        observation.queue = Some(QueueLook {
            ready: 0,
            consumers: Some(0),
        });
        let decision = decide(&observation, &mut history, &spec);
        assert_eq!(
            (decision.workers, decision.reason),
            (5, Reason::EmptyUnproven)
        );
        assert_eq!(decision.estimates.backlog, None);
    }
}

#[test]
fn what_is_unknown_holds_for_ever_and_longer_by_the_down_window() {
    for (queue, beats, reason) in [
        (false, true, Reason::QueueUnknown),
        (true, false, Reason::WorkersUnknown),
        (false, false, Reason::QueueUnknown),
    ] {
        let mut plant = Plant::new(spec(0, 60), 100.0).with_workers(10);
        plant.run(400, 780.0);
        assert_eq!(plant.workers(), 10);
        (plant.queue_known, plant.beats_known) = (queue, beats);
        let decision = plant.run(3_600, 0.0);
        assert_eq!((decision.workers, decision.reason), (10, reason));
        assert!(!decision.reason.is_known());
        (plant.queue_known, plant.beats_known) = (true, true);
        assert_eq!(plant.run(290, 0.0).workers, 10);
        assert_eq!(plant.run(30, 0.0).workers, 0);
    }
}

#[test]
fn the_fallback_raises_from_zero_and_nothing_else() {
    let mut plant = Plant::new(spec(0, 10), 100.0);
    plant.run(60, 0.0);
    plant.queue_known = false;
    assert_eq!(plant.run(60, 0.0).workers, 0);
    let decision = plant.tick(0.0);
    assert_eq!((decision.workers, decision.reason), (1, Reason::Fallback));
    assert_eq!(plant.run(3_600, 0.0).workers, 1);
}

#[test]
fn without_beats_an_idle_pipeline_still_wakes_and_an_empty_one_sleeps() {
    let mut plant = Plant::new(spec(0, 10), 100.0);
    plant.run(60, 0.0);
    plant.beats_known = false;
    assert_eq!(
        plant.run(3_600, 0.0).workers,
        0,
        "the queue says it is empty"
    );
    assert_eq!(plant.tick(1_000.0).workers, 1);
}

#[test]
fn after_a_restart_nothing_falls_for_300_seconds() {
    let mut history = History::new(0, Some(100));
    let mut events = 0;
    for tick in 0..200 {
        // A little waits at every look, and is worked off until the next.
        events += 1;
        let mut all = beat(1, tick + 1, events);
        all.consumers = 80;
        let observation = Observation {
            beats: Some(vec![all]),
            ..look(tick * TICK, 20, 1)
        };
        let decision = decide(&observation, &mut history, &spec(1, 60));
        if tick * TICK < 300_000 {
            let got = (decision.workers, decision.reason);
            assert_eq!(got, (20, Reason::Cooling), "tick {tick}");
        } else if tick * TICK > 304_000 {
            assert_eq!(decision.workers, 15, "tick {tick}");
            assert_eq!(decision.limited_by, Some(Limit::RampDown));
        }
    }
}

#[test]
fn workers_that_do_not_get_on_are_not_joined_by_others_and_teach_nothing() {
    let mut plant = Plant::new(spec(1, 60), 100.0).with_workers(10);
    plant.run(400, 780.0);
    plant.sink = 0.0;
    plant.run(20, 780.0);
    let held = plant.workers();
    let decision = plant.run(280, 780.0);
    assert_eq!(
        (decision.workers, decision.reason),
        (held, Reason::WorkersStalled)
    );
    assert!(held <= 12, "{held}");
    assert_eq!(decision.floor, held);
    assert_eq!(decision.estimates.per_worker_per_second, Some(100));
    plant.sink = f64::INFINITY;
    let decision = plant.run(20, 780.0);
    assert_eq!(decision.reason, Reason::Backlog);
    assert!(plant.run(60, 780.0).workers >= 30);
}

#[test]
fn workers_that_do_not_help_are_not_joined_by_others() {
    let mut plant = Plant::new(spec(1, 100), 100.0).with_workers(4);
    plant.run(400, 300.0);
    plant.sink = 420.0;
    plant.queue = 200_000.0;
    plant.run(300, 400.0);
    let held = plant.workers();
    assert!((5..100).contains(&held), "{held}");
    let decision = plant.tick(400.0);
    assert_eq!(
        (decision.workers, decision.reason),
        (held, Reason::SinkBound)
    );
    // Now and then it is tried again, with few.
    plant.run(3_600, 430.0);
    assert!(plant.workers() < held * 3, "{} of {held}", plant.workers());
    plant.sink = f64::INFINITY;
    plant.run(3_600, 430.0);
    assert!(plant.queue < 1.0, "once the limit is gone, it drains");
}

#[test]
fn what_comes_is_counted_in_events_whatever_the_size_of_messages() {
    let mut plant = Plant::new(spec(1, 60), 100.0).with_workers(4);
    for size in [1.0, 200.0, 5.0] {
        plant.size = size;
        let decision = plant.run(600, 800.0);
        let arrival = decision.estimates.arrival_per_second.unwrap();
        assert!((760..=840).contains(&arrival), "{size}: {arrival}");
        assert!((9..=11).contains(&decision.workers), "{size}: {decision:?}");
    }
}

#[test]
fn there_are_never_more_consumers_than_messages() {
    // A message takes 20 s, and the target is 5 s: the formula alone would ask for 50 workers for 10 messages.
    let mut history = History::new(0, None);
    let spec = Spec {
        concurrency: 1,
        drain_time_target: 5_000,
        ..spec(0, 1_000)
    };
    let mut slow = beat(1, 1, 0);
    slow.consumers = 1;
    let (mut workers, mut limited) = (1, false);
    for tick in 0..120_u64 {
        slow.sequence += 1;
        if tick % 10 == 9 {
            slow.messages += 1;
            slow.events += 1;
            slow.busy_us += 20_000_000;
        }
        let observation = Observation {
            beats: Some(vec![slow.clone()]),
            ..look(tick * TICK, workers, 10)
        };
        let decision = decide(&observation, &mut history, &spec);
        workers = decision.workers;
        limited |= decision.limited_by == Some(Limit::Messages);
    }
    assert!((10..=13).contains(&workers), "{workers}");
    assert!(limited);
}

#[test]
fn a_worker_that_comes_back_is_not_counted_twice_and_a_new_one_is_counted_whole() {
    let mut counters = counters::Counters::default();
    assert_eq!(counters.take(0, &[beat(1, 1, 1_000)]).events, 0);
    assert_eq!(counters.take(2_000, &[beat(1, 2, 1_100)]).events, 100);
    assert_eq!(counters.take(4_000, &[beat(2, 1, 30)]).events, 30);
    let both = [beat(1, 3, 1_150), beat(2, 2, 30)];
    assert_eq!(counters.take(6_000, &both).events, 50);
    assert_eq!(counters.take(8_000, &both).events, 0, "the same beat");
    let anew = counters.take(10_000, &[beat(1, 4, 5)]);
    assert_eq!(
        anew.events, 5,
        "all that its container did since it started again"
    );
    assert_eq!(anew.measured, counters::Measured::default());
    assert_eq!(counters.take(12_000, &[beat(1, 5, 12)]).events, 7);
}

#[test]
fn what_workers_did_before_a_long_silence_is_not_news() {
    let mut counters = counters::Counters::default();
    counters.take(0, &[beat(1, 1, 8_000_000)]);
    for at in (11..180).map(|minute| minute * 60_000) {
        counters.take(at, &[]);
    }
    let after = counters.take(10_802_000, &[beat(1, 2, 8_000_100)]);
    assert_eq!(after.events, 100);
}

#[test]
fn a_batch_that_waited_for_a_store_says_nothing_of_the_worker() {
    let mut counters = counters::Counters::default();
    let busy = |sequence, events, seconds: u64| WorkerLook {
        busy_us: seconds * 1_000_000,
        ..beat(1, sequence, events)
    };
    counters.take(0, &[busy(1, 0, 0)]);
    let done = counters.take(2_000, &[busy(2, 400, 8)]);
    assert_eq!((done.measured.events, done.measured.busy), (400.0, 2.0));
    let done = counters.take(302_000, &[busy(3, 500, 1_208)]);
    assert_eq!((done.events, done.measured.events), (100, 0.0));
}

#[test]
fn modes_that_do_not_follow_the_load() {
    let mut history = History::new(0, Some(100));
    let mut workers = |spec: &Spec| {
        let decision = decide(&look(0, 3, 1_000_000), &mut history, spec);
        (decision.workers, decision.reason)
    };
    let mode = |mode, replicas| Spec {
        mode,
        replicas,
        ..spec(2, 8)
    };
    assert_eq!(workers(&mode(Mode::Fixed, Some(7))), (2, Reason::Fixed));
    assert_eq!(
        workers(&mode(Mode::External, Some(7))),
        (7, Reason::External)
    );
    assert_eq!(
        workers(&mode(Mode::External, Some(0))),
        (2, Reason::External)
    );
    assert_eq!(
        workers(&mode(Mode::External, Some(50))),
        (8, Reason::External)
    );
    assert_eq!(workers(&mode(Mode::External, None)), (3, Reason::External));
    for mode in [Mode::Auto, Mode::Fixed, Mode::External] {
        let suspended = Spec {
            mode,
            suspend: true,
            ..spec(2, 8)
        };
        assert_eq!(workers(&suspended), (0, Reason::Suspended));
    }
}

#[test]
fn ramps_hold_up_and_down() {
    let mut plant = Plant::new(spec(1, 100), 100.0).with_workers(10);
    plant.run(400, 780.0);
    plant.queue = 500_000.0;
    let mut seen = vec![plant.workers()];
    for _ in 0..25 {
        plant.tick(780.0);
        seen.push(plant.workers());
    }
    assert_eq!(seen[1], 20);
    for pair in seen.windows(8) {
        // Eight looks are 14 s.
        assert!(pair[7] <= pair[0].max(4) * 2, "{seen:?}");
    }
    plant.queue = 0.0;
    plant.run(400, 100.0);
    let before = plant.workers();
    plant.run(60, 100.0);
    assert!(plant.workers() >= before - before / 4 - 1);
    assert!(plant.workers() < before);
}

#[test]
fn the_words_are_distinct() {
    let words: std::collections::BTreeSet<_> = Reason::ALL.map(Reason::as_str).into();
    assert_eq!(words.len(), Reason::ALL.len());
}

#[test]
fn durations_are_read_as_manifests_have_them() {
    for (text, ms) in [
        ("60s", Some(60_000)),
        ("1h30m", Some(5_400_000)),
        ("2h1s", Some(7_201_000)),
        ("0s", Some(0)),
        ("", None),
        ("5", None),
        ("s", None),
        ("1s1m", None),
        ("1.5s", None),
        ("-1s", None),
        ("99999999999999999999h", None),
    ] {
        assert_eq!(duration_ms(text), ms, "{text}");
    }
}
