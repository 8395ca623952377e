//! Which queues are drained, while nobody can declare them.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use async_trait::async_trait;
use sendry_runtime::shutdown::{Shutdown, Tasks};
use sendry_store::{
    ControlSnapshot, ControlStore, TenantRecord,
    contract::build::{event, request},
};
use sendry_worker::{
    Role, Settings,
    fleet::{Fleet, ProvideError, ProvideQueues, Provided, Which},
};

use crate::acts::Act;
use crate::harness::{Running, Stage, eventually, pipeline};

struct NobodyThere;

#[async_trait]
impl ProvideQueues for NobodyThere {
    async fn provide(&self, _: &ControlSnapshot) -> Result<(), ProvideError> {
        Err("connection refused".into())
    }
}

/// As a pod of an operator's runs it.
#[tokio::test]
async fn a_worker_of_one_queue_is_ready_once_it_drains_and_stays_so_while_a_store_is_away() {
    let stage = Stage::new();
    stage.queue.switches.no_consumer.store(true, SeqCst);
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    let fleet = Fleet {
        parts: stage.parts.clone(),
        which: Which::One(Role::Worker, pipeline()),
        settings: Settings::default(),
        provider: Arc::new(Provided),
        health: stage.health.clone(),
    };
    let component = stage.health.component("queues").once();
    tasks.spawn_vital("queues", fleet.run(component, shutdown.token()));
    let running = Running { shutdown, tasks };
    let told = || stage.ready().contains("told to").then_some(());
    eventually("readiness to tell of the queue", told, || stage.ready()).await;
    assert!(!stage.health.readiness().ok(), "{}", stage.ready());

    stage.queue.switches.no_consumer.store(false, SeqCst);
    let ready = || stage.health.readiness().ok().then_some(());
    eventually("readiness", ready, || stage.ready()).await;
    stage.counts.always(Act::Away);
    stage
        .publish(&[stage.view.seal.message(1, &request([event()]))])
        .await;
    let told = || stage.ready().contains("store is away").then_some(());
    eventually("readiness to tell of the store", told, || stage.ready()).await;
    assert!(stage.health.readiness().ok(), "{}", stage.ready());
    running.stop().await;
}

#[tokio::test]
async fn queues_are_drained_and_it_is_said_while_nobody_can_declare_them() {
    let stage = Stage::new();
    let acme = TenantRecord {
        id: stage.view.id.clone(),
        suspended: false,
        rate: None,
        window: Default::default(),
        raw_retention: 86_400_000,
        max_payload: None,
        retained_at: None,
        stamp: None,
    };
    stage.store.put_tenant(&acme).await.unwrap();
    let shutdown = Shutdown::new();
    let mut tasks = Tasks::new(&shutdown);
    let fleet = Fleet {
        parts: stage.parts.clone(),
        which: Which::Everything,
        settings: Settings::default(),
        provider: Arc::new(NobodyThere),
        health: stage.health.clone(),
    };
    let component = stage.health.component("queues");
    tasks.spawn_vital("queues", fleet.run(component, shutdown.token()));
    let running = Running { shutdown, tasks };
    let told = || stage.ready().contains("connection refused").then_some(());
    eventually("readiness to tell", told, || stage.ready()).await;
    stage
        .publish(&[stage.view.seal.message(1, &request([event()]))])
        .await;
    stage.emptied(&pipeline()).await;
    running.stop().await;
    assert_eq!(stage.account().await, (1, 1, 0, 0, 0));
}
