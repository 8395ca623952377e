//! The operator, though its roles allow everything.

use super::{OPERATOR, ROLES, attempt, made, namespace, server};
use crate::support::root;

fn secret(namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: key, namespace: {namespace} }}\nstringData: {{ api-key: x }}"
    )
}

const APPLY: &str = "apply --server-side --filename -";

#[test]
fn the_operator_writes_secrets_of_tenants_and_its_own_alone() {
    let own = server();
    made(&own, &namespace("op-tenant", "sendry.io/tenant: op", ""));
    made(&own, &namespace("op-other", "team: web", ""));
    made(&own, &namespace("op-bare", "", ""));
    for (name, says) in [
        ("op-other", "label namespace op-other"),
        ("op-bare", "label namespace op-bare"),
        ("kube-system", "label namespace kube-system"),
    ] {
        attempt(&own, OPERATOR, APPLY)
            .with(secret(name))
            .refused(says);
    }
    attempt(&own, OPERATOR, APPLY)
        .with(secret("op-tenant"))
        .accepted();
    attempt(&own, OPERATOR, APPLY)
        .with(secret("sendry-system"))
        .accepted();

    // What is somebody else's it does not change either.
    made(&own, &secret("op-other"));
    attempt(&own, OPERATOR, "label secret key --namespace op-other a=b")
        .refused("label namespace op-other");
    attempt(&own, OPERATOR, "label secret key --namespace op-tenant a=b").accepted();
}

#[test]
fn each_of_several_operators_has_a_namespace_of_its_own() {
    let own = server();
    let other = "system:serviceaccount:op-second:our-operator";
    let policies = std::fs::read_to_string(root().join("crds/admission.yaml")).unwrap();
    let policies = policies.replace(
        &format!("['{OPERATOR}']"),
        &format!("['{OPERATOR}', '{other}']"),
    );
    assert_eq!(policies.matches(other).count(), 2);
    made(&own, &namespace("op-second", "", ""));
    let may = ROLES.replace("operator-may", "second-operator-may");
    let may = may
        .split("---")
        .find(|part| part.contains("second-operator-may"));
    let may = may
        .unwrap()
        .replace("name: sendry-operator", "name: our-operator");
    made(
        &own,
        &may.replace("namespace: sendry-system", "namespace: op-second"),
    );
    made(&own, &policies);
    attempt(&own, other, APPLY)
        .with(secret("sendry-system"))
        .refused("label namespace sendry-system");
    attempt(&own, other, APPLY)
        .with(secret("op-second"))
        .accepted();
    attempt(&own, OPERATOR, APPLY)
        .with(secret("op-second"))
        .refused("label namespace op-second");
}

#[test]
fn the_operator_deletes_no_namespaces_and_no_secrets_but_workers() {
    let own = server();
    let says = "the operator deletes no namespaces, and no Secrets but those of workers";
    made(&own, &namespace("op-delete", "sendry.io/tenant: op", ""));
    made(&own, &secret("op-delete"));
    attempt(&own, OPERATOR, "delete secret key --namespace op-delete").refused(says);
    attempt(
        &own,
        OPERATOR,
        "delete --raw /api/v1/namespaces/op-delete/secrets",
    )
    .refused_raw(says);
    attempt(&own, OPERATOR, "delete namespace op-delete").refused(says);
    made(&own, &secret("sendry-system"));
    attempt(
        &own,
        OPERATOR,
        "delete secret key --namespace sendry-system",
    )
    .refused(says);
    let workers = |name: &str| {
        let labels = "metadata: { labels: { app.kubernetes.io/name: sendry-worker }, ";
        secret("sendry-system")
            .replace("metadata: { ", labels)
            .replace("name: key", &format!("name: {name}"))
    };
    // A name alone does not make it a worker's, nor does a label.
    made(&own, &workers("key-2"));
    made(
        &own,
        &secret("sendry-system").replace("name: key", "name: w-2"),
    );
    for name in ["key-2", "w-2"] {
        let args = format!("delete secret {name} --namespace sendry-system");
        attempt(&own, OPERATOR, &args).refused(says);
    }
    made(&own, &workers("w-1"));
    attempt(
        &own,
        OPERATOR,
        "delete secret w-1 --namespace sendry-system",
    )
    .accepted();
    // Somebody else does.
    attempt(&own, None, "delete secret key --namespace op-delete").accepted();
}

