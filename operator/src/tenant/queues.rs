//! What should stand on the broker for a tenant: its parked queue, and the queues of its pipelines.
//!
//! It is made in this one place, from what the store says of the pipelines, whoever asks: a pass over the tenant, or one
//! over any of its pipelines. What the store does not say is an operator's, the queue of a tenant that was made without
//! one, is left alone.

use std::collections::BTreeMap;

use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::DELIVERY_LIMIT,
};
use sendry_queue::topology::{Limits, PipelineQueue, TenantQueues};
use sendry_store::{ManagedPipeline, QueueStage, TenantRecord};
use uuid::Uuid;

use super::{apply, validate::Valid};
use crate::{context::Context, error::Failure, topology::Synced, workers};

/// What a tenant says of its queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Whose.
    pub tenant: TenantId,
    /// Of its resource.
    pub uid: Uuid,
    /// The most bytes that may wait in a queue, whatever its pipeline says.
    pub backlog_bytes: u64,
    /// Whether what another owner marks is taken over.
    pub adopt: bool,
}

impl From<&Valid> for Broker {
    fn from(valid: &Valid) -> Self {
        Self {
            tenant: valid.id.clone(),
            uid: valid.uid,
            backlog_bytes: valid.backlog_bytes,
            adopt: valid.adopt,
        }
    }
}

/// Has the tenant's topology made, and says how it stands.
///
/// # Errors
/// When the store or the API server does not answer.
pub async fn ensure(cx: &Context, broker: &Broker) -> Result<Synced, Failure> {
    let _turn = cx.topology.turn(&broker.tenant).await;
    let wanted = wanted(cx, broker).await?;
    Ok(cx.topology.ensure(wanted).await)
}

/// As [`ensure`], and says how the queue of one pipeline stands.
///
/// # Errors
/// As [`ensure`].
pub async fn ensure_queue(
    cx: &Context,
    broker: &Broker,
    pipeline: &PipelineName,
) -> Result<Synced, Failure> {
    let _turn = cx.topology.turn(&broker.tenant).await;
    let wanted = wanted(cx, broker).await?;
    Ok(cx.topology.ensure_queue(wanted, pipeline).await)
}

/// As [`ensure_queue`], of a queue that is to be emptied, into which nothing comes any more: together with the queue where
/// its dead letters go.
///
/// # Errors
/// As [`ensure`].
pub async fn ensure_drain(
    cx: &Context,
    broker: &Broker,
    pipeline: &PipelineName,
) -> Result<Synced, Failure> {
    let _turn = cx.topology.turn(&broker.tenant).await;
    let wanted = wanted(cx, broker).await?;
    Ok(cx.topology.ensure_drain(wanted, pipeline).await)
}

/// What should stand. To be called by who has the tenant's turn.
///
/// # Errors
/// As [`ensure`]; and when the tenant was deleted since it was read, or is another resource's now.
pub async fn wanted(cx: &Context, broker: &Broker) -> Result<TenantQueues, Failure> {
    let tenant = &broker.tenant;
    let settings = cx.store.tenant(tenant).await;
    let (record, _) = settings
        .map_err(|error| Failure::store(format!("read the settings of tenant {tenant}"), error))?;
    if !record
        .as_ref()
        .is_some_and(|record| stands(record, broker.uid))
    {
        let doing = format!("make the queues of tenant {tenant}");
        return Err(Failure::superseded(
            doing,
            "its deletion, or by another resource of its name",
        ));
    }
    let parked_reader = apply::parked_reader(cx, tenant).await?;
    let rows =
        cx.store.pipelines(tenant).await.map_err(|error| {
            Failure::store(format!("read the pipelines of tenant {tenant}"), error)
        })?;
    let mut pipelines = Vec::new();
    let mut readers = if rows.iter().any(has_a_queue) {
        workers::readers(cx, tenant).await?
    } else {
        BTreeMap::new()
    };
    for row in rows.iter().filter(|row| has_a_queue(row)) {
        let reader = match readers.remove(&row.record.name) {
            Some(reader) => Some(reader),
            // What is in the way of one pipeline's user is told by its own pass, and holds up nobody else.
            None => workers::reader(cx, tenant, &row.record.name).await.ok(),
        };
        pipelines.push(PipelineQueue {
            reader,
            ..queue(row, broker.backlog_bytes)
        });
    }
    Ok(TenantQueues {
        tenant: tenant.clone(),
        pipelines,
        parked_reader: Some(parked_reader),
        adopt: broker.adopt,
    })
}

