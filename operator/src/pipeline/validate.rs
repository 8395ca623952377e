//! What a pipeline asks for, in the domain's words; or why it cannot be had. Pure.

use kube::ResourceExt;
use sendry_crds::{SendryPipeline, SendryTenant, names, pipeline::WorkerSpec};
use sendry_domain::{
    id::{PipelineName, TenantId},
    time::UnixMillis,
};
use uuid::Uuid;

use super::{
    dereference::{Whose, World},
    standing::{all_or, created_at, standing},
};
use crate::{
    quantity,
    tenant::{
        queues::Broker,
        validate::{Invalid, annotated, backlog_bytes},
    },
    workers,
};

/// A pipeline that can be made so.
#[derive(Clone, Debug)]
pub struct Valid {
    /// Its name.
    pub name: PipelineName,
    /// Of this resource.
    pub uid: Uuid,
    /// Of its spec.
    pub generation: i64,
    /// How old it is among others.
    pub created_at: UnixMillis,
    /// Services it takes; empty = all.
    pub services: Vec<String>,
    /// Environments it takes; empty = all.
    pub environments: Vec<String>,
    /// Bytes that may wait in its queue; `None` = what the tenant says.
    pub max_bytes: Option<u64>,
    /// Deliveries before a message is parked; `None` = the default.
    pub delivery_limit: Option<u32>,
    /// What its tenant says of queues.
    pub broker: Broker,
    /// What its workers are.
    pub worker: WorkerSpec,
    /// The fewest workers.
    pub min: u32,
    /// It has no workers.
    pub suspended: bool,
    /// Its tenant's events are not taken.
    pub tenant_suspended: bool,
    /// Why it takes no events, though it could be made: an older one has what it asks for.
    pub trouble: Option<Invalid>,
}

/// Why nothing can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Until something else changes, which is heard of.
    Waits(Invalid),
    /// Until somebody changes something.
    Stalled(Invalid),
}

/// Checks what the schema cannot.
///
/// # Errors
/// [`Refused`], for conditions.
pub fn validate(pipeline: &SendryPipeline, world: &World) -> Result<Valid, Refused> {
    let spec = &pipeline.spec;
    let tenant = tenant(pipeline, world).map_err(Refused::Waits)?;
    let Readable {
        name,
        uid,
        max_bytes,
    } = readable(pipeline).map_err(Refused::Stalled)?;
    let most = tenant.tenant.spec.limits.max_pipelines;
    Ok(Valid {
        name,
        uid,
        generation: pipeline.metadata.generation.unwrap_or(0),
        created_at: created_at(pipeline, &world.rows),
        services: all_or(&spec.services),
        environments: all_or(&spec.environments),
        max_bytes,
        delivery_limit: spec.queue.delivery_limit,
        broker: tenant.broker,
        worker: spec.worker.clone(),
        min: spec.scaling.min,
        suspended: spec.suspend,
        tenant_suspended: tenant.tenant.spec.suspend,
        trouble: standing(pipeline, &world.siblings, &world.rows, most).err(),
    })
}

/// What the schema cannot check of a spec alone.
pub(super) struct Readable {
    name: PipelineName,
    uid: Uuid,
    max_bytes: Option<u64>,
}

/// Reads it. What cannot be read changes nothing of what stands: ingest goes on with what it was told before.
pub(super) fn readable(pipeline: &SendryPipeline) -> Result<Readable, Invalid> {
    let spec = &pipeline.spec;
    let invalid = |reason, message: String| Invalid { reason, message };
    let bad = |field: &str| {
        let message = format!(
            "spec.{field} cannot be read: apply the resource again under the installed schema"
        );
        invalid("InvalidSpec", message)
    };
    let name = pipeline.name_any();
    let name = PipelineName::new(&name).map_err(|error| {
        let message = format!("`{name}` cannot be a pipeline: {error}");
        invalid("InvalidName", message)
    })?;
    let max_bytes = spec
        .queue
        .max_length_bytes
        .as_ref()
        .map(|quantity| quantity::bytes(quantity).ok_or_else(|| bad("queue.maxLengthBytes")));
    workers::check(&spec.worker).map_err(|why| invalid("InvalidSpec", why))?;
    let uid = pipeline.uid().and_then(|uid| uid.parse().ok());
    Ok(Readable {
        name,
        uid: uid.ok_or_else(|| bad("uid"))?,
        max_bytes: max_bytes.transpose()?,
    })
}

struct Tenant<'a> {
    tenant: &'a SendryTenant,
    broker: Broker,
}

/// The pipeline's tenant, as soon as it has what a pipeline stands on.
fn tenant<'a>(pipeline: &SendryPipeline, world: &'a World) -> Result<Tenant<'a>, Invalid> {
    let namespace = pipeline.namespace().unwrap_or_default();
    if world.namespace_goes {
        return Err(Invalid {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being deleted: what the pipeline has stays"),
        });
    }
    let Whose::Tenant(tenant) = &world.tenant else {
        return Err(Invalid {
            reason: "NoTenant",
            message: format!(
                "namespace {namespace} is no tenant's: make a SendryTenant whose spec.namespace it is, and see that the \
                 namespace has the label {}",
                names::TENANT_LABEL
            ),
        });
    };
    let name = tenant.name_any();
    let broker = broker(tenant).filter(|_| is_set_up(tenant, world));
    match broker {
        Some(broker) => Ok(Tenant { tenant, broker }),
        None => Err(Invalid {
            reason: "TenantNotReady",
            message: format!(
                "tenant {name} is not set up yet, or is being deleted: see its conditions (kubectl describe stn {name})"
            ),
        }),
    }
}

/// What a tenant says of its queues; `None` = it cannot be read.
#[must_use]
pub fn broker(tenant: &SendryTenant) -> Option<Broker> {
    Some(Broker {
        tenant: TenantId::new(&tenant.name_any()).ok()?,
        uid: tenant.uid()?.parse().ok()?,
        backlog_bytes: backlog_bytes(tenant)?,
        adopt: annotated(tenant, names::ADOPT_ANNOTATION),
    })
}

/// Whether the store has this very resource's settings.
pub(super) fn is_set_up(tenant: &SendryTenant, world: &World) -> bool {
    let stamp = world.record.as_ref().and_then(|record| record.stamp);
    let uid: Option<Uuid> = tenant.uid().and_then(|uid| uid.parse().ok());
    tenant.metadata.deletion_timestamp.is_none() && stamp.is_some_and(|s| Some(s.uid) == uid)
}
