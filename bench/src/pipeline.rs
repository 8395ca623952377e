//! The platform as teams run it, every server on this machine: how many 202s, how fast they are counted, what a backlog and
//! a spike change, and what it all costs each process.

mod bare;
mod cost;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::ensure;
use bytes::Bytes;
use sendry_domain::id::TenantId;
use sendry_store::MetricStore;
use sendry_testkit::{
    client::Client,
    cluster::{Cluster, Servers},
    latency::Latencies,
};

use crate::{baseline, report, rig::Load};
use bare::BareConfirms;
use cost::Cost;

/// How long and how wide.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Seconds of each phase
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Requests a second at which latency is measured
    #[arg(long, default_value_t = 2_000.0)]
    rate: f64,
    /// Events that wait while latency is measured beside an empty queue
    #[arg(long, default_value_t = 1_000_000)]
    backlog: u64,
    /// Seconds of the spike
    #[arg(long, default_value_t = 60)]
    spike_seconds: u64,
}

/// How long a queue may take to be empty.
const DRAIN: Duration = Duration::from_secs(600);
/// Connections that carry single events.
const SINGLES: usize = 64;
/// Connections that carry batches.
const BATCHES: usize = 16;
/// Events in a batch.
const BATCH: usize = 100;

struct Rig {
    servers: Servers,
    cluster: Cluster,
    single: Load,
    batch: Load,
    counts: sendry_store::adapters::postgres::PostgresStore,
    tenant: TenantId,
    /// Events that got their 202 so far.
    accepted: u64,
}

pub async fn run(binary: &Path, args: Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let time = Duration::from_secs(args.seconds);
    let fsync = baseline::fsync(folder.path(), 2_000)?;
    let servers = Servers::start(folder.path())?;
    let urls = servers.room("bench").await?;
    let mut cluster = Cluster::new(binary, &folder.path().join("logs"), &urls)?;
    let (key, probe) = (cluster.tenant("acme")?, cluster.tenant("probe")?);
    cluster.start_all()?;
    let address = cluster.member("ingest")?.address()?;
    let (counts, _) = cluster.stores().await?;
    let mut rig = Rig {
        single: Load::to(address, &key, 1),
        batch: Load::to(address, &key, BATCH),
        counts,
        tenant: TenantId::new("acme")?,
        accepted: 0,
        servers,
        cluster,
    };
    rig.single.closed(SINGLES, Duration::from_secs(3)).await?;
    rig.settle().await?;
    report::title("Separate processes (`cargo xtask bench pipeline`)");
    report::figure(
        "fdatasync of 4 KiB, p50 / p99",
        format!(
            "{:.2} / {:.2} ms",
            fsync.percentile_ms(50.0),
            fsync.percentile_ms(99.0)
        ),
        "",
    );
    rig.singles(time).await?;
    rig.latency(&urls.queue, args.rate, time).await?;
    rig.freshness(&probe, args.rate, time).await?;
    let saturation = rig.batches(time).await?;
    rig.backlog(args.backlog, args.rate, time).await?;
    rig.spike(saturation * 0.75, Duration::from_secs(args.spike_seconds))
        .await?;
    rig.cluster.stop()?;
    Ok(())
}

impl Rig {
    /// Waits until everything accepted is counted; whatever the load before counted itself is learnt here.
    async fn settle(&mut self) -> anyhow::Result<u64> {
        self.cluster.drained(DRAIN).await?;
        self.received().await
    }

    async fn received(&self) -> anyhow::Result<u64> {
        let view = self.counts.ledger(&self.tenant).await?;
        ensure!(
            view.tally.residual() == 0,
            "the account does not close: {:?}",
            view.tally
        );
        Ok(view.tally.received.unsigned_abs())
    }

    async fn singles(&mut self, time: Duration) -> anyhow::Result<()> {
        let (latencies, took) = self.single.closed(SINGLES, time).await?;
        report::figure(
            "single-event requests with durable confirms, saturated",
            format!(
                "{:.0}/s, {}",
                latencies.len() as f64 / took.as_secs_f64(),
                both(&latencies)
            ),
            "≥ 8,000/s",
        );
        self.settle().await.map(drop)
    }

    /// A 202 beside a bare confirm, before and after, so that a drifting machine shows.
    async fn latency(&mut self, queue: &str, rate: f64, time: Duration) -> anyhow::Result<()> {
        let bare = BareConfirms::connect(queue).await?;
        let bytes = self.single.body.len();
        let before = bare.open(rate, bytes, time / 2).await?;
        let latencies = self.single.open(32, rate, time).await?;
        let after = bare.open(rate, bytes, time / 2).await?;
        bare.close().await?;
        let base = f64::midpoint(before.percentile_ms(50.0), after.percentile_ms(50.0));
        report::figure(
            &format!("202 at {rate:.0}/s, p50 / p99"),
            both(&latencies),
            "p50 < 2 ms",
        );
        report::figure(
            "bare confirm of a quorum queue at the same rate, before and after, p50 / p99",
            format!("{}; {}", both(&before), both(&after)),
            "",
        );
        report::figure(
            "202 beside the bare confirm, p50",
            format!("{:.2}×", latencies.percentile_ms(50.0) / base),
            "≤ 1.5×",
        );
        self.settle().await.map(drop)
    }

