//! Stopped after every step there is, and begun again.

use std::sync::Arc;

use anyhow::bail;
use sendry_domain::{
    api_key::{ApiKey, ENTROPY},
    counting::Arrival,
    id::{MessageId, TenantId},
    message::{Message, MessageEvent, RequestRef, Scope, VERSION},
    routing::QueueName,
    time::UnixMillis,
    window::Window,
};
use sendry_queue::{
    EventQueue, Sealed,
    adapters::sqlite::{Options, SqliteQueue},
};
use sendry_store::{
    ControlStore, MetricStore, RawEvent, RawEventStore, TenantRecord, adapters::sqlite::SqliteStore,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    erase::erase,
    parts::Parts,
    queues::{File, NoQueues, TenantQueues},
    survey::Survey,
};
use crate::{keys, tenants};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// A folder's parts, with a queue file or without a queue.
struct Stage {
    parts: Parts,
    store: Arc<SqliteStore>,
    folder: tempfile::TempDir,
}

fn stage(with_queue: bool) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db"), Default::default());
    let store = Arc::new(store.unwrap());
    let queues: Arc<dyn TenantQueues> = if with_queue {
        Arc::new(File::open(&folder.path().join("queue.db"), store.clone()).unwrap())
    } else {
        Arc::new(NoQueues("there is none"))
    };
    let parts = Parts {
        control: store.clone(),
        metrics: store.clone(),
        raw: store.clone(),
        queues,
        _lock: None,
    };
    Stage {
        parts,
        store,
        folder,
    }
}

/// A message of `of` with as many events, each with a name of its own.
fn message(of: &TenantId, number: u128, events: usize) -> Message {
    let event = |n: usize| {
        let body = format!(
            r#"{{"eventId":"{of}-{number}-{n}","timestamp":{},"serviceName":"shop","endpoint":"/{}","method":"GET","statusCode":200,"latencyMs":1}}"#,
            NOW.0,
            n % 7
        );
        MessageEvent {
            request: 0,
            index: n as u32,
            fingerprint: None,
            body: RawValue::from_string(body).unwrap(),
        }
    };
    Message {
        v: VERSION,
        id: MessageId(Uuid::from_u128(number)),
        tenant: of.clone(),
        pipeline: sendry_domain::id::PipelineName::fallback(),
        accepted_at: NOW,
        scope: Scope::Live,
        requests: vec![RequestRef {
            request_id: "r".to_owned(),
            key_id: sendry_domain::id::KeyId::new("k").unwrap(),
            batch: None,
        }],
        events: (0..events).map(event).collect(),
    }
}

/// A tenant with rows of most kinds.
async fn fill(store: &SqliteStore, name: &str, number: u128, events: usize) {
    let of = tenant(name);
    let suspended = TenantRecord {
        suspended: true,
        ..tenants::fresh(of.clone())
    };
    store.put_tenant(&suspended).await.unwrap();
    store
        .put_pipeline(&tenants::catch_all(&of, NOW))
        .await
        .unwrap();
    let key = ApiKey::mint(&[number as u8; ENTROPY]);
    let record = keys::record(&key, &of, "a key", NOW);
    store.add_key(&record).await.unwrap();
    let arrival = Arrival::read(message(&of, number, events), Window::default());
    let raw = arrival.events.iter().zip(0..).map(|(event, position)| {
        let parsed = event.parsed.as_ref().unwrap();
        RawEvent {
            id: sendry_domain::dead_letter::DeadLetterId {
                message: arrival.id,
                position,
            },
            tenant: of.clone(),
            timestamp: parsed.timestamp,
            service: parsed.service.to_string(),
            endpoint: parsed.endpoint.to_string(),
            method: "GET".to_owned(),
            status: 200,
            latency_us: 1_000,
            request_id: "r".to_owned(),
            body: event.body.get().to_owned(),
        }
    });
    let raw: Vec<_> = raw.collect();
    MetricStore::count(store, std::slice::from_ref(&arrival), NOW)
        .await
        .unwrap();
    assert!(store.insert(&raw).await.unwrap().is_empty());
    store.derive_levels().await.unwrap();
}

async fn shown(parts: &Parts, name: &str) -> String {
    let survey = Survey::look(parts, &tenant(name)).await.unwrap();
    format!(
        "{survey} {:?}",
        parts.metrics.ledger(&tenant(name)).await.unwrap()
    )
}

