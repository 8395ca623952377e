//! What leads to a pass, and what does not.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use sendry_crds::names::TENANT_LABEL;
use sendry_operator::run::Operator;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    passes::Passes,
    support::{Corner, PATIENCE, eventually, is},
};

struct Seen {
    passes: Passes,
    tenant: String,
    before: u32,
}

impl Seen {
    /// A pass, and it is over: no second one comes for the same reason.
    async fn pass(&mut self, why: &str) {
        let before = self.before;
        eventually(&format!("a pass after {why}"), async || {
            let count = self.passes.of(&self.tenant);
            is(count > before, count)
        })
        .await;
        self.before = self.passes.of(&self.tenant);
    }
}

#[tokio::test]
async fn what_concerns_a_tenant_leads_to_a_pass() {
    let corner = Corner::shared().await;
    let passes = Passes::default();
    let parts = corner.parts(corner.client.clone(), passes.assemble());
    let metrics = parts.metrics.clone();
    let mut operator = Operator::start(parts, corner.settings());
    timeout(PATIENCE, operator.leads()).await.unwrap();
    let tenant = corner.tenant("shop").await;
    let mut seen = Seen {
        passes: passes.clone(),
        tenant: tenant.clone(),
        before: 0,
    };
    seen.pass("it was made").await;
    for (why, change) in [
        ("its spec", json!({"spec": {"window": "24h"}})),
        (
            "an annotation",
            json!({"metadata": {"annotations": {"sendry.io/adopt": "true"}}}),
        ),
        (
            "a finalizer",
            json!({"metadata": {"finalizers": ["example.com/held"]}}),
        ),
    ] {
        corner.change(&tenant, change).await;
        seen.pass(why).await;
    }

    let secrets: Api<Secret> = Api::namespaced(corner.client.clone(), &corner.name);
    let labelled =
        |tenant: &str| json!({"metadata": {"name": "key", "labels": {TENANT_LABEL: tenant}}});
    let secret: Secret = serde_json::from_value(labelled(&tenant)).unwrap();
    secrets
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    seen.pass("a Secret was made").await;
    let merge = |patch: Value| {
        let secrets = secrets.clone();
        async move {
            let params = PatchParams::default();
            secrets
                .patch("key", &params, &Patch::Merge(patch))
                .await
                .unwrap();
        }
    };
    merge(json!({"data": {"api-key": "eA=="}})).await;
    seen.pass("its content").await;
    merge(json!({"metadata": {"labels": {TENANT_LABEL: null}}})).await;
    seen.pass("its label was taken away").await;
    merge(labelled(&tenant)).await;
    seen.pass("it got its label back").await;
    secrets
        .delete("key", &DeleteParams::default())
        .await
        .unwrap();
    seen.pass("it was deleted").await;

    let namespaces: Api<Namespace> = Api::all(corner.client.clone());
    let label = json!({"metadata": {"labels": {TENANT_LABEL: tenant}}});
    let params = PatchParams::default();
    namespaces
        .patch(&corner.name, &params, &Patch::Merge(label))
        .await
        .unwrap();
    seen.pass("a namespace was labelled").await;

    // Nobody's, another operator's, and what says nothing.
    let total = passes.total();
    corner
        .object(&corner.tenant_name("other"), json!({"namespace": "other"}))
        .await;
    let other = json!({"metadata": {"labels": {"sendry.io/watch-filter": "elsewhere"}}});
    corner.change(&corner.tenant_name("other"), other).await;
    let status = json!({"status": {"activeKeys": 1}});
    let status = Patch::Merge(status);
    corner
        .tenants()
        .patch_status(&tenant, &params, &status)
        .await
        .unwrap();
    let secret: Secret = serde_json::from_value(labelled("nobody")).unwrap();
    secrets
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    // What comes after all that has been heard after all that.
    corner
        .change(&tenant, json!({"spec": {"suspend": true}}))
        .await;
    seen.pass("the last change").await;
    let others = passes.of(&corner.tenant_name("other"));
    assert_eq!(passes.total() - total - others, 1);
    assert!(others <= 2, "made, and gone from sight: {others}");

    corner
        .change(&tenant, json!({"metadata": {"finalizers": null}}))
        .await;
    seen.pass("the finalizer was taken away").await;
    corner
        .tenants()
        .delete(&tenant, &DeleteParams::default())
        .await
        .unwrap();
    seen.pass("it was deleted").await;
    assert_eq!(metrics.writes.get_or_create(&write("events")).get(), 0);
    operator.stop().await;
}

fn write(resource: &str) -> sendry_operator::metrics::Write {
    sendry_operator::metrics::Write {
        verb: "create",
        resource: resource.to_owned(),
    }
}

/// Whatever nobody heard of.
#[tokio::test]
async fn everything_is_looked_at_once_in_a_while() {
    let corner = Corner::shared().await;
    let passes = Passes::default();
    let parts = corner.parts(corner.client.clone(), passes.assemble());
    let mut settings = corner.settings();
    settings.resync = std::time::Duration::from_secs(1);
    let (a, b) = (corner.tenant("a").await, corner.tenant("b").await);
    let operator = Operator::start(parts, settings);
    eventually("several passes of both", async || {
        let count = (passes.of(&a), passes.of(&b));
        is(count.0 >= 4 && count.1 >= 4, count)
    })
    .await;
    operator.stop().await;
}
