//! A tenant of a stage, as its team sees it.

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    client::{Answer, post},
    secret::Secret,
    stage::{Stage, WATCH_FILTER},
    wait::{eventually, is},
};

/// One that may or may not be there; its namespace has the same name.
pub struct Tenant<'a> {
    pub stage: &'a Stage,
    pub name: String,
    /// Requests of one event that were answered with 202.
    accepted: AtomicU64,
    /// Those whose answer left open whether they were.
    unsure: AtomicU64,
}

impl<'a> Tenant<'a> {
    pub fn new(stage: &'a Stage, short: &str) -> Self {
        let name = stage.name_of(short);
        Self {
            stage,
            name,
            accepted: AtomicU64::new(0),
            unsure: AtomicU64::new(0),
        }
    }

    /// With one key, and Ready.
    pub async fn ready_with(stage: &'a Stage, short: &str, key: Value) -> Self {
        let tenant = Self::new(stage, short);
        tenant.apply(json!({"apiKeys": [key]}));
        tenant.ready();
        tenant
    }

    /// What is in Git: the spec with its namespace put in.
    pub fn manifest(&self, spec: Value) -> String {
        let mut spec = spec;
        spec["namespace"] = json!(self.name);
        json!({
            "apiVersion": "sendry.io/v1alpha1",
            "kind": "SendryTenant",
            "metadata": {"name": self.name, "labels": {WATCH_FILTER: self.stage.name}},
            "spec": spec,
        })
        .to_string()
    }

    /// `kubectl apply`.
    pub fn apply(&self, spec: Value) {
        self.stage.cluster.apply(&self.manifest(spec));
    }

    /// Waits until the operator has said `Ready` of what was applied last.
    pub fn ready(&self) {
        let what = format!("stn/{}", self.name);
        let wait = ["wait", "--for=condition=Ready", &what, "--timeout=60s"];
        if let Err(error) = self.stage.cluster.try_run(&wait, None) {
            panic!("{error:#}: {}", self.object()["status"]);
        }
    }

    pub fn object(&self) -> Value {
        let found = self.stage.cluster.get(&["stn", &self.name]);
        found.unwrap_or_default()
    }

    pub fn delete(&self) {
        let what = ["delete", "stn", &self.name, "--timeout=60s"];
        self.stage.cluster.run(&what);
    }

    /// The Secret of an entry of keys, if it is there.
    pub fn try_secret(&self, entry: &str) -> Option<Secret> {
        Secret::read(&self.stage.cluster, &self.name, entry)
    }

    pub fn secret(&self, entry: &str) -> Secret {
        self.try_secret(entry).unwrap()
    }

    pub fn key(&self, entry: &str) -> String {
        self.secret(entry).key().to_owned()
    }

    /// The states of the keys of an entry, newest first, as its status says.
    pub fn states(&self, entry: &str) -> Vec<String> {
        let status = self.object()["status"]["apiKeys"].take();
        let entries = status.as_array().cloned().unwrap_or_default();
        let found = entries.into_iter().find(|e| e["name"] == entry);
        let keys = found.unwrap_or_default()["keys"].take();
        let states = keys.as_array().cloned().unwrap_or_default();
        states
            .iter()
            .map(|key| key["state"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Verifiers that the settings hold.
    pub fn verifiers(&self) -> i64 {
        let sql = "SELECT count(*) FROM sendry.api_key WHERE tenant =";
        self.stage.number(&format!("{sql} '{}'", self.name))
    }

    /// How often the operator told of it, for this reason. What is told again within minutes is counted, not listed.
    pub fn told(&self, reason: &str) -> u64 {
        let field = format!("involvedObject.name={},reason={reason}", self.name);
        let what = ["events", "--namespace=default", "--field-selector", &field];
        let events = self.stage.cluster.get(&what).unwrap_or_default();
        let events = events["items"].as_array().cloned().unwrap_or_default();
        events
            .iter()
            .map(|event| event["series"]["count"].as_u64().unwrap_or(1))
            .sum()
    }

    /// Sends an event.
    pub async fn post(&self, to: SocketAddr, key: &str) -> Answer {
        let answer = post(to, key).await;
        if answer.is(202, "") {
            self.accepted.fetch_add(1, Ordering::Relaxed);
        } else if answer.is_unsure() {
            self.unsure.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// Every ingest has to take an event with this key. It may say 503 first, where more new keys are looked up at once than
    /// it looks up; it never says that it does not know the key, or does not want it.
    pub async fn accepts(&self, key: &str) {
        for address in self.stage.addresses() {
            eventually("202", async || {
                let answer = self.post(address, key).await;
                let later = answer.is(503, "unavailable") || answer.is_unsure();
                assert!(later || answer.is(202, ""), "{answer}");
                is(!later, &answer)
            })
            .await;
        }
    }

    /// Waits until every ingest answers a key so, and returns how long that took since `began`.
    pub async fn answers(&self, key: &str, status: u16, code: &str, began: Instant) -> Duration {
        for address in self.stage.addresses() {
            eventually(&format!("{status} {code}"), async || {
                let answer = self.post(address, key).await;
                is(answer.is(status, code), &answer)
            })
            .await;
        }
        began.elapsed()
    }

    /// Messages in one of its queues.
    pub async fn messages(&self, queue: &str) -> Result<u64, String> {
        let queues = self.stage.broker.queues().await;
        let queues = queues.map_err(|error| format!("{error:#}"))?;
        let name = format!("sendry.{}.{queue}", self.name);
        let found = queues.get(&name).copied();
        found.ok_or_else(|| format!("no queue {name} among {queues:?}"))
    }

    /// Messages in its parked queue, where everything goes as long as no pipeline has a queue.
    pub async fn parked(&self) -> Result<u64, String> {
        self.messages("parked").await
    }

    /// Waits until all that was accepted is in it, and nothing else; the broker's numbers are seconds old.
    pub async fn has_all_parked(&self) {
        let may = self.may_be_there();
        eventually(&format!("{may:?} parked"), async || {
            let parked = self.parked().await?;
            is(may.contains(&parked), parked)
        })
        .await;
    }

    /// The same where it has the pipeline `default`: what was accepted before that had its queue is parked.
    pub async fn has_all_in_its_pipeline(&self, after: u64) {
        let may = self.may_be_there();
        eventually(&format!("{may:?} in its queues"), async || {
            let (taken, parked) = (self.messages("default").await?, self.parked().await?);
            is(
                may.contains(&taken.saturating_add(parked)) && taken >= may.start() - after,
                (taken, parked),
            )
        })
        .await;
    }

    /// How many messages there have to be, one a request: all that were accepted, and of the unsure ones any.
    fn may_be_there(&self) -> RangeInclusive<u64> {
        let accepted = self.accepted();
        accepted..=accepted + self.unsure.load(Ordering::Relaxed)
    }

    /// Requests that were answered with 202.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}
