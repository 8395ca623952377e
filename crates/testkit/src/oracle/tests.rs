//! The oracle over a real store, with one thing wrong at a time.

use std::sync::Arc;

use sendry_domain::{dead_letter::DeadLetterId, id::TenantId};
use sendry_store::{
    MetricStore, RawEvent, RawEventStore,
    adapters::sqlite::SqliteStore,
    contract::build::{EventBuilder, NOW, Sealer, arrive, event, request, tenant},
};

use super::*;
use crate::journal::{End, Request};

struct Stage {
    _folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    journal: Journal,
    messages: u32,
}

fn named(name: &str, variant: u32) -> EventBuilder {
    event()
        .id(name)
        .with("requestId", name)
        .with("version", variant.to_string())
        .with("latencyMs", f64::from(variant) + 2.5)
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.db"), Default::default());
        Self {
            _folder: folder,
            store: Arc::new(store.unwrap()),
            journal: Journal::default(),
            messages: 0,
        }
    }

    /// A client sends, and hears `end`.
    fn sent(&mut self, to: &str, name: &str, variant: u32, kind: Kind, end: Option<End>) {
        let id = self.journal.declare(Request {
            tenant: to.to_owned(),
            names: vec![name.to_owned()],
            variant,
            kind,
            bodies: vec![named(name, variant).json()],
        });
        self.journal.sending(id);
        if let Some(end) = end {
            self.journal.ended(id, end, Vec::new());
        }
    }

    fn confirmed(&mut self, name: &str) {
        self.sent("acme", name, 0, Kind::Healthy, Some(End::Accepted));
    }

    /// A worker counts a message of these events, and keeps those that it won raw if `keep`.
    async fn worker(&mut self, to: &str, events: Vec<EventBuilder>, keep: bool) -> Vec<RawEvent> {
        let tenant = tenant(to);
        self.messages += 1;
        let message = Sealer::new(&tenant).message(self.messages, &request(events));
        let arrivals = arrive(&[message]);
        let metrics: &dyn MetricStore = self.store.as_ref();
        let counted = metrics.count(&arrivals, NOW).await.unwrap().remove(0);
        let raw: Vec<RawEvent> = counted
            .won
            .positions
            .iter()
            .map(|position| raw(&tenant, &arrivals[0], position))
            .collect();
        if keep {
            self.store.insert(&raw).await.unwrap();
        }
        raw
    }

    async fn judge(&self) -> Verdict {
        let (from, to) = (NOW.plus(-3_600_000), NOW.plus(3_600_000));
        let store = self.store.as_ref();
        judge(store, store, &self.journal, from, to).await.unwrap()
    }
}

fn raw(tenant: &TenantId, arrival: &sendry_domain::counting::Arrival, position: u32) -> RawEvent {
    let event = &arrival.events[position as usize];
    RawEvent {
        id: DeadLetterId {
            message: arrival.id,
            position,
        },
        tenant: tenant.clone(),
        timestamp: NOW,
        service: "shop".to_owned(),
        endpoint: "/".to_owned(),
        method: "GET".to_owned(),
        status: 200,
        latency_us: 0,
        request_id: event.request_id.clone(),
        body: event.body.get().to_owned(),
    }
}

#[tokio::test]
async fn what_is_right_is_clean() {
    let mut stage = Stage::new();
    stage.confirmed("a");
    stage.sent("acme", "b", 0, Kind::Healthy, None);
    stage.sent("acme", "c", 0, Kind::Healthy, None);
    stage.sent("acme", "d", 0, Kind::Healthy, Some(End::Refused));
    stage.sent("other", "a", 0, Kind::Healthy, Some(End::Accepted));
    // A duplicate, in a message of its own.
    for _ in 0..2 {
        stage
            .worker("acme", vec![named("a", 0), named("b", 0)], true)
            .await;
    }
    stage.worker("other", vec![named("a", 0)], true).await;
    let verdict = stage.judge().await;
    assert!(verdict.is_clean(), "{verdict}");
    let Verdict {
        confirmed,
        indeterminate,
        landed,
        ..
    } = verdict;
    assert_eq!((confirmed, indeterminate, landed), (2, 2, 1));
}

#[tokio::test]
async fn what_is_nowhere_is_lost() {
    let mut stage = Stage::new();
    stage.confirmed("a");
    stage.confirmed("b");
    stage.worker("acme", vec![named("a", 0)], true).await;
    let verdict = stage.judge().await;
    assert_eq!(verdict.lost, 1, "{verdict}");
    assert!(verdict.to_string().contains("lost: b"), "{verdict}");
}

