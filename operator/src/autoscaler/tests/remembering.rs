//! What follows from one look after the other.

use std::collections::HashMap;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use sendry_crds::{SendryPipelineStatus, pipeline::ScalingStatus};
use sendry_domain::scaling::{Limit, QueueLook, Reason, WorkerLook};
use uuid::Uuid;

use super::{
    super::memory::{Decided, Memory, Subject},
    super::sample::Sample,
    *,
};

const LOOK: u64 = 2_000;

/// So much is ready in the queue of each, and nobody beats.
fn sample(at: u64, ready: &[u64]) -> Sample {
    let look = |ready: &u64| {
        Ok(QueueLook {
            ready: *ready,
            consumers: Some(4),
        })
    };
    Sample {
        at,
        queues: ready.iter().map(look).collect(),
        beats: Ok(HashMap::new()),
    }
}

fn subject(followed: Followed) -> Subject {
    Subject::new(followed).unwrap()
}

fn wanted(mut followed: Followed, wanted: u32) -> Followed {
    let workers = followed.workers.as_mut().unwrap();
    workers.wanted = wanted;
    followed
}

fn numbers(decided: &[Decided]) -> Vec<(u32, u32)> {
    decided
        .iter()
        .map(|d| (d.from, d.decision.workers))
        .collect()
}

#[test]
fn the_tenants_limit_is_shared_and_the_older_has_what_does_not_divide() {
    let greedy = |tenant: &str, name: &str, second: i64| {
        let spec = json!({"scaling": {"mode": "Fixed", "min": 9, "max": 9}});
        let mut followed = with(followed(tenant, name, spec), |pipeline| {
            let made = Time(Timestamp::from_second(second).unwrap());
            pipeline.metadata.creation_timestamp = Some(made);
        });
        followed.max_workers = Some(7);
        subject(followed)
    };
    let mut free = greedy("other", "c", 1);
    free.followed.max_workers = None;
    let subjects = [greedy("shop", "a", 20), greedy("shop", "b", 10), free];
    let decided = Memory::default().decide(&subjects, &sample(0, &[0, 0, 0]));
    assert_eq!(numbers(&decided), [(1, 3), (1, 4), (1, 9)]);
    let limits: Vec<_> = decided.iter().map(|d| d.decision.limited_by).collect();
    assert_eq!(
        limits,
        [Some(Limit::TenantCap), Some(Limit::TenantCap), None]
    );
}

#[test]
fn a_neighbours_minimum_leaves_nobody_without_a_worker() {
    let capped = |name: &str, spec: Value, now: u32| {
        let mut followed = wanted(followed("shop", name, spec), now);
        followed.max_workers = Some(2);
        subject(followed)
    };
    let subjects = [
        capped(
            "a",
            json!({"scaling": {"mode": "Fixed", "min": 3, "max": 3}}),
            2,
        ),
        capped("b", json!({"scaling": {"min": 0}}), 0),
    ];
    let mut memory = Memory::default();
    memory.decide(&subjects, &sample(0, &[0, 0]));
    let idle = memory.decide(&subjects, &sample(LOOK, &[0, 0]));
    assert_eq!(numbers(&idle), [(2, 2), (0, 0)]);
    let busy = memory.decide(&subjects, &sample(2 * LOOK, &[0, 9]));
    assert_eq!(numbers(&busy), [(2, 1), (0, 1)]);
}

#[test]
fn what_was_written_is_believed_until_the_cache_shows_it() {
    let zero = json!({"scaling": {"min": 0}});
    let at = |number: u32| [subject(wanted(followed("shop", "a", zero.clone()), number))];
    let uid = at(0)[0].uid.clone();
    let mut memory = Memory::default();
    let decided = memory.decide(&at(0), &sample(0, &[5]));
    assert_eq!(numbers(&decided), [(0, 1)]);
    assert_eq!(decided[0].decision.reason, Reason::Waking);
    memory.wrote(&uid, 0, 1, 20);
    // The cache lags: it is not woken again.
    let decided = memory.decide(&at(0), &sample(LOOK, &[5]));
    assert_eq!(numbers(&decided), [(1, 1)]);
    let decided = memory.decide(&at(1), &sample(2 * LOOK, &[5]));
    assert_eq!(numbers(&decided), [(1, 1)]);
    // It has shown it, so what it shows from now on is so: somebody has set it back.
    let decided = memory.decide(&at(0), &sample(3 * LOOK, &[5]));
    assert_eq!(numbers(&decided), [(0, 1)]);
    // And a cache that never shows it is believed in the end.
    memory.wrote(&uid, 0, 1, 4 * LOOK);
    let decided = memory.decide(&at(0), &sample(90_000, &[5]));
    assert_eq!(numbers(&decided), [(0, 1)]);
}

#[test]
fn a_cache_that_lags_over_several_writes_lowers_nobody() {
    let spec = json!({"scaling": {"mode": "Fixed", "min": 6, "max": 6}});
    let at = |number: u32| [subject(wanted(followed("shop", "a", spec.clone()), number))];
    let uid = at(0)[0].uid.clone();
    let mut memory = Memory::default();
    let from =
        |memory: &mut Memory, shown, at_ms| memory.decide(&at(shown), &sample(at_ms, &[5]))[0].from;
    assert_eq!(from(&mut memory, 1, 0), 1);
    memory.wrote(&uid, 1, 4, 20);
    assert_eq!(from(&mut memory, 1, LOOK), 4);
    memory.wrote(&uid, 4, 6, LOOK + 20);
    for (shown, at) in [(1, 2 * LOOK), (4, 3 * LOOK), (1, 60_000)] {
        assert_eq!(from(&mut memory, shown, at), 6, "the cache shows {shown}");
    }
    // One that was never ours is somebody else's, at once.
    assert_eq!(from(&mut memory, 9, 62_000), 9);
    assert_eq!(from(&mut memory, 1, 64_000), 1);
}

