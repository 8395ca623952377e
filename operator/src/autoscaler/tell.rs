//! Telling: the pipeline's status, as a field manager of its own, and Events. Nothing of it holds up a decision.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
    runtime::events::EventType,
};
use sendry_crds::{SendryPipeline, condition::SCALING_ACTIVE};
use sendry_domain::scaling::{Decision, DrainTime};
use serde_json::json;

use super::{
    scale::FIELD_MANAGER,
    status::{Told, in_words},
};
use crate::{error::Failure, events::Events};

/// Puts `told` into the status of `pipeline`. One that is gone needs none.
///
/// # Errors
/// When the API server does not take it.
pub async fn write(client: Client, pipeline: &SendryPipeline, told: &Told) -> Result<(), Failure> {
    let (name, namespace) = (
        pipeline.name_any(),
        pipeline.namespace().unwrap_or_default(),
    );
    let pipelines: Api<SendryPipeline> = Api::namespaced(client, &namespace);
    let body = json!({
        "apiVersion": SendryPipeline::api_version(&()),
        "kind": SendryPipeline::kind(&()),
        // Of another one by this name nothing is said.
        "metadata": {"name": name, "uid": pipeline.metadata.uid},
        "status": {
            "desiredReplicas": told.desired,
            "scaling": told.scaling,
            "conditions": told.conditions,
        },
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    match pipelines
        .patch_status(&name, &params, &Patch::Apply(&body))
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => {
            let doing = format!("write how pipeline {namespace}/{name} is scaled");
            Err(Failure::kubernetes(doing, error))
        }
    }
}

/// An Event to be told.
#[derive(Clone, Debug)]
pub struct News {
    about: ObjectReference,
    type_: EventType,
    reason: String,
    note: String,
}

impl News {
    /// The number of workers was changed.
    #[must_use]
    pub fn scaled(pipeline: &SendryPipeline, from: u32, decision: &Decision) -> Self {
        let estimates = &decision.estimates;
        let mut note = format!(
            "{from} → {} workers: {}",
            decision.workers,
            in_words(decision.reason)
        );
        let numbers = [
            (estimates.backlog, "events wait"),
            (estimates.arrival_per_second, "come a second"),
            (
                estimates.per_worker_per_second,
                "a second is what one worker does",
            ),
        ];
        for (number, what) in numbers {
            if let Some(number) = number {
                note.push_str(&format!("; {number} {what}"));
            }
        }
        match estimates.drain {
            DrainTime::Seconds(seconds) => {
                note.push_str(&format!("; drained in {seconds} s at the rates before"));
            }
            DrainTime::Never => note.push_str("; never drained at the rates before"),
            DrainTime::Empty | DrainTime::Unknown => {}
        }
        if let Some(limit) = decision.limited_by {
            note.push_str(&format!(" (limited: {limit})"));
        }
        Self {
            about: pipeline.object_ref(&()),
            type_: EventType::Normal,
            reason: decision.reason.to_string(),
            note,
        }
    }

    /// Replicas do not follow the load any more, or for another reason, so somebody should look.
    #[must_use]
    pub fn held(pipeline: &SendryPipeline, before: &Told, after: &Told) -> Option<Self> {
        let said = after.condition(SCALING_ACTIVE)?;
        let same = before
            .condition(SCALING_ACTIVE)
            .is_some_and(|before| before.reason == said.reason);
        let wished = matches!(said.reason.as_str(), "Suspended" | "Fixed");
        let bound = said.reason == "SinkBound";
        if same || wished || (said.status == "True" && !bound) {
            return None;
        }
        Some(Self {
            about: pipeline.object_ref(&()),
            type_: EventType::Warning,
            reason: said.reason.clone(),
            note: said.message.clone(),
        })
    }

    /// Tells it.
    pub async fn tell(self, events: Events) {
        let Self {
            about,
            type_,
            reason,
            note,
        } = self;
        events.publish(&about, type_, &reason, "Scale", &note).await;
    }
}
