//! What a person sees: tables, explanations, short names, the scale subresource, selection by field.

use std::path::Path;

use kube::api::{DeleteParams, Patch, PatchParams};
use sendry_servers::kube::ctl;
use serde_json::{Value, json};

use crate::support::{MANAGER, api, apply, client, namespace, read, shared};

fn kubectl(kubeconfig: &Path, args: &str) -> String {
    let args: Vec<_> = args.split(' ').collect();
    ctl(kubeconfig, &args, None).unwrap()
}

/// An object with a status as the operator would write it.
async fn with_status(kubeconfig: &Path, namespace: &str, yaml: &str, status: Value) {
    let client = client(kubeconfig).await;
    let object = read(yaml).remove(0);
    apply(&client, namespace, &object, true).await.unwrap();
    let name = object["metadata"]["name"].as_str().unwrap();
    let status =
        json!({ "apiVersion": object["apiVersion"], "kind": object["kind"], "status": status });
    let force = PatchParams::apply(MANAGER).force();
    api(&client, namespace, &object)
        .patch_status(name, &force, &Patch::Apply(status))
        .await
        .unwrap();
}

async fn remove(kubeconfig: &Path, namespace: &str, yaml: &str) {
    let client = client(kubeconfig).await;
    let object = read(yaml).remove(0);
    let name = object["metadata"]["name"].as_str().unwrap();
    api(&client, namespace, &object)
        .delete(name, &DeleteParams::default())
        .await
        .unwrap();
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1 })
}

/// The words of the line of an object under those of the head.
fn columns(table: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = table.lines().collect();
    let words = |line: &str| {
        let cells = line
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines.len(), 2, "{table}");
    words(lines[0]).into_iter().zip(words(lines[1])).collect()
}

fn cell(table: &str, column: &str) -> String {
    let cells = columns(table);
    let found = cells.iter().find(|(name, _)| name == column);
    found
        .unwrap_or_else(|| panic!("no {column} in\n{table}"))
        .1
        .clone()
}

#[tokio::test]
async fn a_tenant_tells_its_state_in_a_line() {
    let kubeconfig = shared().await;
    let yaml = "apiVersion: sendry.io/v1alpha1\nkind: SendryTenant\nmetadata: { name: crds-table }\nspec: { namespace: crds-table-ns }";
    let message = "RabbitMQ does not answer";
    let status = json!({ "observedGeneration": 1, "activeKeys": 2,
        "conditions": [condition("Ready", "False", "BrokerUnavailable", message)] });
    with_status(&kubeconfig, "", yaml, status).await;

    let narrow = kubectl(&kubeconfig, "get stn crds-table");
    for (column, value) in [
        ("READY", "False"),
        ("REASON", "BrokerUnavailable"),
        ("NAMESPACE", "crds-table-ns"),
        ("KEYS", "2"),
    ] {
        assert_eq!(cell(&narrow, column), value, "{narrow}");
    }
    assert!(!narrow.contains("MESSAGE"), "{narrow}");
    let wide = kubectl(&kubeconfig, "get stn crds-table --output wide");
    assert_eq!(cell(&wide, "SUSPENDED"), "false", "{wide}");
    assert_eq!(cell(&wide, "MESSAGE"), message, "{wide}");

    let category = kubectl(&kubeconfig, "get sendry --all-namespaces --output name");
    assert!(
        category.contains("sendrytenant.sendry.io/crds-table"),
        "{category}"
    );
    let selected = kubectl(
        &kubeconfig,
        "get stn --field-selector spec.namespace=crds-table-ns --output name",
    );
    assert_eq!(selected.trim(), "sendrytenant.sendry.io/crds-table");
    let none = kubectl(
        &kubeconfig,
        "get stn --field-selector spec.namespace=crds-table-no --output name",
    );
    assert_eq!(none, "");
    remove(&kubeconfig, "", yaml).await;
}

#[tokio::test]
async fn a_pipeline_tells_its_state_in_a_line_and_is_scaled() {
    let kubeconfig = shared().await;
    namespace(&kubeconfig, "crds-scale");
    let yaml = "apiVersion: sendry.io/v1alpha1\nkind: SendryPipeline\nmetadata: { name: shop }\nspec: { scaling: { mode: External } }";
    let status = json!({ "observedGeneration": 1, "replicas": 3, "desiredReplicas": 4, "selector": "sendry.io/pipeline=shop",
        "scaling": { "reason": "Following", "backlog": 120, "drainTime": "40s" },
        "conditions": [condition("Ready", "True", "Ready", "fine"), condition("ScalingActive", "True", "External", ""),
            condition("ScalingLimited", "True", "MaxReplicas", "")] });
    with_status(&kubeconfig, "crds-scale", yaml, status).await;

    let wide = kubectl(
        &kubeconfig,
        "get spl shop --namespace crds-scale --output wide",
    );
    let said = [
        ("READY", "True"),
        ("DESIRED", "4"),
        ("REPLICAS", "3"),
        ("BACKLOG", "120"),
        ("DRAIN-TIME", "40s"),
        ("SCALING", "External"),
        ("LIMITED", "MaxReplicas"),
        ("MESSAGE", "fine"),
    ];
    for (column, value) in said {
        assert_eq!(cell(&wide, column), value, "{wide}");
    }
    let selected = kubectl(
        &kubeconfig,
        "get spl --namespace crds-scale --field-selector spec.scaling.mode=External --output name",
    );
    assert_eq!(selected.trim(), "sendrypipeline.sendry.io/shop");

    kubectl(
        &kubeconfig,
        "scale spl shop --namespace crds-scale --replicas 7",
    );
    let field = kubectl(
        &kubeconfig,
        "get spl shop --namespace crds-scale --output jsonpath={.spec.replicas}",
    );
    assert_eq!(field, "7");
    let path =
        "get --raw /apis/sendry.io/v1alpha1/namespaces/crds-scale/sendrypipelines/shop/scale";
    let scale: Value = serde_json::from_str(&kubectl(&kubeconfig, path)).unwrap();
    assert_eq!(scale["spec"]["replicas"], 7, "{scale}");
    assert_eq!(
        scale["status"],
        json!({ "replicas": 3, "selector": "sendry.io/pipeline=shop" })
    );
    remove(&kubeconfig, "crds-scale", yaml).await;
}

#[tokio::test]
async fn explanations_are_written_for_who_writes_a_manifest() {
    let kubeconfig = shared().await;
    for (field, says) in [
        ("stn.spec.apiKeys.rotation.trigger", "rotation by a commit"),
        (
            "stn.spec.limits.eventsPerSecond",
            "beyond it ingest answers 429",
        ),
        ("stn.status.apiKeys.keys.state", "Retiring"),
        ("spl.spec.scaling.mode", "ENUM"),
        ("spl.spec.queue.maxLengthBytes", "backlog_full"),
    ] {
        let text = kubectl(&kubeconfig, &format!("explain {field}"));
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(line.contains(says), "{field}: {text}");
    }
}
