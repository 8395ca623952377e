use proptest::prelude::*;
use uuid::Uuid;

use super::super::{follow::Load, *};
use super::plant::Plant;

/// One look's difference to the one before it.
#[derive(Clone, Debug)]
struct Step {
    passed: u64,
    ready: Option<u64>,
    consumers: Option<u64>,
    beats: Option<Vec<(u8, u64, u64, u64)>>,
    /// Whether what was decided was done.
    obeyed: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let ready = prop_oneof![
        2 => Just(None),
        4 => Just(Some(0)),
        2 => (0..20_u64).prop_map(Some),
        2 => (0..2_000_000_u64).prop_map(Some),
    ];
    let beat = (0..5_u8, 0..5_000_u64, 0..9_000_000_u64, 0..70_u64);
    let beats = prop_oneof![
        1 => Just(None),
        4 => prop::collection::vec(beat, 0..5).prop_map(Some),
    ];
    let passed = prop_oneof![4 => 500..6_000_u64, 1 => 0..400_000_u64];
    let consumers = prop::option::of(0..24_u64);
    (passed, ready, consumers, beats, any::<bool>()).prop_map(
        |(passed, ready, consumers, beats, obeyed)| Step {
            passed,
            ready,
            consumers,
            beats,
            obeyed,
        },
    )
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let numbers = (0..6_u32, 1..200_u32, 5..600_u64, 10..=100_u32);
    let ramps = (1..300_u32, 1..=100_u32);
    (numbers, ramps, 30..900_u64, 1..8_u32).prop_map(
        |((min, more, drain, percent), (up_percent, down_percent), zero, concurrency)| Spec {
            min,
            max: min + more,
            drain_time_target: drain * 1_000,
            target_utilization_percent: percent,
            ramps: Ramps {
                up_percent,
                down_percent,
            },
            scale_to_zero_after: zero * 1_000,
            concurrency,
            ..Spec::default()
        },
    )
}

