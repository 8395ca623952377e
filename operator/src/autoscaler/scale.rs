//! The one write that changes how many workers run: the Deployment's `scale` subresource, and nothing else of it.
//!
//! It is applied, and not patched in another way: of a merge patch of that subresource the API server notes no owner
//! (seen on 1.34), and then nobody would be told that they take the number from somebody.

use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v1::Scale};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::error::Failure;

/// Who owns `spec.replicas` of a pipeline's Deployment, and a part of the pipeline's status.
pub const FIELD_MANAGER: &str = "sendry-autoscaler";

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The Deployment.
    pub deployment: String,
    /// Workers asked for before.
    pub from: u32,
    /// Workers asked for now.
    pub to: u32,
}

/// Asks for `wish.to` workers.
///
/// # Errors
/// When the API server does not take it.
pub async fn write(client: Client, namespace: &str, wish: &Wish) -> Result<(), Failure> {
    let deployments: Api<Deployment> = Api::namespaced(client, namespace);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let scale = json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": wish.deployment},
        "spec": {"replicas": wish.to},
    });
    let written = deployments
        .patch_scale(&wish.deployment, &params, &Patch::Apply(&scale))
        .await;
    let _scale: Scale = written.map_err(|error| {
        let doing = format!(
            "ask for {} workers of deployment {namespace}/{}",
            wish.to, wish.deployment
        );
        Failure::kubernetes(doing, error)
    })?;
    Ok(())
}
