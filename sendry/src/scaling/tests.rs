//! The models against their sources, the files, and what is promised of the comparison.

use sendry_domain::scaling::{Mode, Spec};

use super::{
    keda::{Keda, Trigger},
    plant::{Plant, Statistics},
    run::{Outcome, compare},
    trace::{Metrics, Point, from_csv, from_json},
    *,
};

fn setting() -> Setting {
    Setting {
        spec: Spec {
            max: 60,
            ..Spec::default()
        },
        worker_rate: 5_000.0,
        start_up: 15,
        keda_length_seconds: 4.0,
    }
}

fn seen(messages: f64, published: f64, delivered: f64) -> Statistics {
    Statistics {
        messages,
        published,
        delivered,
    }
}

/// The cases of KEDA's own unit test of this trigger, with its `activationValue` of 1.
#[test]
fn the_expected_time_is_kedas() {
    let cases = [
        ("empty and idle", seen(0.0, 0.0, 0.0), (0.0, false)),
        ("empty, rate decaying", seen(0.0, 0.0, 2.0), (0.0, false)),
        ("nobody consumes", seen(10.0, 3.0, 0.0), (1.0, true)),
        ("three in, two out", seen(10.0, 3.0, 2.0), (5.5, true)),
        ("draining", seen(4.0, 0.0, 2.0), (1.0, false)),
    ];
    for (name, statistics, want) in cases {
        assert_eq!(Trigger::Time(60.0).metric(statistics, 1.0), want, "{name}");
    }
}

/// The arithmetic of the HPA's documentation: tolerance, doubling or four more, the most of 300 s.
#[test]
fn the_autoscaler_behind_keda_is_kubernetes() {
    let mut keda = Keda::new(vec![Trigger::Length(100.0)], 1, 60);
    let messages = |n: f64| move || Some(seen(n, 0.0, 0.0));
    assert_eq!(
        keda.step(1, 2, 2, messages(9_000.0)),
        2,
        "between two syncs"
    );
    assert_eq!(keda.step(15, 2, 2, messages(219.0)), 2, "within 10 %");
    assert_eq!(keda.step(30, 2, 2, messages(221.0)), 3);
    assert_eq!(keda.step(45, 3, 3, messages(9_000.0)), 7, "four more");
    assert_eq!(keda.step(60, 7, 3, messages(9_000.0)), 14, "doubled");
    assert_eq!(
        keda.step(75, 14, 14, messages(0.0)),
        14,
        "the most of 300 s"
    );
    assert_eq!(keda.step(345, 14, 14, messages(0.0)), 14);
    assert_eq!(keda.step(360, 14, 14, messages(0.0)), 1);
    let mut zero = Keda::new(vec![Trigger::Length(100.0)], 0, 60);
    assert_eq!(zero.step(15, 0, 0, messages(9_000.0)), 0, "not yet polled");
    assert_eq!(
        zero.step(30, 0, 0, messages(9_000.0)),
        5,
        "woken and raised at once"
    );
    assert_eq!(zero.step(330, 1, 1, messages(0.0)), 1);
    assert_eq!(zero.step(360, 1, 1, messages(0.0)), 0, "after the cooldown");
    assert_eq!(zero.step(390, 5, 5, || None), 5, "an error changes nothing");
}

#[test]
fn what_comes_is_counted_in_order_and_nothing_is_lost() {
    let mut plant = Plant::new(100.0, 2, 4, 1);
    let point = |arrival| Point {
        at: 0,
        arrival,
        size: 10.0,
        sink: None,
        metrics: Metrics::Ok,
    };
    for _ in 0..3 {
        plant.step(&point(80.0));
    }
    // 160 waited until the worker had started; it does 100 a second.
    assert_eq!(plant.delays, [(2.5, 80.0), (1.5, 20.0)]);
    let looked = plant.observe();
    assert_eq!(looked.queue.map(|queue| queue.ready), Some(0), "prefetched");
    for _ in 0..4 {
        plant.step(&point(0.0));
    }
    assert!(!plant.has_backlog());
    assert_eq!(plant.delays.iter().map(|(_, n)| n).sum::<f64>(), 240.0);
    let beats = plant.observe().beats.unwrap();
    assert_eq!((beats[0].events, beats[0].messages), (240, 24));
    assert_eq!(beats[0].busy_us, 4 * 2_400_000);
}

