//! The operator, though its roles allow everything.

use super::{OPERATOR, attempt, made, namespace, server};

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
fn the_operator_deletes_neither_secrets_nor_namespaces() {
    let own = server();
    let says = "the operator deletes neither Secrets nor namespaces";
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
}
