//! Pods: restricted, without a right that they do not need, and started with settings that their program has.

use std::process::Command;

use serde_json::Value;

use crate::helm::{cases, objects, repository};

const OPERATOR: &str = env!("CARGO_BIN_EXE_e2e-operator");
const SENDRY: &str = env!("CARGO_BIN_EXE_e2e-sendry");

/// Component, pod template's spec.
fn pods(objects: &[Value]) -> Vec<(String, Value)> {
    objects
        .iter()
        .filter(|object| object["spec"]["template"]["spec"].is_object())
        .map(|object| {
            let component = &object["metadata"]["labels"]["app.kubernetes.io/component"];
            let pod = &object["spec"]["template"]["spec"];
            (component.as_str().unwrap().to_owned(), pod.clone())
        })
        .collect()
}

fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn every_pod_is_restricted_and_only_the_operators_has_a_token() {
    for case in cases() {
        for (component, pod) in pods(&objects(&case)) {
            let at = format!("{component} of {}", case.display());
            let token = pod["automountServiceAccountToken"].as_bool().unwrap();
            assert_eq!(token, component == "operator", "{at}");
            assert_eq!(pod["enableServiceLinks"], false, "{at}");
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{at}");
            assert_eq!(pod["securityContext"]["runAsUser"], 65532, "{at}");
            let seccomp = &pod["securityContext"]["seccompProfile"]["type"];
            assert_eq!(seccomp, "RuntimeDefault", "{at}");
            for container in pod["containers"].as_array().unwrap() {
                let security = &container["securityContext"];
                assert_eq!(security["allowPrivilegeEscalation"], false, "{at}");
                assert_eq!(security["readOnlyRootFilesystem"], true, "{at}");
                assert_eq!(texts(&security["capabilities"]["drop"]), ["ALL"], "{at}");
                assert!(
                    container["resources"]["limits"]["memory"].is_string(),
                    "{at}"
                );
                let probes = ["livenessProbe", "readinessProbe"];
                let probed = probes.iter().all(|probe| container[*probe].is_object());
                assert_eq!(probed, component != "migrations", "{at}");
            }
        }
    }
}

/// What changes from version to version would start every pod anew, also where nothing else of it changed.
#[test]
fn pods_are_not_labelled_with_versions() {
    for case in cases() {
        for object in objects(&case) {
            let labels = &object["spec"]["template"]["metadata"]["labels"];
            let Some(labels) = labels.as_object() else {
                continue;
            };
            for name in ["helm.sh/chart", "app.kubernetes.io/version"] {
                assert!(!labels.contains_key(name), "{name} in {labels:?}");
                let whole = &object["metadata"]["labels"][name];
                assert!(whole.is_string(), "no {name} in {}", object["metadata"]);
            }
        }
    }
}

/// The namespace is to be held to the restricted standard, and whoever starts a store again is to get one.
#[test]
fn the_stores_to_try_it_with_are_restricted_too() {
    let stores = std::fs::read_to_string(repository("examples/stores.yaml")).unwrap();
    let stores: Vec<Value> = serde_saphyr::from_multiple(&stores).unwrap();
    let pods = stores.iter().filter(|it| it["kind"] == "Deployment");
    let mut seen = 0;
    for deployment in pods {
        let pod = &deployment["spec"]["template"]["spec"];
        let at = &deployment["metadata"]["name"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{at}");
        let seccomp = &pod["securityContext"]["seccompProfile"]["type"];
        assert_eq!(seccomp, "RuntimeDefault", "{at}");
        let security = &pod["containers"][0]["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{at}");
        assert_eq!(texts(&security["capabilities"]["drop"]), ["ALL"], "{at}");
        for volume in pod["volumes"].as_array().unwrap() {
            let known = ["emptyDir", "configMap"];
            assert!(known.iter().any(|kind| volume[*kind].is_object()), "{at}");
        }
        seen += 1;
    }
    assert_eq!(seen, 3);
}

/// helm gives up after 300 s where nobody says anything, and then shows no log of the Job.
#[test]
fn migrations_give_up_before_helm_does() {
    for case in cases() {
        for job in objects(&case).iter().filter(|it| it["kind"] == "Job") {
            let deadline = job["spec"]["activeDeadlineSeconds"].as_u64().unwrap();
            assert!(deadline < 300, "{deadline}");
            let args = &job["spec"]["template"]["spec"]["containers"][0]["args"];
            let wait = texts(args)
                .into_iter()
                .find_map(|arg| arg.strip_prefix("--wait="));
            assert!(wait.unwrap().parse::<u64>().unwrap() < deadline, "{args}");
        }
    }
}

/// The program that a pod's image starts, and how the test has it.
fn program(component: &str, image: &str) -> (&'static str, Option<&'static str>) {
    match component {
        "operator" => (OPERATOR, None),
        "ingest" => (SENDRY, Some("ingest")),
        "keeper" => (SENDRY, Some("worker")),
        // `sendry analytics` is what its arguments say, where it has the dashboard.
        "analytics" if image.contains("/cli:") => (SENDRY, None),
        "analytics" => (SENDRY, Some("analytics")),
        "migrations" => (SENDRY, None),
        other => panic!("which program is {other}?"),
    }
}

#[test]
fn every_setting_is_one_that_the_program_has() {
    for case in cases() {
        for (component, pod) in pods(&objects(&case)) {
            let container = &pod["containers"][0];
            let image = container["image"].as_str().unwrap();
            let (binary, verb) = program(&component, image);
            let mut command = Command::new(binary);
            command
                .env_clear()
                .args(verb)
                .args(texts(&container["args"]));
            let variables = container["env"].as_array().unwrap();
            for variable in variables {
                let name = variable["name"].as_str().unwrap();
                let value = match name {
                    "SENDRY_INSTANCE" => "0195f5a0-0000-7000-8000-000000000000",
                    // As examples/stores.yaml has it.
                    "SENDRY_WORKER_QUEUE_URL" => "amqp://rabbitmq.sendry-system:5672/%2F",
                    _ => "told-by-the-pod",
                };
                command.env(name, value);
            }
            let output = command.arg("--print-config=json").output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            let at = format!("{component} of {}", case.display());
            let against = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{at}: {against}");
            let settings: Value = serde_json::from_str(&told).unwrap();
            let text = settings.to_string();
            // A variable that no setting has would be ignored in silence.
            for variable in variables {
                let name = variable["name"].as_str().unwrap();
                assert!(text.contains(name), "{at}: {name} is no setting: {text}");
            }
        }
    }
}
