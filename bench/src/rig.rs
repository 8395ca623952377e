//! What several benches share: connections under load, and waiting for the queue to be empty.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use sendry_testkit::{client::Client, latency::Latencies, process::Sendry};

use crate::wire::Wire;

/// What clients send.
#[derive(Clone)]
pub struct Load {
    /// Where.
    pub address: SocketAddr,
    /// With which key.
    pub api_key: String,
    /// Path.
    pub path: &'static str,
    /// Body, the same for every request.
    pub body: Bytes,
}

impl Load {
    /// Single events on the original platform's route, or batches of `events`.
    pub fn new(sendry: &Sendry, events: usize) -> anyhow::Result<Self> {
        let ready = &sendry.ready;
        Ok(Self::to(ready.address()?, &ready.api_key, events))
    }

    /// The same, to an ingest at `address`.
    pub fn to(address: SocketAddr, api_key: &str, events: usize) -> Self {
        let event = |n: usize| {
            format!(
                r#"{{"serviceName":"shop","environment":"production","endpoint":"/orders/{}/:id","method":"GET","statusCode":{},"latencyMs":{}.25,"requestSize":120,"responseSize":2048,"userAgent":"bench/1.0","clientIp":"203.0.113.9","path":"/orders/{n}/17"}}"#,
                n % 25,
                [200, 200, 200, 404, 500][n % 5],
                n % 90 + 1,
            )
        };
        let (path, body) = if events == 1 {
            ("/api/hit", event(7))
        } else {
            let events: Vec<String> = (0..events).map(event).collect();
            (
                "/api/v1/events",
                format!("{{\"events\":[{}]}}", events.join(",")),
            )
        };
        Self {
            address,
            api_key: api_key.to_owned(),
            path,
            body: body.into(),
        }
    }

    async fn connect(&self) -> anyhow::Result<Wire> {
        Wire::connect(self.address, self.path, &self.api_key, &self.body).await
    }

    /// Each connection sends again as soon as it has its answer. Returns latencies and the time it took.
    pub async fn closed(
        &self,
        connections: usize,
        time: Duration,
    ) -> anyhow::Result<(Latencies, Duration)> {
        let began = Instant::now();
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let load = self.clone();
            clients.spawn(async move {
                let (mut wire, mut latencies) = (load.connect().await?, Latencies::default());
                while began.elapsed() < time {
                    let sent = Instant::now();
                    wire.post().await?;
                    latencies.record(sent.elapsed());
                }
                anyhow::Ok(latencies)
            });
        }
        let latencies = gather(clients).await?;
        Ok((latencies, began.elapsed()))
    }

    /// Requests begin at a fixed rate whatever the answers do; latency counts from when a request was due, so a stalled
    /// server cannot hide behind clients that wait for it.
    pub async fn open(
        &self,
        connections: usize,
        per_second: f64,
        time: Duration,
    ) -> anyhow::Result<Latencies> {
        let began = Instant::now();
        let interval = connections as f64 / per_second;
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..connections {
            let load = self.clone();
            clients.spawn(async move {
                let (mut wire, mut latencies) = (load.connect().await?, Latencies::default());
                let offset = interval * number as f64 / connections as f64;
                for turn in 0.. {
                    let due = Duration::from_secs_f64(offset + interval * f64::from(turn));
                    if due >= time {
                        break;
                    }
                    tokio::time::sleep_until((began + due).into()).await;
                    // The timer's own millisecond is not the server's: count from waking, unless that came late.
                    let late = began.elapsed().saturating_sub(due);
                    let start = if late < Duration::from_millis(2) {
                        Instant::now()
                    } else {
                        began + due
                    };
                    wire.post().await?;
                    latencies.record(start.elapsed());
                }
                anyhow::Ok(latencies)
            });
        }
        gather(clients).await
    }
}

async fn gather(
    mut clients: tokio::task::JoinSet<anyhow::Result<Latencies>>,
) -> anyhow::Result<Latencies> {
    let mut all = Latencies::default();
    while let Some(latencies) = clients.join_next().await {
        all.extend(latencies??);
    }
    Ok(all)
}

/// The ledger's numbers: (received, ready + unacknowledged).
pub async fn ledger(client: &mut Client) -> anyhow::Result<(u64, u64)> {
    let answer = client.get_json("/api/v1/pipeline/ledger").await?;
    let data = &answer["data"];
    let waiting = |name: &str| data["queue"][name].as_u64();
    let waiting = waiting("ready")
        .zip(waiting("unacknowledged"))
        .context("queue depth unknown")?;
    Ok((
        data["received"].as_u64().context("no `received`")?,
        waiting.0 + waiting.1,
    ))
}

/// Waits until nothing waits any more.
pub async fn drained(client: &mut Client, within: Duration) -> anyhow::Result<u64> {
    let began = Instant::now();
    loop {
        let (received, waiting) = ledger(client).await?;
        if waiting == 0 {
            return Ok(received);
        }
        ensure!(
            began.elapsed() < within,
            "{waiting} messages still wait after {within:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