    /// From sending an event to its being in the numbers, beside other load.
    async fn freshness(&mut self, probe: &str, rate: f64, time: Duration) -> anyhow::Result<()> {
        let (load, stop) = (self.single.clone(), time.max(Duration::from_secs(20)));
        let beside = tokio::spawn(async move { load.open(32, rate, stop).await });
        let mut client = Client::new(self.single.address);
        let tenant = TenantId::new("probe")?;
        let headers = [("x-api-key", probe), ("content-type", "application/json")];
        let (mut visible, mut number) = (Latencies::default(), 0);
        while !beside.is_finished() {
            let sent = Instant::now();
            let body = Bytes::copy_from_slice(&self.single.body);
            let answer = client.send("POST", "/api/hit", &headers, body).await?;
            ensure!(answer.status == 202, "{}", answer.status);
            number += 1;
            while self.counts.ledger(&tenant).await?.tally.counted < number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            visible.record(sent.elapsed());
        }
        beside.await??;
        report::figure(
            &format!("202 to counted beside {rate:.0}/s, {number} events, p50 / p99"),
            both(&visible),
            "p99 ≤ 5 s",
        );
        self.settle().await.map(drop)
    }

    /// Batches as fast as they are taken. Returns events a second.
    async fn batches(&mut self, time: Duration) -> anyhow::Result<f64> {
        let before = self.received().await?;
        let cost = Cost::begin(&mut self.cluster, &self.servers)?;
        let began = Instant::now();
        let (latencies, took) = self.batch.closed(BATCHES, time).await?;
        let accepted = latencies.len() * BATCH;
        let rate = accepted as f64 / took.as_secs_f64();
        let loaded = began.elapsed();
        let drained = loaded + self.cluster.drained(DRAIN).await?;
        let received = self.received().await? - before;
        report::figure(
            "events accepted in batches of 100, all stores on",
            format!("{rate:.0}/s, {}", both(&latencies)),
            "≥ 10,000/s",
        );
        report::figure(
            "of them counted and kept, accepting and draining at once, until empty",
            format!("{:.0}/s", received as f64 / drained.as_secs_f64()),
            "≥ 10,000/s",
        );
        same(accepted as u64, received);
        for (process, seconds) in cost.end(&mut self.cluster, &self.servers)? {
            let million = seconds / received as f64 * 1e6;
            report::figure(
                &format!("CPU a million events, {process}"),
                format!("{million:.1} s"),
                "",
            );
        }
        self.accepted += accepted as u64;
        Ok(rate)
    }

    /// The same 202 with nobody draining.
    async fn backlog(&mut self, events: u64, rate: f64, time: Duration) -> anyhow::Result<()> {
        let before = self.received().await?;
        for name in ["worker", "keeper"] {
            self.cluster.member(name)?.stop()?;
        }
        let empty = self.single.open(32, rate, time).await?;
        let mut sent = empty.len() as u64;
        while sent < events {
            let (latencies, _) = self.batch.closed(BATCHES, Duration::from_secs(2)).await?;
            sent += (latencies.len() * BATCH) as u64;
        }
        let full = self.single.open(32, rate, time).await?;
        sent += full.len() as u64;
        report::figure(
            "202 without workers, empty queue, p50 / p99",
            both(&empty),
            "",
        );
        report::figure(
            &format!("202 without workers, {sent} events waiting, p50 / p99"),
            both(&full),
            "",
        );
        report::figure(
            "p50, waiting beside empty",
            format!(
                "{:.2}×",
                full.percentile_ms(50.0) / empty.percentile_ms(50.0)
            ),
            "≤ 1.2×",
        );
        for name in ["worker", "keeper"] {
            self.cluster.member(name)?.start()?;
        }
        let began = Instant::now();
        let drained = self.cluster.drained(DRAIN).await?;
        let received = self.received().await? - before;
        report::figure(
            "backlog counted and kept by one worker process, nothing else going on",
            format!(
                "{:.0}/s",
                sent as f64 / (began.elapsed().min(drained)).as_secs_f64()
            ),
            "",
        );
        same(sent, received);
        Ok(())
    }

    /// Three quarters of saturation against workers that are held to a tenth of their time.
    async fn spike(&mut self, events_per_second: f64, time: Duration) -> anyhow::Result<()> {
        let before = self.received().await?;
        let worker = self.cluster.take("worker")?;
        let held = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            while began.elapsed() < time {
                worker.thaw();
                cost::pause(Duration::from_millis(100));
                worker.freeze();
                cost::pause(Duration::from_millis(900));
            }
            worker.thaw();
            worker
        });
        let load = self
            .batch
            .open(BATCHES * 2, events_per_second / BATCH as f64, time);
        let latencies = load.await?;
        self.cluster.give("worker", held.await?);
        let began = Instant::now();
        let drained = self.cluster.drained(DRAIN).await?;
        let received = self.received().await? - before;
        let sent = (latencies.len() * BATCH) as u64;
        report::figure(
            &format!(
                "spike of {:.0} s at {events_per_second:.0} events/s, workers held to a tenth",
                time.as_secs_f64()
            ),
            format!(
                "0 refused, {}; empty {:.1} s after",
                both(&latencies),
                began.elapsed().min(drained).as_secs_f64()
            ),
            "0 refused",
        );
        same(sent, received);
        Ok(())
    }
}

/// Every accepted event was received, and no other.
fn same(accepted: u64, received: u64) {
    let measured = format!("{accepted} = {received}: {}", accepted == received);
    report::figure("accepted = received", measured, "true");
}

fn both(latencies: &Latencies) -> String {
    format!(
        "{:.2} / {:.2} ms",
        latencies.percentile_ms(50.0),
        latencies.percentile_ms(99.0)
    )
}
