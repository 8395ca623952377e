mod remembering;
mod telling;

use std::sync::Arc;

use sendry_crds::SendryPipeline;
use sendry_domain::id::TenantId;
use serde_json::{Value, json};

use super::*;

/// A pipeline with a Deployment that asks for one worker.
pub(super) fn followed(tenant: &str, name: &str, spec: Value) -> Followed {
    let pipeline: SendryPipeline = serde_json::from_value(json!({
        "apiVersion": "sendry.io/v1alpha1",
        "kind": "SendryPipeline",
        "metadata": {"name": name, "namespace": tenant, "uid": format!("{tenant}/{name}"), "generation": 1},
        "spec": spec,
    }))
    .unwrap();
    Followed {
        tenant: TenantId::new(tenant).unwrap(),
        pipeline: Arc::new(pipeline),
        max_workers: None,
        draining: false,
        kept: false,
        workers: Some(Workers {
            deployment: format!("w-{tenant}-{name}"),
            uid: "first".to_owned(),
            wanted: 1,
            there: 1,
            ready: 1,
        }),
    }
}

/// The same with something changed.
pub(super) fn with(mut followed: Followed, change: impl FnOnce(&mut SendryPipeline)) -> Followed {
    let mut pipeline = (*followed.pipeline).clone();
    change(&mut pipeline);
    followed.pipeline = Arc::new(pipeline);
    followed
}