#[tokio::test]
async fn stopped_after_any_step_it_goes_on_and_another_tenant_is_never_touched() {
    let stage = stage(false);
    fill(&stage.store, "stays", 2, 50).await;
    let before = shown(&stage.parts, "stays").await;
    let gone = tenant("gone");
    // Three steps of raw events, three of the counts, and one of the settings.
    let mut stops = 0;
    for stop_at in 0.. {
        fill(&stage.store, "gone", 100 + stop_at, 4_500).await;
        // What was accepted at NOW must be new to the next life.
        let at = UnixMillis(NOW.0);
        let mut steps = 0;
        let mut told = |_| {
            steps += 1;
            if steps > stop_at {
                bail!("stopped")
            }
            Ok(())
        };
        let stopped = erase(&stage.parts, &gone, at, &mut told).await;
        if stopped.is_err() {
            stops += 1;
            let left = Survey::look(&stage.parts, &gone).await.unwrap();
            // The last step of all erases the tenant itself.
            if left.rows() > 0 {
                assert!(left.tenant.is_some(), "its settings go last: {left}");
            }
            erase(&stage.parts, &gone, at, &mut |_| Ok(()))
                .await
                .unwrap();
        }
        let left = Survey::look(&stage.parts, &gone).await.unwrap();
        assert!(left.is_empty(), "stopped after {stop_at}: {left}");
        assert_eq!(shown(&stage.parts, "stays").await, before);
        if stopped.is_ok() {
            break;
        }
    }
    assert!(stops >= 7, "{stops} steps");
}

#[tokio::test]
async fn a_tenant_that_is_taken_up_again_is_left_as_it_is_then() {
    let stage = stage(false);
    fill(&stage.store, "wanted", 1, 5_000).await;
    let of = tenant("wanted");
    let store = stage.store.clone();
    let resumed = tenants::fresh(of.clone());
    let mut steps = 0;
    let mut told = |_| {
        steps += 1;
        if steps == 2 {
            let (store, resumed) = (store.clone(), resumed.clone());
            let resume = async move { store.put_tenant(&resumed).await.unwrap() };
            std::thread::spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                runtime.unwrap().block_on(resume);
            })
            .join()
            .unwrap();
        }
        Ok(())
    };
    let stopped = erase(&stage.parts, &of, NOW, &mut told).await;
    let stopped = format!("{:#}", stopped.unwrap_err());
    assert!(
        stopped.contains("taken up again after 4000 rows"),
        "{stopped}"
    );
    assert!(
        stopped.contains("sendry tenants suspend wanted"),
        "{stopped}"
    );
    let left = Survey::look(&stage.parts, &of).await.unwrap();
    let settings = &left.rows[2].1;
    assert_eq!(settings.total(), 3, "{left}");
    assert!(left.rows[0].1.total() == 1_000, "{left}");
}

#[tokio::test]
async fn what_waits_in_the_queue_file_goes_too_and_another_tenants_stays() {
    let stage = stage(false);
    for (name, number) in [("gone", 1), ("stays", 2)] {
        fill(&stage.store, name, number, 3).await;
    }
    let file = stage.folder.path().join("queue.db");
    {
        let queue = SqliteQueue::open(&file, Options::default()).unwrap();
        for (name, number) in [("gone", 10), ("gone", 11), ("stays", 12)] {
            let message = message(&tenant(name), number, 2);
            let sealed = Sealed {
                queue: QueueName::Pipeline(message.tenant.clone(), message.pipeline.clone()),
                id: message.id,
                events: 2,
                accepted_at: NOW,
                body: message.encode().unwrap(),
            };
            queue.publish(sealed).await.unwrap();
        }
    }
    let parts = Parts {
        queues: Arc::new(File::open(&file, stage.store.clone()).unwrap()),
        ..stage.parts
    };
    let waiting = async |name: &str| {
        let found = parts.queues.look(&tenant(name)).await.unwrap().unwrap();
        found.iter().filter_map(|found| found.messages).sum::<u64>()
    };
    assert_eq!((waiting("gone").await, waiting("stays").await), (2, 1));
    erase(&parts, &tenant("gone"), NOW.plus(1), &mut |_| Ok(()))
        .await
        .unwrap();
    assert_eq!((waiting("gone").await, waiting("stays").await), (0, 1));
}
