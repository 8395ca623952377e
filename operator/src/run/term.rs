//! One term of leadership.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use sendry_runtime::{backoff::Backoff, error_chain::chain};
use sendry_store::OperatorStore;
use tokio_util::sync::CancellationToken;

use super::{Assembly, Duty, Parts};
use crate::{
    context::Context,
    controller::Controller,
    events::Events,
    gate::gated,
    leader::Leadership,
    settings::Settings,
    watch::{Crd, Ours, Pipelines, Tenants, Watch},
    work::WorkQueue,
    workers::WorkersWatch,
};

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// Does the work of a term until `stop`; what is under way then is finished. Dropped, everything of it is.
pub(super) async fn run(
    parts: &Parts,
    settings: Arc<Settings>,
    leadership: Leadership,
    crd: Crd,
    stop: CancellationToken,
) {
    let epoch = tokio::select! {
        epoch = claim(parts) => epoch,
        () = stop.cancelled() => return,
    };
    tracing::info!(epoch, "writing under a new epoch");
    let client = gated(&parts.client, leadership.clone(), parts.metrics.clone());
    let events = Events::cluster(client.clone(), &settings.identity, parts.metrics.clone());
    let duty = Duty {
        context: Context {
            client: client.clone(),
            store: parts.store.clone(),
            epoch,
            topology: parts.topology.anew(),
            depths: parts.depths.clone(),
            clock: parts.clock.clone(),
            entropy: parts.entropy.clone(),
            events: events.clone(),
            settings: settings.clone(),
        },
        tenants: Tenants::default(),
        queue: WorkQueue::new(),
        pipelines: Pipelines::default(),
        pipeline_queue: WorkQueue::new(),
        workers: WorkersWatch::default(),
        crd: crd.clone(),
        metrics: parts.metrics.clone(),
        health: parts.health.clone(),
        leadership,
        stop: stop.clone(),
    };
    let watch = Watch {
        client,
        filter: settings.selector(),
        watch_filter: settings.watch_filter.clone(),
        tenants: duty.tenants.clone(),
        queue: duty.queue.clone(),
        pipelines: duty.pipelines.clone(),
        pipeline_queue: duty.pipeline_queue.clone(),
        events,
        metrics: parts.metrics.clone(),
        health: parts.health.clone(),
        crd,
    };
    let Assembly {
        reconcile,
        pipelines,
        beside,
    } = (parts.assemble)(&duty);
    let tenants = Controller {
        kind: "tenants",
        reconcile,
        queue: duty.queue.clone(),
        names: {
            let tenants = duty.tenants.clone();
            Arc::new(move || tenants.names())
        },
        metrics: parts.metrics.clone(),
        workers: settings.workers,
        resync: settings.resync,
    };
    let pipelines = pipelines.map(|reconcile| Controller {
        kind: "pipelines",
        reconcile,
        queue: duty.pipeline_queue.clone(),
        names: {
            let ours = Ours {
                filter: settings.watch_filter.clone(),
                tenants: duty.tenants.clone(),
            };
            let pipelines = duty.pipelines.clone();
            Arc::new(move || pipelines.keys(&ours))
        },
        ..tenants.clone()
    });
    let passes = async {
        let pipelines = async {
            if let Some(pipelines) = pipelines {
                pipelines.run(stop.clone()).await;
            }
        };
        tokio::join!(tenants.run(stop.clone()), pipelines);
    };
    let beside = FuturesUnordered::from_iter(beside.into_iter().map(|(name, work)| async move {
        let panicked = AssertUnwindSafe(work).catch_unwind().await.is_err();
        (name, panicked)
    }));
    tokio::select! {
        () = passes => {}
        () = watch.run() => {}
        () = first_to_end(beside) => {}
    }
}

/// What runs beside the passes lasts as long as the term.
async fn first_to_end<F>(mut beside: FuturesUnordered<F>)
where
    F: Future<Output = (&'static str, bool)>,
{
    match beside.next().await {
        Some((name, panicked)) => {
            tracing::error!(
                task.name = name,
                panicked,
                "a part of the operator ended; it begins anew"
            );
        }
        None => std::future::pending().await,
    }
}

/// An epoch of the store. It may be away: then this operator leads, and says that it cannot work yet.
async fn claim(parts: &Parts) -> u64 {
    let store: &Arc<dyn OperatorStore> = &parts.store;
    let component = parts.health.component("store");
    for attempt in 0.. {
        match store.claim_epoch().await {
            Ok(epoch) => {
                component.ready();
                return epoch;
            }
            Err(error) => component.not_ready(format!("failed to begin a term: {}", chain(&error))),
        }
        tokio::time::sleep(BACKOFF.delay(attempt, rand::random())).await;
    }
    std::future::pending().await
}
