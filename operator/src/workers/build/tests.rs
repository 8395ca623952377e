use std::collections::BTreeSet;

use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::ConfigMap, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::api::resource::Quantity,
};
use proptest::prelude::*;
use sendry_crds::pipeline::WorkerResources;

use super::*;
use crate::workers::differ::differs;

fn wanted(spec: WorkerSpec) -> Wanted {
    Wanted {
        tenant: TenantId::new("acme").unwrap(),
        pipeline: PipelineName::new("orders").unwrap(),
        spec,
    }
}

fn built(spec: WorkerSpec) -> Objects {
    let settings = WorkerSettings {
        image: "sendry/worker:dev".to_owned(),
        ..WorkerSettings::default()
    };
    objects(&wanted(spec), &settings, "sendry-system", "of-the-secret").unwrap()
}

/// All that is made, as it stood when a person last looked through it.
#[test]
fn what_is_made_is_what_was_looked_through() {
    let Objects {
        config,
        deployment,
        budget,
    } = built(WorkerSpec::default());
    let made = serde_json::to_string_pretty(&json!([config, deployment, budget])).unwrap() + "\n";
    assert_eq!(
        made,
        include_str!("golden.json"),
        "if this is as it should be, it becomes operator/src/workers/build/golden.json:\n{made}"
    );
}

#[test]
fn what_is_made_can_be_read_as_its_kind() {
    let all = built(WorkerSpec::default());
    let deployment: Deployment = serde_json::from_value(all.deployment).unwrap();
    assert_eq!(
        deployment.spec.unwrap().replicas,
        None,
        "it is the autoscaler's"
    );
    let _: ConfigMap = serde_json::from_value(all.config).unwrap();
    let _: PodDisruptionBudget = serde_json::from_value(all.budget).unwrap();
}

#[test]
fn a_deployment_says_what_it_was_made_by_and_nothing_that_cannot_be() {
    let spec = WorkerSpec {
        concurrency: Some(7),
        resources: Some(WorkerResources {
            memory: Some(Quantity("512Mi".to_owned())),
            cpu: None,
        }),
        ..WorkerSpec::default()
    };
    let deployment: Deployment = serde_json::from_value(built(spec.clone()).deployment).unwrap();
    let mut annotations = deployment.metadata.annotations.unwrap();
    assert_eq!(made_by(&annotations), Some(spec));
    for damaged in ["", "{", r#"{"concurrency": 1000}"#] {
        let key = names::WORKER_SPEC_ANNOTATION.to_owned();
        annotations.insert(key, damaged.to_owned());
        assert_eq!(made_by(&annotations), None, "{damaged}");
    }
}

#[test]
fn pods_are_made_anew_when_what_they_are_given_changes_and_not_before() {
    let hash = |objects: &Objects| {
        objects.deployment["spec"]["template"]["metadata"]["annotations"][names::CONFIG_ANNOTATION]
            .clone()
    };
    let one = built(WorkerSpec::default());
    assert_eq!(one, built(WorkerSpec::default()));
    let spec = WorkerSpec {
        concurrency: Some(7),
        ..WorkerSpec::default()
    };
    assert_ne!(hash(&one), hash(&built(spec)));
    let settings = WorkerSettings::default();
    let with =
        |secret: &str| objects(&wanted(WorkerSpec::default()), &settings, "n", secret).unwrap();
    assert_ne!(hash(&with("a")), hash(&with("b")));
}

/// As the API server keeps it: read as its kind, without what is empty.
fn kept(object: &Value) -> Deployment {
    serde_json::from_value(object.clone()).unwrap()
}

