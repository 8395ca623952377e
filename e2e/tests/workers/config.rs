//! What the operator renders, read by the worker's own loader.

use std::collections::BTreeMap;

use sendry_crds::pipeline::WorkerSpec;
use sendry_domain::id::{PipelineName, TenantId};
use sendry_operator::workers::{Wanted, WorkerSettings, build};
use sendry_runtime::config::{Environment, Loader, Settings, Source};
use sendry_worker::cli::Cli;
use serde_json::Value;

fn wanted(tenant: &str, spec: WorkerSpec) -> Wanted {
    Wanted {
        tenant: TenantId::new(tenant).unwrap(),
        pipeline: PipelineName::new("orders").unwrap(),
        spec,
    }
}

/// The settings that a container of the Deployment has, with Kubernetes' part done by us: files and variables.
fn loaded(wanted: &Wanted) -> Settings {
    let settings = WorkerSettings::default();
    let made = build::objects(wanted, &settings, "sendry-system", "hash").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(build::WORKER_YAML);
    let text = made.config["data"][build::WORKER_YAML].as_str().unwrap();
    std::fs::write(&file, text).unwrap();
    let pod = &made.deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let mount = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    let args = container["args"].as_array().unwrap().iter();
    let args = args.map(|arg| {
        arg.as_str()
            .unwrap()
            .replace(mount, folder.path().to_str().unwrap())
    });
    let variables = container["env"].as_array().unwrap().iter().map(variable);
    Loader::new("SENDRY")
        .environment(Environment::fixed(variables))
        .load::<Cli>(std::iter::once("sendry-worker".to_owned()).chain(args))
        .unwrap()
        .sources
}

/// A variable with what the kubelet would find for it.
fn variable(variable: &Value) -> (String, String) {
    let from = &variable["valueFrom"];
    let key = from["secretKeyRef"]["key"].as_str();
    let value = match key.or(from["fieldRef"]["fieldPath"].as_str()).unwrap() {
        "queue-url" => "amqp://sendry.acme.orders:x@rabbitmq:5672/",
        "postgres-url" => "postgres://sendry@postgres/sendry",
        "mongodb-url" => "mongodb://mongodb/sendry",
        "metadata.uid" => "6a0e0a5c-53c4-4b3e-8d62-0d3f4f4a9a11",
        other => panic!("nobody gives {other}"),
    };
    (
        variable["name"].as_str().unwrap().to_owned(),
        value.to_owned(),
    )
}

#[test]
fn a_worker_reads_back_what_the_operator_wrote() {
    let spec = WorkerSpec {
        concurrency: Some(7),
        prefetch: Some(321),
        resources: None,
    };
    let settings = loaded(&wanted("acme", spec));
    let file = |setting: &Source| matches!(setting, Source::File(_));
    let all: BTreeMap<_, _> = settings.iter().map(|s| (s.key.as_str(), s)).collect();
    for (key, value) in [
        ("role", "worker"),
        ("tenant", "acme"),
        ("pipeline", "orders"),
        ("declare", "false"),
        ("concurrency", "7"),
        ("prefetch", "321"),
        ("admin-listen", "0.0.0.0:9090"),
        ("stop-within-seconds", "55"),
        ("log-format", "json"),
    ] {
        assert_eq!(all[key].value.as_deref(), Some(value), "{key}");
        assert!(file(&all[key].source), "{key}: {}", all[key].source);
    }
    for key in ["queue-url", "postgres-url", "mongodb-url", "instance"] {
        let from = &all[key].source;
        assert!(matches!(from, Source::Env(_)), "{key}: {from}");
    }
    // And nothing that it was not told.
    let told = settings.iter().filter(|s| s.source != Source::Default);
    assert_eq!(told.count(), 9 + 4, "{settings}");
    assert_eq!(all["management-url"].value, None);
}

#[test]
fn names_that_look_like_something_else_stay_names() {
    for name in ["1e5", "null", "true", "0x10", "007", "on", "1-2"] {
        let settings = loaded(&wanted(name, WorkerSpec::default()));
        let tenant = settings.get("tenant").unwrap();
        assert_eq!(tenant.value.as_deref(), Some(name));
    }
}

#[test]
fn every_size_that_a_resource_may_ask_for_can_be_run() {
    for concurrency in [1, 64] {
        for prefetch in [1, 1_000] {
            let spec = WorkerSpec {
                concurrency: Some(concurrency),
                prefetch: Some(prefetch),
                resources: None,
            };
            let settings = loaded(&wanted("acme", spec));
            let value = |key: &str| settings.get(key).unwrap().value.clone().unwrap();
            assert_eq!(value("concurrency"), concurrency.to_string());
            assert_eq!(value("prefetch"), prefetch.to_string());
        }
    }
}
