use k8s_openapi::api::core::v1::Pod;
use sendry_crds::condition::REASONS;
use serde_json::{Value, json};

use super::*;

fn pod(name: &str, created: &str, status: Value) -> PodView {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": name, "creationTimestamp": created}, "status": status,
    }))
    .unwrap();
    PodView::of(&pod)
}

/// A pod whose container is as told.
fn container(state: Value, last: Value) -> PodView {
    pod(
        "w-1-a",
        "2026-01-01T00:00:00Z",
        json!({"containerStatuses": [{
            "name": "worker", "image": "sendry/worker:dev", "imageID": "", "restartCount": 1, "ready": false,
            "state": state, "lastState": last,
        }]}),
    )
}

fn waiting(reason: &str, message: &str) -> PodView {
    container(
        json!({"waiting": {"reason": reason, "message": message}}),
        json!({}),
    )
}

fn deployment(spec: i32, ready: i32, conditions: Value) -> DeploymentView {
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": {}, "spec": {"replicas": spec, "selector": {}, "template": {}},
        "status": {"replicas": spec, "readyReplicas": ready, "conditions": conditions},
    }))
    .unwrap();
    DeploymentView::of(&deployment)
}

#[track_caller]
fn says(deployment: &DeploymentView, pods: &[&PodView]) -> (&'static str, String) {
    match availability(deployment, pods) {
        Availability::Yes => ("", String::new()),
        Availability::No { reason, message } => {
            let known = REASONS.iter().any(|known| known.name == reason);
            assert!(known, "{reason} is not in sendry_crds::condition::REASONS");
            assert!(!message.is_empty());
            (reason, message)
        }
    }
}

#[test]
fn each_trouble_of_a_pod_has_its_reason() {
    let one = deployment(1, 0, json!([]));
    let crash = json!({"terminated": {"exitCode": 1, "reason": "Error",
        "message": "{\"level\":\"INFO\"}\nsendry-worker: failed to open PostgreSQL: no such database\n"}});
    let oom = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let backing_off =
        json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}});
    let running = json!({"running": {}});
    let unscheduled = pod(
        "w-1-a",
        "2026-01-01T00:00:00Z",
        json!({"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: too little cpu",
        }]}),
    );
    let table: &[(PodView, &str, &str)] = &[
        (
            waiting("ErrImagePull", "not found"),
            "ErrImagePull",
            "sendry/worker:dev cannot be pulled: not found",
        ),
        (
            waiting(
                "ImagePullBackOff",
                "Back-off pulling image \"x\": ErrImagePull: not found",
            ),
            "ErrImagePull",
            "sendry/worker:dev cannot be pulled: not found",
        ),
        (
            waiting("ErrImageNeverPull", "not present"),
            "ErrImageNeverPull",
            "not present",
        ),
        (
            waiting(
                "CreateContainerConfigError",
                "secret \"sendry-stores\" not found",
            ),
            "CreateContainerConfigError",
            "secret \"sendry-stores\" not found",
        ),
        (
            container(backing_off, crash.clone()),
            "CrashLoopBackOff",
            "code 1: sendry-worker: failed to open PostgreSQL",
        ),
        (
            container(running.clone(), crash.clone()),
            "CrashLoopBackOff",
            "no such database",
        ),
        (
            container(crash, json!({})),
            "CrashLoopBackOff",
            "no such database",
        ),
        (container(running.clone(), oom), "OOMKilled", "memory"),
        (unscheduled, "Unschedulable", "too little cpu"),
        (waiting("ContainerCreating", ""), "", ""),
        (container(running.clone(), json!({})), "", ""),
        (
            container(running, json!({"terminated": {"exitCode": 0}})),
            "",
            "",
        ),
    ];
    for (pod, reason, message) in table {
        let said = says(&one, &[pod]);
        assert_eq!(said.0, *reason, "{pod:?}");
        assert!(said.1.contains(message), "{} lacks {message}", said.1);
    }
}

#[test]
fn what_a_pod_waits_next_for_changes_nothing() {
    let crash = json!({"terminated": {"exitCode": 1, "message": "broken"}});
    let of = |wait: &str| {
        let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": format!("back-off {wait} restarting")}});
        container(state, crash.clone())
    };
    assert_eq!(of("10s"), of("5m0s"));
    assert_eq!(of("10s"), container(json!({"running": {}}), crash.clone()));
}

#[test]
fn pods_that_go_or_were_put_off_say_nothing() {
    let one = deployment(1, 0, json!([]));
    let evicted = pod(
        "w-1-a",
        "2026-01-01T00:00:00Z",
        json!({"phase": "Failed", "reason": "Evicted",
        "conditions": [{"type": "PodScheduled", "status": "False"}]}),
    );
    assert_eq!(says(&one, &[&evicted]).0, "");
    let going: Pod = serde_json::from_value(json!({
        "metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"conditions": [{"type": "PodScheduled", "status": "False"}]},
    }))
    .unwrap();
    assert_eq!(says(&one, &[&PodView::of(&going)]).0, "");
}

#[test]
fn the_oldest_pod_speaks_for_those_alike() {
    let two = deployment(2, 0, json!([]));
    let stuck = |name: &str, created: &str, why: &str| {
        let condition = json!({"type": "PodScheduled", "status": "False", "message": why});
        pod(name, created, json!({"conditions": [condition]}))
    };
    let (old, young) = (
        stuck("b", "2026-01-01T00:00:00Z", "first"),
        stuck("a", "2026-01-01T00:00:09Z", "second"),
    );
    let said = says(&two, &[&young, &old]);
    assert!(
        said.1.contains("first") && said.1.contains("2 workers"),
        "{said:?}"
    );
    assert_eq!(said, says(&two, &[&old, &young]));
}

#[test]
fn what_keeps_pods_from_being_made_comes_first() {
    let failed = json!([
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"},
    ]);
    let pod = waiting("ErrImagePull", "not found");
    let said = says(&deployment(3, 0, failed.clone()), &[&pod]);
    assert_eq!(said.0, "FailedCreate");
    assert!(said.1.contains("exceeded quota"));
    assert_eq!(
        says(&deployment(0, 0, failed), &[&pod]).0,
        "",
        "none are wanted"
    );
}

#[test]
fn a_rollout_that_stands_still_is_told_where_workers_lack() {
    let late =
        json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
    assert_eq!(
        says(&deployment(2, 1, late.clone()), &[]).0,
        "ProgressDeadlineExceeded"
    );
    assert_eq!(says(&deployment(2, 2, late), &[]).0, "");
    // Older ones go on, and yet the next ones cannot start.
    let pod = waiting("ErrImagePull", "not found");
    assert_eq!(
        says(&deployment(2, 2, json!([])), &[&pod]).0,
        "ErrImagePull"
    );
}