#[test]
fn manifests_specs_and_scalings_are_read() {
    let whole = "
kind: Namespace
---
apiVersion: sendry.io/v1alpha1
kind: SendryPipeline
metadata: {name: orders}
spec:
  services: [orders]
  worker: {concurrency: 8}
  scaling: {min: 0, max: 30, drainTimeTarget: 1m30s, ramps: {upPercent: 50}}
";
    let spec = spec::parse(whole).unwrap();
    assert_eq!((spec.min, spec.max, spec.concurrency), (0, 30, 8));
    assert_eq!((spec.drain_time_target, spec.mode), (90_000, Mode::Auto));
    assert_eq!((spec.ramps.up_percent, spec.ramps.down_percent), (50, 25));
    let inner = spec::parse("suspend: true\nscaling: {mode: External}\nreplicas: 4").unwrap();
    assert_eq!((inner.suspend, inner.replicas), (true, Some(4)));
    assert_eq!(inner.mode, Mode::External);
    assert_eq!(spec::parse("max: 60").unwrap().max, 60);
    assert_eq!(spec::parse("{}").unwrap(), Spec::default());
    for wrong in [
        "kind: SendryTenant",
        "maximum: 3",
        "{min: 5, max: 4}",
        "scaleToZeroAfter: 5s",
        "drainTimeTarget: soon",
        "targetUtilizationPercent: 0",
        "mode: Manual",
        "a: [",
        "a: 1\n---\nb: 1",
    ] {
        assert!(spec::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn traces_are_read_from_csv_and_json() {
    let csv = "at,arrival,metrics,sink\n0,100,ok,\n60,200,missing,50\n\n90,0,,\n";
    let json = r#"[{"at":0,"arrival":100},{"at":60,"arrival":200,"metrics":"missing","sink":50},
        {"at":90,"arrival":0}]"#;
    let (one, other) = (from_csv("a", csv).unwrap(), from_json("a", json).unwrap());
    assert_eq!(one.points, other.points);
    assert_eq!(one.seconds().count(), 90);
    assert_eq!(
        one.seconds().map(|second| second.arrival).sum::<f64>(),
        12_000.0
    );
    for wrong in [
        "",
        "at,arrival\n0,1",
        "at,arrival\n1,1\n2,1",
        "at,arrival\n0,1\n0,1",
        "at,arrival\n0,-1\n9,1",
        "at,arrival\n0,NaN\n9,1",
        "at,arrivals\n0,1\n9,1",
        "at,arrival,size\n0,1,0\n9,1,1",
        "at,arrival,metrics\n0,1,gone\n9,1,ok",
        "at,arrival\n0\n9,1",
        "at,arrival\n0,1\n9999999,1",
    ] {
        assert!(from_csv("a", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_table_can_be_printed_again() {
    let table = || {
        let traces = traces::all(5_000.0, 7);
        let results: Vec<_> = traces[2..4]
            .iter()
            .map(|t| compare(t, &setting()))
            .collect();
        report::table(&results)
    };
    assert_eq!(table(), table());
}

fn of(comparison: &Comparison, scaler: &str) -> Outcome {
    let mut results = comparison.results.iter();
    results.find(|o| o.scaler == scaler).unwrap().clone()
}

fn all(seed: u64) -> Vec<Comparison> {
    traces::all(5_000.0, seed)
        .iter()
        .map(|trace| compare(trace, &setting()))
        .collect()
}

/// Against KEDA's best practice, both triggers and both set by hand to what a worker really does.
#[test]
fn the_comparison_keeps_what_was_promised() {
    for seed in [1, 2, 3] {
        let comparisons = all(seed);
        let table = report::table(&comparisons);
        let mut better_on_both = 0;
        for comparison in &comparisons {
            let (ours, theirs) = (of(comparison, "sendry"), of(comparison, "keda length+rate"));
            let name = &comparison.trace;
            let allowed = if name == "outage" { 1.25 } else { 1.1 };
            if ours.pod_minutes < theirs.pod_minutes {
                assert!(
                    ours.p95_seconds <= allowed * theirs.p95_seconds,
                    "{name}, seed {seed}\n{table}"
                );
                better_on_both += u32::from(ours.p95_seconds < theirs.p95_seconds);
            }
            assert_eq!(ours.lowered_blindly, 0, "{name}, seed {seed}\n{table}");
            assert!(!ours.left, "{name}, seed {seed}\n{table}");
        }
        assert!(
            better_on_both >= 3,
            "{better_on_both}, seed {seed}\n{table}"
        );
    }
}

#[test]
fn a_queue_that_cannot_be_seen_is_not_an_empty_one() {
    let trace = traces::named("metric-loss", 5_000.0, 1).unwrap();
    let mut setting = setting();
    setting.spec.min = 0;
    let comparison = compare(&trace, &setting);
    for result in &comparison.results {
        let blind = (result.lowered_blindly, result.nobody_while_blind_seconds);
        if result.scaler == "sendry" {
            assert_eq!(blind, (0, 0));
        } else {
            assert!(blind.0 > 0 && blind.1 > 60, "{result:?}");
        }
    }
    // Where the statistics fail instead of being absent, the autoscaler behind KEDA holds, too.
    let mut failing = trace;
    for point in &mut failing.points {
        if point.metrics == Metrics::Missing {
            point.metrics = Metrics::Error;
        }
    }
    for result in compare(&failing, &setting).results {
        assert_eq!(result.lowered_blindly, 0, "{result:?}");
    }
}

/// A table that is not what the command prints is worth nothing.
#[test]
fn the_published_table_is_the_printed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/AUTOSCALING.md");
    let published = fs::read_to_string(path).unwrap();
    let printed = report::table(&all(1));
    let rows: Vec<_> = printed.lines().take_while(|l| l.starts_with('|')).collect();
    assert!(
        published.contains(&rows.join("\n")),
        "docs/AUTOSCALING.md should have\n{printed}"
    );
}

#[test]
fn the_command_takes_files_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let mut args = SimulateArgs {
        spec: file("pipeline.yaml", "min: 0\nmax: 20\n"),
        trace: vec![
            file("load.csv", "at,arrival\n0,9000\n600,0\n700,0\n")
                .display()
                .to_string(),
            "burst".to_owned(),
        ],
        worker_rate: 5_000,
        start_up: 15,
        keda_length: 4.0,
        seed: 1,
        json: true,
    };
    let results = compared(&args).unwrap();
    assert_eq!(results.len(), 2);
    assert!(results[0].results.iter().all(|result| !result.left));
    let json = serde_json::to_value(&results).unwrap();
    assert_eq!(json[1]["results"][0]["scaler"], "sendry");
    assert!(json[1]["results"][0]["p95Seconds"].is_f64());
    args.trace = vec!["nowhere".to_owned()];
    let error = compared(&args).unwrap_err().to_string();
    assert!(error.contains("metric-loss"), "{error}");
    args.trace = vec![file("load.txt", "").display().to_string()];
    assert!(compared(&args).is_err());
    args.spec = folder.path().join("none.yaml");
    assert!(compared(&args).is_err());
}
