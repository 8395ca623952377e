//! What an operator writes of pipelines.

use sendry_domain::{id::PipelineName, time::HOUR};
use uuid::Uuid;

use super::{
    super::build::{NOW, tenant},
    cases::{pipeline, settings, snapshot},
    operator::{Store, control, everything, lead},
};
use crate::{ManagedPipeline, PipelineRecord, QueueStage, Stamp, StoreError, Superseder, Written};

fn managed(name: &str, of: &str) -> ManagedPipeline {
    ManagedPipeline {
        stage: QueueStage::Open,
        max_bytes: Some(1 << 30),
        delivery_limit: Some(20),
        ..ManagedPipeline::of_people(pipeline(name, of))
    }
}

async fn apply(store: &Store, stamp: &Stamp, pipeline: &ManagedPipeline) -> Written {
    store.apply_pipeline(stamp, pipeline).await.unwrap()
}

async fn of(store: &Store, name: &str) -> Vec<ManagedPipeline> {
    store.pipelines(&tenant(name)).await.unwrap()
}

fn named(name: &str) -> PipelineName {
    PipelineName::new(name).unwrap()
}

pub async fn a_pipeline_is_applied_changed_and_removed(store: Store) {
    let stamp = lead(&store, 1).await;
    let _ = store
        .apply_tenant(&stamp, &settings("pipes"))
        .await
        .unwrap();
    store.put_pipeline(&pipeline("b", "pipes")).await.unwrap();
    let asked = managed("a", "pipes");
    assert_eq!(apply(&store, &stamp, &asked).await, Written::Done);
    let kept = ManagedPipeline {
        stamp: Some(stamp),
        ..asked.clone()
    };
    let by_people = ManagedPipeline::of_people(pipeline("b", "pipes"));
    assert_eq!(of(&store, "pipes").await, [kept.clone(), by_people.clone()]);
    let shown = snapshot(&control(&store)).await;
    assert_eq!(
        shown.pipelines,
        [kept.record.clone(), by_people.record.clone()]
    );

    // Asked for again, by this leader or another, it is no change.
    let again = Stamp {
        epoch: store.claim_epoch().await.unwrap(),
        ..stamp
    };
    assert_eq!(apply(&store, &again, &asked).await, Written::Done);
    assert_eq!(of(&store, "pipes").await[0], kept);
    assert_eq!(store.version().await.unwrap(), shown.version);
    // What ingest does not obey wakes nobody.
    let closed = ManagedPipeline {
        stage: QueueStage::Closed,
        max_bytes: None,
        delivery_limit: None,
        ..asked.clone()
    };
    assert_eq!(apply(&store, &again, &closed).await, Written::Done);
    assert_eq!(of(&store, "pipes").await[0].stage, QueueStage::Closed);
    assert_eq!(store.version().await.unwrap(), shown.version);
    // What it does is told, its age too: another resource stands for it.
    let other = Stamp {
        uid: Uuid::from_u128(2),
        ..again
    };
    let retired = ManagedPipeline {
        record: PipelineRecord {
            services: Vec::new(),
            created_at: NOW.plus(HOUR),
            retired: true,
            ..asked.record.clone()
        },
        stage: QueueStage::Leaving,
        ..asked.clone()
    };
    assert_eq!(apply(&store, &other, &retired).await, Written::Done);
    let kept = ManagedPipeline {
        stamp: Some(other),
        ..retired
    };
    assert_eq!(of(&store, "pipes").await[0], kept);
    assert_eq!(store.version().await.unwrap(), shown.version + 1);

    // The one before removes nothing any more; nor does anybody what people made.
    for (stamp, name) in [(again, "a"), (other, "b"), (other, "nobody")] {
        let removed = store
            .remove_pipeline(&stamp, &tenant("pipes"), &named(name))
            .await;
        assert_eq!(removed.unwrap(), Written::Done);
    }
    assert_eq!(of(&store, "pipes").await.len(), 2);
    let removed = store
        .remove_pipeline(&other, &tenant("pipes"), &named("a"))
        .await;
    assert_eq!(removed.unwrap(), Written::Done);
    assert_eq!(of(&store, "pipes").await, [by_people]);
    assert_eq!(store.version().await.unwrap(), shown.version + 2);
    // Made again, nothing of the old one is left.
    assert_eq!(apply(&store, &again, &closed).await, Written::Done);
    let kept = ManagedPipeline {
        stamp: Some(again),
        ..closed
    };
    assert_eq!(of(&store, "pipes").await[0], kept);
}

pub async fn what_people_made_an_operator_takes_up(store: Store) {
    let stamp = lead(&store, 1).await;
    store.put_tenant(&settings("taken")).await.unwrap();
    store
        .put_pipeline(&pipeline("default", "taken"))
        .await
        .unwrap();
    let asked = managed("default", "taken");
    let version = store.version().await.unwrap();
    assert_eq!(apply(&store, &stamp, &asked).await, Written::Done);
    assert_eq!(of(&store, "taken").await[0].stamp, Some(stamp));
    assert_eq!(
        store.version().await.unwrap(),
        version,
        "ingest obeys the same"
    );
}

pub async fn who_knows_better_of_a_pipeline_is_not_overruled(store: Store) {
    let former = lead(&store, 1).await;
    let _ = store
        .apply_tenant(&former, &settings("better"))
        .await
        .unwrap();
    let asked = managed("a", "better");
    let newer = Stamp {
        generation: 5,
        ..former
    };
    assert_eq!(apply(&store, &newer, &asked).await, Written::Done);
    let other = ManagedPipeline {
        max_bytes: Some(7),
        ..asked.clone()
    };
    let before = (of(&store, "better").await, everything(&store).await);
    let all = async |stamp: Stamp| {
        let new = managed("new", "better");
        let removed = store
            .remove_pipeline(&stamp, &tenant("better"), &named("a"))
            .await;
        [
            apply(&store, &stamp, &other).await,
            removed.unwrap(),
            apply(&store, &stamp, &new).await,
        ]
    };
    let by = Superseder::Generation { generation: 5 };
    let refused = Written::Superseded { by };
    // Of another pipeline the generation says nothing.
    assert_eq!(all(former).await, [refused, refused, Written::Done]);
    let removed = store
        .remove_pipeline(&former, &tenant("better"), &named("new"))
        .await;
    assert_eq!(removed.unwrap(), Written::Done);
    let leader = lead(&store, 1).await;
    let by = Superseder::Leader {
        epoch: leader.epoch,
    };
    let refused = Written::Superseded { by };
    for stamp in [
        newer,
        Stamp {
            uid: Uuid::from_u128(9),
            ..newer
        },
    ] {
        assert_eq!(all(stamp).await, [refused; 3]);
    }
    assert_eq!(
        (of(&store, "better").await, everything(&store).await),
        before
    );
}

pub async fn a_pipeline_needs_its_tenant_and_goes_with_it(store: Store) {
    let stamp = lead(&store, 1).await;
    let refused = store.apply_pipeline(&stamp, &managed("a", "alone")).await;
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    assert!(of(&store, "alone").await.is_empty());
    let suspended = crate::TenantRecord {
        suspended: true,
        ..settings("alone")
    };
    let _ = store.apply_tenant(&stamp, &suspended).await.unwrap();
    assert_eq!(
        apply(&store, &stamp, &managed("a", "alone")).await,
        Written::Done
    );
    let _ = store
        .retain_tenant(&stamp, &tenant("alone"), NOW)
        .await
        .unwrap();
    assert_eq!(of(&store, "alone").await.len(), 1);
}