#[test]
fn what_the_platform_says_of_pods_stands_in_them_and_is_no_difference_ever_after() {
    let settings = WorkerSettings {
        log: Some("info,sendry_worker[{tenant.id}]=debug".to_owned()),
        template: r#"{
            "nodeSelector": {"pool": "workers", "empty": ""},
            "tolerations": [
                {"key": "pool", "operator": "Equal", "value": "workers", "effect": "NoSchedule"},
                {"operator": "Exists", "value": "", "effect": "NoExecute", "tolerationSeconds": 60}
            ],
            "priorityClassName": "high",
            "annotations": {"example.com/scrape": "true"}
        }"#
        .parse()
        .unwrap(),
        ..WorkerSettings::default()
    };
    let of = |settings: &WorkerSettings| {
        objects(&wanted(WorkerSpec::default()), settings, "n", "s").unwrap()
    };
    let (plain, made) = (of(&WorkerSettings::default()), of(&settings));
    let template = &made.deployment["spec"]["template"];
    assert_eq!(template["spec"]["nodeSelector"]["pool"], "workers");
    assert_eq!(template["spec"]["tolerations"][1]["tolerationSeconds"], 60);
    assert_eq!(template["spec"]["priorityClassName"], "high");
    let annotations = &template["metadata"]["annotations"];
    assert_eq!(annotations["example.com/scrape"], "true");
    assert!(annotations[names::CONFIG_ANNOTATION].is_string());
    let text = made.config["data"][WORKER_YAML].as_str().unwrap();
    assert!(
        text.ends_with("log: \"info,sendry_worker[{tenant.id}]=debug\"\n"),
        "{text}"
    );
    assert!(!differs(&made.deployment, &kept(&made.deployment)));
    assert!(differs(&made.deployment, &kept(&plain.deployment)));
    // Nothing of it is wanted any more, and it is noticed.
    assert!(differs(&plain.deployment, &kept(&made.deployment)));
}

#[test]
fn names_do_not_run_into_each_other() {
    let name = |tenant: &str, pipeline: &str| {
        name(
            &TenantId::new(tenant).unwrap(),
            &PipelineName::new(pipeline).unwrap(),
        )
    };
    // As `printf acme/orders | sha256sum` begins.
    assert_eq!(name("acme", "orders"), "w-874229ea429d8df3");
    assert_ne!(name("a", "b-c"), name("a-b", "c"));
}

#[test]
fn what_an_older_schema_let_through_is_refused() {
    let refused = |spec: WorkerSpec| check(&spec).unwrap_err();
    let (concurrency, prefetch) = (Some(0), Some(1_001));
    assert!(
        refused(WorkerSpec {
            concurrency,
            ..WorkerSpec::default()
        })
        .contains("concurrency 0")
    );
    assert!(
        refused(WorkerSpec {
            prefetch,
            ..WorkerSpec::default()
        })
        .contains("prefetch 1001")
    );
}

/// Paths in `value` to what differs from `other`.
fn differences(at: &str, value: &Value, other: &Value, found: &mut BTreeSet<String>) {
    match (value, other) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let none = Value::Null;
                let (a, b) = (a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none));
                differences(&format!("{at}/{key}"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{at}/{n}"), a, b, found);
            }
        }
        (a, b) if a == b => {}
        _ => {
            found.insert(at.to_owned());
        }
    }
}

proptest! {
    /// A resource reaches numbers in one file and in the container's resources, and nothing else of a pod.
    #[test]
    fn a_spec_can_put_nothing_else_into_a_pod(
        concurrency in proptest::option::of(any::<u32>()),
        prefetch in proptest::option::of(any::<u32>()),
        cpu in proptest::option::of("[0-9.]{1,4}m?|.{0,8}"),
        memory in proptest::option::of("[0-9]{1,4}(Mi|Gi)|.{0,8}"),
    ) {
        let quantity = |text: Option<String>| text.map(Quantity);
        let spec = WorkerSpec {
            concurrency,
            prefetch,
            resources: Some(WorkerResources { cpu: quantity(cpu), memory: quantity(memory) }),
        };
        let settings = WorkerSettings::default();
        let of = |spec: WorkerSpec| objects(&wanted(spec), &settings, "n", "s");
        let Ok(made) = of(spec) else { return Ok(()) };
        let plain = of(WorkerSpec::default()).unwrap();
        let mut found = BTreeSet::new();
        differences("", &made.deployment, &plain.deployment, &mut found);
        let container = "/spec/template/spec/containers/0/resources/";
        // Hashes, and what it was made by, which is in no pod.
        let marks = [
            "/metadata/annotations/sendry.io/applied",
            "/metadata/annotations/sendry.io/worker-spec",
            "/spec/template/metadata/annotations/sendry.io/config",
        ];
        for path in found {
            prop_assert!(path.starts_with(container) || marks.contains(&path.as_str()), "{path}");
        }
        prop_assert_eq!(&made.budget, &plain.budget);
        let text = made.config["data"][WORKER_YAML].as_str().unwrap_or_default();
        for (line, plain) in text.lines().zip(config(&wanted(WorkerSpec::default()), &settings).lines()) {
            let number = ["concurrency: ", "prefetch: "].iter().find_map(|key| line.strip_prefix(key));
            prop_assert!(line == plain || number.is_some_and(|n| n.parse::<u32>().is_ok()), "{line}");
        }
    }
}
