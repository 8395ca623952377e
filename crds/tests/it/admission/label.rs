//! Whose a namespace is.

use std::fs;

use super::{EDITOR, PLATFORM, attempt, gone, made, namespace, server};

const SAYS: &str = "says whose it is; only who may update SendryTenants";

#[test]
fn who_may_edit_a_namespace_cannot_give_it_to_another_tenant() {
    let own = server();
    made(&own, &namespace("whose", "sendry.io/tenant: first", ""));
    let to = r#"{"metadata":{"labels":{"sendry.io/tenant":"second"}}}"#;
    let off = r#"[{"op":"remove","path":"/metadata/labels/sendry.io~1tenant"}]"#;
    let swap = r#"[{"op":"replace","path":"/metadata/labels/sendry.io~1tenant","value":"second"}]"#;
    for args in [
        "label namespace whose sendry.io/tenant=second --overwrite".to_owned(),
        "label namespace whose sendry.io/tenant-".to_owned(),
        format!("patch namespace whose --type merge --patch {to}"),
        format!("patch namespace whose --type strategic --patch {to}"),
        format!("patch namespace whose --type json --patch {off}"),
        format!("patch namespace whose --type json --patch {swap}"),
        format!("patch namespace whose --subresource status --type merge --patch {to}"),
        format!("patch namespace whose --subresource status --type json --patch {off}"),
    ] {
        attempt(&own, EDITOR, &args).refused(SAYS);
    }
    let second = namespace("whose", "sendry.io/tenant: second", "");
    attempt(
        &own,
        EDITOR,
        "apply --server-side --force-conflicts --filename -",
    )
    .with(second.clone())
    .refused(SAYS);
    attempt(&own, EDITOR, "replace --filename -")
        .with(second)
        .refused(SAYS);
    attempt(&own, EDITOR, "replace --filename -")
        .with(namespace("whose", "", ""))
        .refused(SAYS);

    let stands = attempt(&own, None, "get namespace whose --output json").accepted();
    let file = own.folder().join("finalize.json");
    fs::write(
        &file,
        stands.replace(
            r#""sendry.io/tenant": "first""#,
            r#""sendry.io/tenant": "second""#,
        ),
    )
    .unwrap();
    let finalize = format!(
        "replace --raw /api/v1/namespaces/whose/finalize --filename {}",
        file.display()
    );
    attempt(&own, EDITOR, &finalize).refused_raw(SAYS);

    // What is not the label is theirs to change.
    attempt(&own, EDITOR, "annotate namespace whose note=mine").accepted();
    attempt(&own, EDITOR, "label namespace whose team=web").accepted();
    fs::write(
        &file,
        attempt(&own, None, "get namespace whose --output json").accepted(),
    )
    .unwrap();
    attempt(&own, EDITOR, &finalize).accepted();
    let label = attempt(
        &own,
        None,
        r"get namespace whose --output jsonpath={.metadata.labels.sendry\.io/tenant}",
    )
    .accepted();
    assert_eq!(label, "first");
}

#[test]
fn who_may_make_a_namespace_cannot_make_it_a_tenants() {
    let own = server();
    let create = "create --filename -";
    attempt(&own, EDITOR, create)
        .with(namespace("squatted", "sendry.io/tenant: first", ""))
        .refused(SAYS);
    attempt(&own, EDITOR, create)
        .with(namespace("squatted", "team: web", ""))
        .accepted();
    attempt(
        &own,
        EDITOR,
        "label namespace squatted sendry.io/tenant=first",
    )
    .refused(SAYS);
    attempt(&own, EDITOR, "delete namespace squatted --wait=false").accepted();
    gone(&own, "namespace/squatted");
}

#[test]
fn who_may_update_tenants_says_whose_a_namespace_is() {
    let own = server();
    // So that a policy that does not act yet is not taken for one that lets pass.
    made(&own, &namespace("given", "sendry.io/tenant: first", ""));
    attempt(&own, EDITOR, "label namespace given sendry.io/tenant-").refused(SAYS);
    attempt(
        &own,
        PLATFORM,
        "label namespace given sendry.io/tenant=second --overwrite",
    )
    .accepted();
    attempt(&own, PLATFORM, "label namespace given sendry.io/tenant-").accepted();
    attempt(&own, PLATFORM, "create --filename -")
        .with(namespace("given-new", "sendry.io/tenant: second", ""))
        .accepted();
    attempt(&own, None, "label namespace given sendry.io/tenant=first").accepted();
}