#[test]
fn the_operator_makes_namespaces_for_tenants_and_takes_none() {
    let own = server();
    let says = "the operator takes no namespace that is not labelled";
    made(&own, &namespace("op-foreign", "team: web", ""));
    attempt(
        &own,
        OPERATOR,
        "label namespace op-foreign sendry.io/tenant=op",
    )
    .refused(says);
    attempt(&own, OPERATOR, APPLY)
        .with(namespace("op-foreign", "sendry.io/tenant: op", ""))
        .refused(says);
    attempt(
        &own,
        OPERATOR,
        "label namespace kube-system sendry.io/tenant=op",
    )
    .refused(says);

    let ours = |protected: &str| {
        namespace(
            "op-made",
            "sendry.io/tenant: op",
            &format!("sendry.io/protected: '{protected}'"),
        )
    };
    attempt(&own, OPERATOR, APPLY)
        .with(ours("false"))
        .accepted();
    attempt(&own, OPERATOR, APPLY).with(ours("true")).accepted();
    attempt(
        &own,
        OPERATOR,
        "label namespace op-made sendry.io/tenant=another --overwrite",
    )
    .refused(says);
    attempt(&own, OPERATOR, "label namespace op-made sendry.io/tenant-").refused(says);
    // One that is nobody's it does not change at all: neither its annotations nor the standard its pods are held to.
    for args in [
        "annotate namespace op-foreign sendry.io/protected=false",
        "label namespace kube-system pod-security.kubernetes.io/enforce=privileged",
    ] {
        attempt(&own, OPERATOR, args).refused(says);
    }
}

#[test]
fn the_operator_makes_no_tokens_of_service_accounts() {
    let own = server();
    made(&own, &namespace("op-token", "sendry.io/tenant: op", ""));
    for namespace in ["op-token", "sendry-system"] {
        let token = format!(
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/service-account-token\n\
             metadata: {{ name: token, namespace: {namespace}, annotations: {{ kubernetes.io/service-account.name: default }} }}"
        );
        attempt(&own, OPERATOR, APPLY)
            .with(token)
            .refused("is of type kubernetes.io/service-account-token");
    }
}

/// A Deployment that makes no pods.
fn deployment(namespace: &str, name: &str, label: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: {name}, namespace: {namespace}, labels: {{ {label} }} }}\n\
         spec:\n  replicas: 0\n  selector: {{ matchLabels: {{ a: b }} }}\n  template:\n    metadata: {{ labels: {{ a: b }} }}\n    \
         spec: {{ containers: [{{ name: x, image: img }}] }}"
    )
}

#[test]
fn the_operator_writes_no_workloads_but_workers_in_its_own_namespace() {
    let own = server();
    let says = "and no other workload";
    let worker = "app.kubernetes.io/name: sendry-worker";
    made(&own, &namespace("op-apps", "sendry.io/tenant: op", ""));
    for (namespace, name, label) in [
        ("op-apps", "w-1", worker),
        ("kube-system", "w-1", worker),
        ("sendry-system", "w-1", ""),
        ("sendry-system", "sendry-ingest", worker),
    ] {
        attempt(&own, OPERATOR, APPLY)
            .with(deployment(namespace, name, label))
            .refused(says);
    }
    attempt(&own, OPERATOR, APPLY)
        .with(deployment("sendry-system", "w-1", worker))
        .accepted();
    attempt(
        &own,
        OPERATOR,
        "scale deployment w-1 --replicas 1 --namespace sendry-system",
    )
    .accepted();
    // Neither is another made a worker, nor a worker another.
    made(&own, &deployment("sendry-system", "w-other", "app: web"));
    for args in [
        "label deployment w-other app.kubernetes.io/name=sendry-worker --namespace sendry-system",
        "label deployment w-1 app.kubernetes.io/name- --namespace sendry-system",
        "delete deployment w-other --namespace sendry-system",
    ] {
        attempt(&own, OPERATOR, args).refused(says);
    }
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: w-1, namespace: sendry-system, \
               labels: { app.kubernetes.io/name: sendry-worker } }\nspec: { containers: [{ name: x, image: img }] }";
    attempt(&own, OPERATOR, APPLY).with(pod).refused(says);
    let configs = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: w-1, namespace: op-apps, \
                   labels: { app.kubernetes.io/name: sendry-worker } }";
    attempt(&own, OPERATOR, APPLY).with(configs).refused(says);
    attempt(&own, OPERATOR, APPLY)
        .with(configs.replace("op-apps", "sendry-system"))
        .accepted();
    for kind in ["deployment", "configmap"] {
        let args = format!("delete {kind} w-1 --namespace sendry-system");
        attempt(&own, OPERATOR, &args).accepted();
    }
}
