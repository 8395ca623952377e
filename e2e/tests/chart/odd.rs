//! Values that are legal and look like something else, names that cannot be, and images that nobody has.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::helm::{helm, helm_as, objects};

/// Written as YAML without quotes, each of them would be a number, nothing, a truth or a map.
fn odd() -> Value {
    json!({
        "nameOverride": "123",
        "fullnameOverride": "null",
        "image": {"tag": "1e3", "pullPolicy": "Never", "pullSecrets": [{"name": "123"}]},
        "stores": {"secretName": "1e3"},
        "log": {"filter": "info,sendry_worker[{tenant.id}]=debug"},
        "operator": {
            "vhost": r#"a\b"c#d: e"#, "clusterId": "007", "watchFilter": "1e3", "priorityClassName": "123",
            "nodeSelector": {"a": "true"}, "podAnnotations": {"b": "0x1f"},
        },
        "workers": {"priorityClassName": "null", "nodeSelector": {"a": "1e3"}},
        "ingest": {"trustedProxies": ["::1/128"], "serviceAccount": {"annotations": {"c": "1.0"}}},
        "analytics": {"token": {"secretName": "456", "key": "789"}},
        "keeper": {"priorityClassName": "true"},
        "migrations": {"priorityClassName": "0x1f"},
        "metrics": {"podMonitor": {"enabled": true, "labels": {"release": "1"}}},
    })
}

fn written(folder: &Path, values: &Value) -> std::path::PathBuf {
    let file = folder.join("values.yaml");
    fs::write(&file, values.to_string()).unwrap();
    file
}

/// The pod of a part.
fn pod<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    let found = objects.iter().find(|object| {
        object["metadata"]["name"] == name && object["spec"]["template"]["spec"].is_object()
    });
    &found.unwrap_or_else(|| panic!("no {name}"))["spec"]["template"]
}

fn has_arg(pod: &Value, arg: &str) {
    let args = &pod["spec"]["containers"][0]["args"];
    let found = args.as_array().unwrap().iter().any(|it| it == arg);
    assert!(found, "no {arg} in {args}");
}

#[test]
fn a_value_is_the_text_that_it_was_whatever_it_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), &odd());
    helm(&["lint", "--strict", "--values", file.to_str().unwrap()]).unwrap();
    let all = objects(&file);
    let operator = pod(&all, "null-operator");
    let filter = "info,sendry_worker[{tenant.id}]=debug";
    for arg in [
        &format!("--log={filter}"),
        &format!("--worker-log={filter}"),
        r#"--vhost=a\b"c#d: e"#,
        "--cluster-id=007",
        "--watch-filter=1e3",
        "--worker-stores-secret=1e3",
        r#"--worker-pod-template={"nodeSelector":{"a":"1e3"},"priorityClassName":"null"}"#,
    ] {
        has_arg(operator, arg);
    }
    assert_eq!(operator["spec"]["priorityClassName"], "123");
    assert_eq!(operator["spec"]["nodeSelector"], json!({"a": "true"}));
    assert_eq!(operator["metadata"]["annotations"], json!({"b": "0x1f"}));
    assert_eq!(
        operator["metadata"]["labels"]["app.kubernetes.io/name"],
        "123"
    );
    has_arg(pod(&all, "null-ingest"), "--trusted-proxies=::1/128");
    let analytics = &pod(&all, "null-analytics")["spec"];
    let token = &analytics["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"];
    assert_eq!(*token, json!({"name": "456", "key": "789"}));
    let store = &analytics["containers"][0]["env"][1]["valueFrom"]["secretKeyRef"]["name"];
    assert_eq!(*store, "1e3");
    assert_eq!(analytics["imagePullSecrets"], json!([{"name": "123"}]));
    assert_eq!(analytics["containers"][0]["image"], "sendry/cli:1e3");
    assert_eq!(
        pod(&all, "null-keeper")["spec"]["priorityClassName"],
        "true"
    );
    assert_eq!(
        pod(&all, "null-migrations")["spec"]["priorityClassName"],
        "0x1f"
    );
    for object in all.iter().filter(|it| it["metadata"]["labels"].is_object()) {
        for (name, value) in object["metadata"]["labels"].as_object().unwrap() {
            assert!(value.is_string(), "{name}: {value}");
        }
    }
    let monitors = all.iter().filter(|it| it["kind"] == "PodMonitor");
    assert_eq!(monitors.clone().count(), 2);
    for monitor in monitors {
        assert_eq!(monitor["metadata"]["labels"]["release"], "1");
        assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], "admin");
    }
}

#[test]
fn a_release_may_be_called_a_number() {
    let args = ["template", "--set", "image.pullPolicy=Never"];
    let said = helm_as("123", &args).unwrap_err();
    assert!(
        said.contains("123-sendry") && said.contains("fullnameOverride"),
        "{said}"
    );
    let named = [&args[..], &["--set", "fullnameOverride=ours"]].concat();
    let text = helm_as("123", &named).unwrap();
    let all: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let labels = &pod(&all, "ours-ingest")["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/instance"], "123");
}

#[test]
fn a_name_that_no_service_may_have_is_refused() {
    let args = ["template", "--set", "image.pullPolicy=Never"];
    let said = helm_as("our.release", &args).unwrap_err();
    assert!(said.contains("fullnameOverride"), "{said}");
    // Cut where a hyphen would be left over.
    let long = format!("{}-b", "a".repeat(39));
    let text = helm_as(&long, &args).unwrap();
    assert!(text.contains(&format!("name: {}-ingest", "a".repeat(39))));
}

#[test]
fn images_that_nobody_published_are_not_asked_of_strangers() {
    let refused = |set: &str| helm(&["template", "--set", set]).unwrap_err();
    for set in [
        "image.tag=dev",
        "image.pullPolicy=Always",
        "image.repository=sendry",
    ] {
        let said = refused(set);
        assert!(
            said.contains("image.registry") && said.contains("Never"),
            "{said}"
        );
    }
    for set in [
        "image.registry=ghcr.io/we",
        "image.repository=registry.example/sendry",
        "image.pullPolicy=Never",
    ] {
        helm(&["template", "--set", set]).unwrap();
    }
}

#[test]
fn what_it_says_at_the_end_can_be_done() {
    // Even then helm asks an API server for its version.
    let kubeconfig = sendry_servers::url(sendry_servers::Server::Kubernetes);
    let alone = "crds.enabled=false,admissionPolicies.enabled=false,image.pullPolicy=Never";
    let notes = |set: &str| {
        let set = format!("{alone}{set}");
        let args = ["install", "--dry-run=client", "--kubeconfig", &kubeconfig];
        let said = helm(&[&args[..], &["--set", &set]].concat()).unwrap();
        said.split("NOTES:").nth(1).unwrap().to_owned()
    };
    let plain = notes("");
    for file in plain
        .split_whitespace()
        .filter(|word| word.ends_with(".yaml"))
    {
        assert!(crate::helm::repository(file).is_file(), "{file}");
    }
    assert!(!plain.contains("watch-filter"), "{plain}");
    let filtered = notes(",operator.watchFilter=blue");
    assert!(
        filtered.contains("sendry.io/watch-filter=blue"),
        "{filtered}"
    );
}