/// Looks as wild as they come, each with its decision.
fn run(spec: &Spec, kept: Option<u64>, steps: Vec<Step>) -> Vec<(Observation, Decision)> {
    let mut history = History::new(0, kept);
    let (mut at, mut workers, mut counts) = (0, spec.min, [(0, 0, 0); 5]);
    let mut all = Vec::new();
    for step in steps {
        at += step.passed;
        let beats = step.beats.map(|beats| {
            let mut looks: Vec<WorkerLook> = Vec::new();
            for (who, events, busy, in_flight) in beats {
                if looks
                    .iter()
                    .any(|l| l.instance.as_u128() == u128::from(who))
                {
                    continue;
                }
                let count = &mut counts[usize::from(who)];
                *count = (count.0 + 1, count.1 + events, count.2 + busy);
                looks.push(WorkerLook {
                    instance: Uuid::from_u128(u128::from(who)),
                    sequence: count.0,
                    consumers: 4,
                    in_flight,
                    messages: count.1 / 3,
                    events: count.1,
                    busy_us: count.2,
                });
            }
            looks
        });
        let observation = Observation {
            at,
            workers,
            queue: step.ready.map(|ready| QueueLook {
                ready,
                consumers: step.consumers,
            }),
            beats,
        };
        let decision = decide(&observation, &mut history, spec);
        if step.obeyed {
            workers = decision.workers;
        }
        all.push((observation, decision));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_seen_the_bounds_hold(
        spec in any_spec(),
        kept in prop::option::of(1..5_000_u64),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut ready_before = None;
        for (seen, decision) in run(&spec, kept, steps) {
            let n = decision.workers;
            prop_assert!((spec.min..=spec.max).contains(&n), "{decision:?}");
            prop_assert!(decision.floor <= n);
            let ready = seen.queue.map(|queue| queue.ready);
            if seen.queue.is_none() || seen.beats.is_none() {
                prop_assert!(n >= seen.workers, "lowered blindly: {seen:?} {decision:?}");
            }
            if ready.is_some_and(|ready| ready > 0) {
                prop_assert!(n > 0, "zero with a backlog: {seen:?} {decision:?}");
            }
            if n == 0 && seen.workers > 0 {
                prop_assert_eq!(decision.reason, Reason::Idle);
                prop_assert_eq!((ready_before, ready), (Some(0), Some(0)));
                prop_assert!(seen.beats.iter().flatten().all(|beat| beat.in_flight == 0));
            }
            if seen.at < DOWN_WINDOW {
                prop_assert!(n >= seen.workers, "lowered after a restart: {seen:?} {decision:?}");
            }
            ready_before = ready;
        }
    }

    #[test]
    fn the_bounds_hold_in_every_mode_and_only_suspension_goes_below_them(
        spec in any_spec(),
        mode in prop::sample::select(vec![Mode::Auto, Mode::Fixed, Mode::External]),
        replicas in prop::option::of(0..2_000_u32),
        suspend in any::<bool>(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let spec = Spec { mode, replicas, suspend, ..spec };
        for (_, decision) in run(&spec, None, steps) {
            let n = decision.workers;
            if suspend {
                prop_assert_eq!((n, decision.reason), (0, Reason::Suspended));
            } else {
                prop_assert!((spec.min..=spec.max).contains(&n), "{decision:?}");
            }
        }
    }

    #[test]
    fn what_the_formula_gives_drains_in_time(
        arrival in 0.0..1e6_f64,
        backlog in 0.0..1e9_f64,
        per_worker in 0.1..1e5_f64,
        percent in 10..=100_u32,
        drain in 5..86_400_u64,
    ) {
        let spec = Spec {
            target_utilization_percent: percent,
            drain_time_target: drain * 1_000,
            ..Spec::default()
        };
        let load = Load { arrival, backlog, per_worker };
        let workers = load.need(&spec).ceil();
        let gone = workers * per_worker - arrival;
        prop_assert!(backlog <= gone * drain as f64 * (1.0 + 1e-9) + 1e-6, "{workers}");
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_steady_load_settles(
        arrival in 10.0..3_000.0_f64,
        each in 20.0..400.0_f64,
        size in 1.0..100.0_f64,
        percent in 50..=90_u32,
        first in 1..60_u32,
        noise in prop::collection::vec(-0.2..0.2_f64, 97),
    ) {
        let spec = Spec { max: 1_000, target_utilization_percent: percent, ..Spec::default() };
        let mut plant = Plant::new(spec, each).with_workers(first);
        plant.size = size;
        let mut numbers = vec![first];
        for tick in 0..1_800 {
            plant.tick(arrival * (1.0 + noise[tick % noise.len()]));
            numbers.push(plant.workers());
        }
        let mut moves: Vec<bool> =
            numbers.windows(2).filter(|w| w[0] != w[1]).map(|w| w[1] > w[0]).collect();
        moves.dedup();
        prop_assert!(moves.len() <= 2, "more than one change of direction: {numbers:?}");
        let settled = &numbers[1_500..];
        prop_assert!(settled.iter().all(|n| n == &settled[0]), "{settled:?}");
        prop_assert!(f64::from(settled[0]) * each >= arrival * 0.999);
        prop_assert!(plant.queue / arrival <= 60.0, "{} wait", plant.queue);
    }

    #[test]
    fn where_no_limit_binds_the_backlog_is_gone_in_time(
        arrival in 10.0..3_000.0_f64,
        each in 20.0..400.0_f64,
        backlog in 0.0..200_000.0_f64,
    ) {
        let spec = Spec { max: 1_000_000, ..Spec::default() };
        let enough = (arrival / each / 0.8).ceil() as u32;
        let mut plant = Plant::new(spec, each).with_workers(enough);
        plant.size = 1.0;
        plant.run(400, arrival);
        plant.queue = backlog;
        for _ in 0..60 {
            let decision = plant.tick(arrival);
            let gone = f64::from(decision.workers) * each - arrival;
            if decision.limited_by.is_none() && !decision.reason.holds() && plant.queue > 0.0 {
                prop_assert!(plant.queue <= gone * 60.0 * 1.05 + each, "{decision:?} {}", plant.queue);
            }
        }
    }

    #[test]
    fn beats_that_are_lost_never_lower(
        arrival in 10.0..3_000.0_f64,
        later in 0.0..3_000.0_f64,
        each in 20.0..400.0_f64,
        first in 1..60_u32,
        lost in prop::collection::vec(1..200_usize, 40),
    ) {
        let mut plant = Plant::new(Spec { max: 1_000, ..Spec::default() }, each).with_workers(first);
        plant.run(600, arrival);
        for unheard in lost {
            plant.unheard = unheard;
            for _ in 0..30 {
                let before = plant.workers();
                let decision = plant.tick(later);
                prop_assert!(decision.workers >= before, "{before} {decision:?}");
            }
        }
        plant.unheard = 0;
        let before = plant.workers();
        for _ in 0..140 {
            let decision = plant.tick(later);
            prop_assert!(decision.workers >= before, "before the down window: {decision:?}");
        }
    }

    #[test]
    fn whoever_is_not_suspended_any_more_never_stays_at_zero_with_a_backlog(
        sink in 50.0..600.0_f64,
        changes in prop::collection::vec((1..40_u64, any::<bool>(), any::<bool>(), 0.0..900.0_f64), 1..30),
    ) {
        let spec = Spec { min: 0, max: 100, ..Spec::default() };
        let mut plant = Plant::new(spec, 100.0).with_workers(4);
        plant.run(60, 300.0);
        (plant.sink, plant.queue) = (sink, 200_000.0);
        for (ticks, suspend, fixed, arrival) in changes {
            plant.spec.suspend = suspend;
            plant.spec.mode = if fixed { Mode::Fixed } else { Mode::Auto };
            for tick in 0..ticks {
                let decision = plant.tick(arrival);
                let known = decision.estimates.backlog.is_some_and(|events| events > 0);
                if !suspend && !fixed && known {
                    prop_assert!(decision.workers > 0, "{tick}: {decision:?}");
                }
            }
        }
    }

    #[test]
    fn shares_are_fair_and_fit(
        cap in 0..300_u32,
        claims in prop::collection::vec((0..20_u32, 0..100_u32), 0..12),
    ) {
        let claims: Vec<Claim> =
            claims.into_iter().map(|(floor, more)| Claim { floor, want: floor + more }).collect();
        let shares = share(cap, &claims);
        prop_assert_eq!(shares.len(), claims.len());
        let total: u32 = shares.iter().sum();
        let floors: u32 = claims.iter().map(|c| c.floor).sum();
        let wants: u32 = claims.iter().map(|c| c.want).sum();
        prop_assert_eq!(total, cap.min(wants), "nothing is left over that somebody wants");
        for (mine, claim) in shares.iter().zip(&claims) {
            prop_assert!(*mine <= claim.want);
            prop_assert!(floors > cap || *mine >= claim.floor);
            let short = if floors > cap { *mine < claim.floor } else { *mine < claim.want };
            for (theirs, other) in shares.iter().zip(&claims) {
                let forced = floors <= cap && *theirs == other.floor;
                prop_assert!(!short || forced || *theirs <= mine + 1, "{shares:?} {claims:?}");
            }
        }
    }
}

#[test]
fn two_greedy_pipelines_share_and_the_older_gets_what_does_not_divide() {
    let claim = |floor, want| Claim { floor, want };
    assert_eq!(share(41, &[claim(1, 100), claim(1, 100)]), [21, 20]);
    assert_eq!(
        share(40, &[claim(1, 3), claim(1, 100), claim(30, 30)]),
        [3, 7, 30]
    );
    assert_eq!(share(3, &[claim(2, 9), claim(2, 9)]), [2, 1]);
    let decision = Decision {
        workers: 9,
        reason: Reason::Backlog,
        limited_by: None,
        floor: 1,
        estimates: History::new(0, None).estimates(reading::Reading::QueueUnknown),
    };
    assert_eq!(decision.capped(4).limited_by, Some(Limit::TenantCap));
    assert_eq!(decision.capped(9), decision);
}
