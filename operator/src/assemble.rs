//! What does the work of a term: passes over tenants and over pipelines, and what runs beside them.

use std::sync::Arc;

use kube::ResourceExt;
use sendry_domain::id::{PipelineName, TenantId};
use tokio_util::sync::CancellationToken;

use crate::{
    autoscaler,
    pipeline::{
        PipelineReconciler, Ports,
        fleet::{ClusterFleet, Followers},
        kept,
    },
    run::{Assemble, Assembly, Duty},
    tenant::TenantReconciler,
    topology::Term,
    watch::{Pipelines, Tenants, key},
    work::WorkQueue,
};

/// What does the work of a term.
#[must_use]
pub fn assemble() -> Assemble {
    Arc::new(|duty: &Duty| {
        let followers = Followers::default();
        let wake = Wake {
            tenants: duty.tenants.clone(),
            tenant_queue: duty.queue.clone(),
            pipelines: duty.pipelines.clone(),
            pipeline_queue: duty.pipeline_queue.clone(),
        };
        let tenants = TenantReconciler {
            cx: duty.context.clone(),
            others: Arc::new(duty.tenants.clone()),
            metrics: duty.metrics.clone(),
            again: {
                let queue = duty.queue.clone();
                Arc::new(move |name: &str| queue.changed(name))
            },
            pipelines: followers.clone(),
            wake: {
                let wake = wake.clone();
                Arc::new(move |namespace: &str| wake.pipelines_of(namespace))
            },
        };
        let touched = followers.clone();
        let fleet = ClusterFleet {
            followers: followers.clone(),
            tenants: duty.tenants.clone(),
            pipelines: duty.pipelines.clone(),
            workers: duty.workers.clone(),
        };
        let kept = kept::run(
            duty.context.clone(),
            followers.clone(),
            duty.tenants.clone(),
            duty.pipelines.clone(),
        );
        let scaling = autoscaler::run(
            duty.context.clone(),
            Arc::new(fleet),
            duty.metrics.scaling.clone(),
        );
        let pipelines = PipelineReconciler::new(
            duty.context.clone(),
            Ports {
                siblings: Arc::new(duty.pipelines.clone()),
                followers,
                workers: duty.workers.clone(),
                holds: {
                    let leadership = duty.leadership.clone();
                    Arc::new(move || leadership.holds())
                },
            },
        );
        Assembly {
            reconcile: Arc::new(tenants),
            pipelines: Some(Arc::new(pipelines)),
            beside: vec![
                ("topology", Box::pin(topology(duty.clone(), wake.clone()))),
                ("workers", Box::pin(workers(duty.clone(), wake, touched))),
                ("autoscaler", Box::pin(scaling)),
                ("kept", Box::pin(kept)),
            ],
        }
    })
}

async fn topology(duty: Duty, wake: Wake) {
    let term = Term {
        holds: &|| duty.leadership.holds(),
        changed: &|tenant| wake.tenant(tenant),
    };
    // Not until `stop`: passes under way then still wait for it, and a part that ends before they do would end the term
    // with them. It is dropped with the term.
    let context = &duty.context;
    context.topology.run(&term, CancellationToken::new()).await;
}

async fn workers(duty: Duty, wake: Wake, followers: Followers) {
    let cx = &duty.context;
    let (client, namespace) = (cx.client.clone(), &cx.settings.namespace);
    let changed = |tenant: &TenantId, name: &PipelineName| {
        wake.pipeline(tenant, name);
        followers.touch(tenant, name);
    };
    duty.workers
        .run(
            client,
            namespace,
            &duty.health,
            duty.metrics.clone(),
            changed,
        )
        .await;
}

/// Asks for passes.
#[derive(Clone)]
struct Wake {
    tenants: Tenants,
    tenant_queue: WorkQueue,
    pipelines: Pipelines,
    pipeline_queue: WorkQueue,
}

impl Wake {
    /// Of a tenant, and of all its pipelines.
    fn tenant(&self, tenant: &TenantId) {
        self.tenant_queue.changed(tenant.as_str());
        if let Some(tenant) = self.tenants.get(tenant.as_str()) {
            self.pipelines_of(&tenant.spec.namespace);
        }
    }

    fn pipelines_of(&self, namespace: &str) {
        for pipeline in self.pipelines.of(namespace) {
            self.pipeline_queue
                .changed(&key(namespace, &pipeline.name_any()));
        }
    }

    fn pipeline(&self, tenant: &TenantId, name: &PipelineName) {
        if let Some(tenant) = self.tenants.get(tenant.as_str()) {
            self.pipeline_queue
                .changed(&key(&tenant.spec.namespace, name.as_str()));
        }
    }
}
