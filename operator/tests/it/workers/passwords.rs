//! The passwords of a tenant's many pipelines.

use sendry_domain::{id::PipelineName, time::UnixMillis, window::Window};
use sendry_operator::tenant::queues::{self, Broker};
use sendry_store::{ManagedPipeline, PipelineRecord, Stamp, TenantRecord};
use uuid::Uuid;

use super::place::Place;
use crate::crash::Saboteur;

const PIPELINES: usize = 12;

#[tokio::test]
async fn what_a_tenant_has_on_the_broker_is_known_by_as_many_reads_for_many_pipelines_as_for_one() {
    let place = Place::new().await;
    let saboteur = Saboteur::idle();
    let cx = place.context(&saboteur);
    let store = &cx.store;
    let stamp = Stamp {
        epoch: store.claim_epoch().await.unwrap(),
        uid: Uuid::from_u128(1),
        generation: 1,
    };
    let record = TenantRecord {
        id: place.tenant.clone(),
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: 1,
        max_payload: None,
        retained_at: None,
        stamp: None,
    };
    let _ = store.apply_tenant(&stamp, &record).await.unwrap();
    let names = || (0..PIPELINES).map(|n| PipelineName::new(&format!("p{n}")).unwrap());
    for name in names() {
        let record = PipelineRecord {
            tenant: place.tenant.clone(),
            name,
            services: Vec::new(),
            environments: Vec::new(),
            created_at: UnixMillis(1),
            retired: true,
        };
        let row = ManagedPipeline::of_people(record);
        let _ = store.apply_pipeline(&stamp, &row).await.unwrap();
    }
    let broker = Broker {
        tenant: place.tenant.clone(),
        uid: stamp.uid,
        backlog_bytes: 1 << 30,
        adopt: false,
    };
    // The first time each is made.
    let made = queues::wanted(&cx, &broker).await.unwrap();
    assert_eq!(saboteur.writes().len(), PIPELINES + 1);
    let before = saboteur.reads().len();
    let again = queues::wanted(&cx, &broker).await.unwrap();
    assert_eq!(again, made);
    assert!(again.pipelines.iter().all(|p| p.reader.is_some()));
    assert_eq!(saboteur.writes().len(), PIPELINES + 1);
    let reads = saboteur.reads().split_off(before);
    assert_eq!(
        reads.len(),
        2,
        "the parked queue's, and all pipelines': {reads:?}"
    );

    // One that somebody took away is made again, and the others are as they were.
    let gone = sendry_operator::workers::name(&place.tenant, &names().next().unwrap());
    let secrets = place.api::<k8s_openapi::api::core::v1::Secret>();
    secrets.delete(&gone, &Default::default()).await.unwrap();
    let other = queues::wanted(&cx, &broker).await.unwrap();
    let same = other.pipelines.iter().zip(&made.pipelines);
    assert_eq!(same.filter(|(a, b)| a == b).count(), PIPELINES - 1);
}
