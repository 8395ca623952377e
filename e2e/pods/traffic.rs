//! Traffic of a tenant whose every event is journaled, and the verdict on it.

use std::time::{Duration, Instant, SystemTime};

use anyhow::ensure;
use sendry_domain::time::{HOUR, UnixMillis};
use sendry_store::adapters::{
    mongodb::{MongoOptions, MongoStore},
    postgres::{PostgresOptions, PostgresStore},
};
use sendry_testkit::{
    cluster::drained,
    journal::{Fate, Journal},
    load::{self, Options, Stop, Targets, Tenant},
    oracle::{self, Verdict},
};
use tokio::task::JoinSet;

use crate::stage::Stage;

/// How long what waits may take to be counted.
const DRAIN: Duration = Duration::from_secs(180);

/// A tenant's, over all chapters.
pub struct Traffic<'a> {
    pub stage: &'a Stage,
    tenant: Tenant,
    now: UnixMillis,
    journal: Journal,
    clients: u64,
}

/// While it flows.
pub struct Flowing {
    stop: Stop,
    clients: JoinSet<anyhow::Result<Journal>>,
    began: Instant,
}

impl<'a> Traffic<'a> {
    pub fn of(stage: &'a Stage, tenant: &str, api_key: String) -> anyhow::Result<Self> {
        Ok(Self {
            stage,
            tenant: Tenant {
                name: tenant.to_owned(),
                api_key,
            },
            now: now()?,
            journal: Journal::default(),
            clients: 0,
        })
    }

    /// Clients begin to send to the Service of ingest, each with a pause between two requests.
    pub fn begin(&mut self, clients: u64, pause: Duration) -> anyhow::Result<Flowing> {
        let targets = Targets::at([self.stage.service("sendry-ingest")?]);
        let mut flowing = Flowing {
            stop: Stop::default(),
            clients: JoinSet::new(),
            began: Instant::now(),
        };
        for _ in 0..clients {
            // Names are made of the client's number: no two chapters have the same.
            self.clients += 1;
            let tenants = vec![self.tenant.clone()];
            let mut options = Options::new(tenants, self.clients, 6, self.now.0);
            options.pause = pause;
            let (targets, stop) = (targets.clone(), flowing.stop.clone());
            flowing
                .clients
                .spawn(load::run(targets, options, stop, Journal::default()));
        }
        Ok(flowing)
    }

    /// No new requests; waits until those under way have got their answers. Events confirmed since it began.
    pub async fn end(&mut self, mut flowing: Flowing) -> anyhow::Result<u64> {
        let before = self.confirmed();
        flowing.stop.stop();
        while let Some(journal) = flowing.clients.join_next().await {
            self.journal.merge(journal??);
        }
        Ok(self.confirmed() - before)
    }

    /// Events with a 202.
    pub fn confirmed(&self) -> u64 {
        let events = self.journal.events(&self.tenant.name).into_iter().flatten();
        events
            .filter(|(_, known)| known.fate() == Fate::Confirmed)
            .count() as u64
    }

    /// Waits until all is counted, and compares it with what clients know.
    pub async fn judge(&self) -> anyhow::Result<Verdict> {
        drained(&self.stage.urls, DRAIN).await?;
        let urls = &self.stage.urls;
        let metrics = PostgresStore::connect(PostgresOptions::new(&urls.postgres)).await?;
        let raw = MongoStore::connect(MongoOptions::new(&urls.mongodb)).await?;
        let (from, to) = (self.now.plus(-3 * HOUR), self.now.plus(HOUR));
        let verdict = oracle::judge(&metrics, &raw, &self.journal, from, to).await?;
        ensure!(verdict.is_clean(), "the verdict is not clean: {verdict}");
        ensure!(verdict.confirmed > 0, "nothing was confirmed: {verdict}");
        Ok(verdict)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "event times must lie inside the real servers' window"
)]
fn now() -> anyhow::Result<UnixMillis> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(UnixMillis(i64::try_from(since.as_millis())?))
}

impl Flowing {
    /// How long it has flowed.
    pub fn since(&self) -> Duration {
        self.began.elapsed()
    }
}
