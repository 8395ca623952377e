//! Protected tenants, their namespaces, and the definitions.

use super::{attempt, gone, made, namespace, server};

fn tenant(name: &str, protected: bool, more: &str) -> String {
    format!(
        "apiVersion: sendry.io/v1alpha1\nkind: SendryTenant\nmetadata: {{ name: {name}, labels: {{ for: {name} }}{more} }}\n\
         spec: {{ namespace: {name}, deletionProtection: {protected} }}"
    )
}

#[test]
fn a_protected_tenant_stays_until_its_protection_is_turned_off() {
    let own = server();
    made(&own, &tenant("kept", true, ""));
    let says = "tenant kept is protected: set spec.deletionProtection to false first";
    attempt(&own, None, "delete stn kept").refused(says);
    attempt(
        &own,
        None,
        "delete --raw /apis/sendry.io/v1alpha1/sendrytenants?labelSelector=for%3Dkept",
    )
    .refused_raw(says);
    attempt(&own, None, "get stn kept").accepted();

    made(&own, &tenant("kept", false, ""));
    attempt(&own, None, "delete stn kept").accepted();
    gone(&own, "stn/kept");
}

#[test]
fn a_tenant_that_is_going_already_is_not_held_up() {
    let own = server();
    made(
        &own,
        &tenant("going", false, ", finalizers: [sendry.io/tenant]"),
    );
    attempt(&own, None, "delete stn going --wait=false").accepted();
    made(
        &own,
        &tenant("going", true, ", finalizers: [sendry.io/tenant]"),
    );
    attempt(&own, None, "delete stn going --wait=false").accepted();
    attempt(
        &own,
        None,
        r#"patch stn going --type merge --patch {"metadata":{"finalizers":null}}"#,
    )
    .accepted();
    gone(&own, "stn/going");
}

#[test]
fn a_protected_tenants_namespace_stays_unless_somebody_says_so() {
    let own = server();
    let label = "sendry.io/tenant: shop";
    made(
        &own,
        &namespace("shop-kept", label, "sendry.io/protected: 'true'"),
    );
    let says = "namespace shop-kept belongs to the protected tenant shop";
    attempt(&own, None, "delete namespace shop-kept").refused(says);
    attempt(
        &own,
        None,
        "annotate namespace shop-kept sendry.io/allow-deletion=yes",
    )
    .accepted();
    attempt(&own, None, "delete namespace shop-kept").refused(says);

    // It ends with everything in it, whatever the policies say of others.
    let inside = "apiVersion: v1\nkind: Secret\nmetadata: { name: key, namespace: shop-kept, labels: { sendry.io/tenant: shop } }\n---\n\
                  apiVersion: sendry.io/v1alpha1\nkind: SendryPipeline\nmetadata: { name: default, namespace: shop-kept }\nspec: {}";
    made(&own, inside);
    attempt(
        &own,
        None,
        "annotate namespace shop-kept sendry.io/allow-deletion=true --overwrite",
    )
    .accepted();
    attempt(&own, None, "delete namespace shop-kept --wait=false").accepted();
    gone(&own, "namespace/shop-kept");
}

#[test]
fn a_namespace_that_nobody_protects_or_that_is_going_already_is_not_held_up() {
    let own = server();
    made(
        &own,
        &namespace(
            "shop-free",
            "sendry.io/tenant: shop",
            "sendry.io/protected: 'false'",
        ),
    );
    attempt(&own, None, "delete namespace shop-free --wait=false").accepted();
    gone(&own, "namespace/shop-free");

    // The annotation alone means nothing: it is another project's namespace.
    made(
        &own,
        &namespace("foreign", "team: web", "sendry.io/protected: 'true'"),
    );
    attempt(&own, None, "delete namespace foreign --wait=false").accepted();
    gone(&own, "namespace/foreign");

    let held = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: held, namespace: shop-going, finalizers: [test/held] }";
    made(&own, &namespace("shop-going", "sendry.io/tenant: shop", ""));
    made(&own, held);
    attempt(&own, None, "delete namespace shop-going --wait=false").accepted();
    attempt(
        &own,
        None,
        "annotate namespace shop-going sendry.io/protected=true",
    )
    .accepted();
    attempt(&own, None, "delete namespace shop-going --wait=false").accepted();
    attempt(&own, None, r#"patch configmap held --namespace shop-going --type merge --patch {"metadata":{"finalizers":null}}"#).accepted();
    gone(&own, "namespace/shop-going");
}

#[test]
fn our_definitions_stay_unless_somebody_says_so_and_others_are_not_ours_to_keep() {
    let own = server();
    for kind in ["sendrytenants", "sendrypipelines"] {
        let says = format!("deleting {kind}.sendry.io deletes every object of its kind");
        attempt(&own, None, &format!("delete crd {kind}.sendry.io")).refused(&says);
        let many = format!(
            "delete --raw /apis/apiextensions.k8s.io/v1/customresourcedefinitions?fieldSelector=metadata.name%3D{kind}.sendry.io"
        );
        attempt(&own, None, &many).refused_raw(&says);
        // Without effect: other tests need them.
        attempt(
            &own,
            None,
            &format!("annotate crd {kind}.sendry.io sendry.io/allow-deletion=true"),
        )
        .accepted();
        attempt(
            &own,
            None,
            &format!("delete crd {kind}.sendry.io --dry-run=server"),
        )
        .accepted();
        attempt(
            &own,
            None,
            &format!("annotate crd {kind}.sendry.io sendry.io/allow-deletion-"),
        )
        .accepted();
    }
    let other = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: probes.test.io }\n\
                 spec: { group: test.io, scope: Cluster, names: { kind: Probe, plural: probes }, versions: [{ name: v1, served: true, \
                 storage: true, schema: { openAPIV3Schema: { type: object } } }] }";
    made(&own, other);
    attempt(&own, None, "delete crd probes.test.io").accepted();
}