#[tokio::test]
async fn what_is_counted_without_being_kept_shows_in_buckets_and_account() {
    let mut stage = Stage::new();
    stage.confirmed("a");
    stage.worker("acme", vec![named("a", 0)], false).await;
    let verdict = stage.judge().await;
    assert_eq!((verdict.lost, verdict.residual), (1, 1), "{verdict}");
    assert_eq!(verdict.cells_wrong, 8, "four kinds, two levels: {verdict}");
}

#[tokio::test]
async fn what_is_kept_twice_is_duplicated() {
    let mut stage = Stage::new();
    stage.confirmed("a");
    let mut raw = stage
        .worker("acme", vec![named("a", 0)], true)
        .await
        .remove(0);
    raw.id.position = 7;
    stage.store.insert(&[raw]).await.unwrap();
    let verdict = stage.judge().await;
    assert_eq!((verdict.duplicated, verdict.lost), (1, 0), "{verdict}");
}

#[tokio::test]
async fn what_nobody_sent_or_was_refused_is_unexpected() {
    let mut stage = Stage::new();
    stage.sent("acme", "a", 0, Kind::Healthy, Some(End::Refused));
    stage
        .worker("acme", vec![named("a", 0), named("stranger", 0)], true)
        .await;
    let verdict = stage.judge().await;
    assert_eq!(verdict.unexpected, 2, "{verdict}");
    assert_eq!(verdict.cells_wrong, 0, "{verdict}");
}

#[tokio::test]
async fn a_conflict_is_expected_where_contents_differ_and_nowhere_else() {
    let mut stage = Stage::new();
    stage.confirmed("a");
    stage.sent("acme", "a", 1, Kind::Healthy, Some(End::Accepted));
    stage.worker("acme", vec![named("a", 0)], true).await;
    let verdict = stage.judge().await;
    assert_eq!(verdict.conflicting, 1, "none is kept: {verdict}");
    stage.worker("acme", vec![named("a", 1)], true).await;
    let verdict = stage.judge().await;
    assert!(verdict.is_clean() && verdict.contested == 1, "{verdict}");

    // The same event comes again with a content that nobody journalled.
    stage.confirmed("b");
    stage.worker("acme", vec![named("b", 0)], true).await;
    let changed = named("b", 0).with("latencyMs", 99.0);
    stage.worker("acme", vec![changed], true).await;
    let verdict = stage.judge().await;
    assert_eq!(verdict.conflicting, 1, "{verdict}");
}

#[tokio::test]
async fn poison_belongs_among_dead_letters_and_nothing_else_does() {
    let mut stage = Stage::new();
    let too_far = |name: &str| named(name, 0).at(NOW.plus(30 * 86_400_000));
    stage.sent("acme", "p", 0, Kind::Poison, Some(End::Accepted));
    stage.worker("acme", vec![too_far("p")], true).await;
    let verdict = stage.judge().await;
    assert!(verdict.is_clean() && verdict.poisoned == 1, "{verdict}");

    stage.confirmed("a");
    stage.worker("acme", vec![too_far("a")], true).await;
    let verdict = stage.judge().await;
    assert_eq!((verdict.dead, verdict.lost), (1, 0), "{verdict}");

    stage.sent("acme", "q", 0, Kind::Poison, Some(End::Accepted));
    let verdict = stage.judge().await;
    assert_eq!(verdict.lost, 1, "poison is not to be lost: {verdict}");
    stage.worker("acme", vec![named("q", 0)], true).await;
    let verdict = stage.judge().await;
    assert_eq!(verdict.unexpected, 1, "nor counted: {verdict}");
}

#[tokio::test]
async fn what_the_raw_store_refused_is_in_the_buckets_and_in_the_account() {
    let mut stage = Stage::new();
    stage.sent("acme", "r", 0, Kind::RawRefused, Some(End::Accepted));
    let raw = stage
        .worker("acme", vec![named("r", 0)], false)
        .await
        .remove(0);
    let tenant = tenant("acme");
    stage.store.raw_refused(&tenant, &[raw.id]).await.unwrap();
    let verdict = stage.judge().await;
    assert!(verdict.is_clean() && verdict.confirmed == 1, "{verdict}");
}