/// Whether a tenant's settings are this resource's, and it was not deleted.
fn stands(record: &TenantRecord, uid: Uuid) -> bool {
    record.retained_at.is_none() && record.stamp.is_some_and(|stamp| stamp.uid == uid)
}

/// Whether the operator keeps a queue for it.
fn has_a_queue(row: &ManagedPipeline) -> bool {
    row.stamp.is_some() && row.stage != QueueStage::Leaving
}

fn queue(row: &ManagedPipeline, backlog_bytes: u64) -> PipelineQueue {
    PipelineQueue {
        name: row.record.name.clone(),
        limits: Limits {
            // The tenant's limit is the platform's: a pipeline, which the tenant writes, may ask for less.
            max_bytes: Some(
                row.max_bytes
                    .map_or(backlog_bytes, |asked| asked.min(backlog_bytes)),
            ),
            max_messages: None,
            delivery_limit: row.delivery_limit.unwrap_or(DELIVERY_LIMIT),
        },
        reader: None,
        closed: row.stage == QueueStage::Closed,
    }
}

#[cfg(test)]
mod tests {
    use sendry_domain::time::UnixMillis;
    use sendry_domain::window::Window;
    use sendry_store::{PipelineRecord, Stamp};

    use super::*;

    fn row(stage: QueueStage, stamped: bool) -> ManagedPipeline {
        let record = PipelineRecord {
            tenant: TenantId::new("acme").unwrap(),
            name: PipelineName::new("shop").unwrap(),
            services: Vec::new(),
            environments: Vec::new(),
            created_at: UnixMillis(1),
            retired: false,
        };
        let stamp = Stamp {
            epoch: 1,
            uid: Uuid::from_u128(1),
            generation: 1,
        };
        ManagedPipeline {
            stage,
            stamp: stamped.then_some(stamp),
            ..ManagedPipeline::of_people(record)
        }
    }

    #[test]
    fn queues_are_those_of_pipelines_that_an_operator_keeps_until_they_leave() {
        assert!(has_a_queue(&row(QueueStage::Open, true)));
        assert!(has_a_queue(&row(QueueStage::Closed, true)));
        assert!(!has_a_queue(&row(QueueStage::Leaving, true)));
        assert!(!has_a_queue(&row(QueueStage::Open, false)));
    }

    #[test]
    fn queues_are_made_for_the_resource_whose_settings_stand_and_that_was_not_deleted() {
        let record = |uid: u128, retained| TenantRecord {
            id: TenantId::new("acme").unwrap(),
            suspended: false,
            rate: None,
            window: Window::default(),
            raw_retention: 1,
            max_payload: None,
            retained_at: retained,
            stamp: Some(Stamp {
                epoch: 1,
                uid: Uuid::from_u128(uid),
                generation: 1,
            }),
        };
        let uid = Uuid::from_u128(1);
        assert!(stands(&record(1, None), uid));
        assert!(!stands(&record(1, Some(UnixMillis(5))), uid));
        assert!(!stands(&record(2, None), uid));
    }

    #[test]
    fn what_a_pipeline_does_not_say_its_tenant_does_and_no_pipeline_lifts_the_tenants_limit() {
        let open = queue(&row(QueueStage::Open, true), 7 << 20);
        assert_eq!(open.limits.max_bytes, Some(7 << 20));
        assert_eq!(open.limits.delivery_limit, DELIVERY_LIMIT);
        assert!(!open.closed);
        let said = ManagedPipeline {
            max_bytes: Some(5),
            delivery_limit: Some(21),
            ..row(QueueStage::Closed, true)
        };
        let closed = queue(&said, 7 << 20);
        assert_eq!(closed.limits.max_bytes, Some(5));
        assert_eq!(closed.limits.delivery_limit, 21);
        assert!(closed.closed);
        let more = ManagedPipeline {
            max_bytes: Some(1 << 40),
            ..row(QueueStage::Open, true)
        };
        assert_eq!(queue(&more, 7 << 20).limits.max_bytes, Some(7 << 20));
    }
}