#[test]
fn a_deployment_that_was_made_again_has_a_number_of_its_own() {
    let at = |number: u32, uid: &str| {
        let mut followed = wanted(followed("shop", "a", json!({})), number);
        followed.workers.as_mut().unwrap().uid = uid.to_owned();
        [subject(followed)]
    };
    let uid = at(0, "a")[0].uid.clone();
    let mut memory = Memory::default();
    let decided = memory.decide(&at(0, "a"), &sample(0, &[5]));
    assert_eq!(numbers(&decided), [(0, 1)]);
    memory.wrote(&uid, 0, 1, 20);
    let decided = memory.decide(&at(0, "a"), &sample(LOOK, &[5]));
    assert_eq!(numbers(&decided), [(1, 1)]);
    let decided = memory.decide(&at(0, "b"), &sample(2 * LOOK, &[5]));
    assert_eq!(numbers(&decided), [(0, 1)]);
}

#[test]
fn who_has_a_resource_goes_before_what_was_kept_without_one() {
    let asks = |name: &str, kept: bool, second: i64| {
        let mut followed = with(
            followed("shop", name, json!({"scaling": {"min": 1}})),
            |p| {
                let made = Time(Timestamp::from_second(second).unwrap());
                p.metadata.creation_timestamp = Some(made);
            },
        );
        (followed.max_workers, followed.kept, followed.draining) = (Some(1), kept, kept);
        subject(followed)
    };
    let subjects = [asks("old", true, 1), asks("new", false, 2)];
    let decided = Memory::default().decide(&subjects, &sample(0, &[5, 5]));
    assert_eq!(numbers(&decided), [(1, 0), (1, 1)]);
}

#[test]
fn another_operator_begins_with_what_a_worker_was_measured_to_do_and_lowers_nothing() {
    let known = |wanted_now: u32| {
        let pipeline = with(followed("shop", "a", json!({})), |pipeline| {
            pipeline.status = Some(SendryPipelineStatus {
                scaling: Some(ScalingStatus {
                    reason: "Steady".to_owned(),
                    per_worker_per_second: Some(100),
                    ..ScalingStatus::default()
                }),
                ..SendryPipelineStatus::default()
            });
        });
        [subject(wanted(pipeline, wanted_now))]
    };
    let mut memory = Memory::default();
    let busy = |at: u64, ready: u64| {
        let mut sample = sample(at, &[ready]);
        let look = WorkerLook {
            instance: Uuid::from_u128(1),
            sequence: at,
            consumers: 4,
            in_flight: 0,
            messages: at / 1_000,
            events: at / 1_000,
            busy_us: 0,
        };
        let queue = known(1)[0].queue.clone();
        sample.beats = Ok(HashMap::from([(queue, vec![look])]));
        sample
    };
    // 30,000 in 60 s are 500 a second, which are 7 workers of 100 at 80 %: the ramp lets it begin with 5.
    let decided = memory.decide(&known(1), &busy(0, 30_000));
    assert_eq!(decided[0].decision.workers, 5);
    assert_eq!(
        decided[0].decision.estimates.per_worker_per_second,
        Some(100)
    );
    let mut memory = Memory::default();
    for at in (0..300_000).step_by(2_000) {
        let decided = memory.decide(&known(9), &busy(at, 1));
        assert_eq!(numbers(&decided), [(9, 9)], "after {at} ms");
    }
    let mut lowered = false;
    for at in (300_000..320_000).step_by(2_000) {
        let decided = memory.decide(&known(9), &busy(at, 1));
        lowered |= decided[0].decision.workers < 9;
    }
    assert!(lowered, "never lowered at all");
}

#[test]
fn who_is_gone_is_forgotten_and_another_of_its_name_begins_anew() {
    let first = [subject(followed("shop", "a", json!({})))];
    let mut memory = Memory::default();
    memory.decide(&first, &sample(0, &[1]));
    assert!(memory.get_mut(&first[0].uid).is_some());
    let second = with(followed("shop", "a", json!({})), |pipeline| {
        pipeline.metadata.uid = Some("another".to_owned());
    });
    memory.decide(&[subject(second)], &sample(LOOK, &[1]));
    assert!(memory.get_mut(&first[0].uid).is_none());
    assert!(memory.get_mut("another").is_some());
}

#[test]
fn without_a_deployment_the_number_is_decided_all_the_same() {
    let mut none = followed("shop", "a", json!({"scaling": {"min": 2}}));
    none.workers = None;
    let decided = Memory::default().decide(&[subject(none)], &sample(0, &[0]));
    assert_eq!(numbers(&decided), [(0, 2)]);
}

#[test]
fn what_could_not_be_asked_is_unknown_and_not_zero() {
    let subjects = [
        subject(wanted(followed("shop", "a", json!({})), 5)),
        subject(wanted(followed("shop", "b", json!({})), 5)),
    ];
    let mut memory = Memory::default();
    let mut blind = sample(0, &[0, 0]);
    blind.queues[0] = Err("there is no such queue".to_owned());
    let decided = memory.decide(&subjects, &blind);
    assert_eq!(decided[0].decision.reason, Reason::QueueUnknown);
    assert_eq!(decided[1].decision.reason, Reason::EmptyUnproven);
    let mut deaf = sample(LOOK, &[9, 9]);
    deaf.beats = Err("the store is away".to_owned());
    let decided = memory.decide(&subjects, &deaf);
    assert!(
        decided
            .iter()
            .all(|d| d.decision.reason == Reason::WorkersUnknown)
    );
    assert_eq!(numbers(&decided), [(5, 5), (5, 5)]);
}
