//! One event after another to one ingest, each answer with its time: whether it hangs, and what it says meanwhile.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use sendry_testkit::{
    client::Client,
    journal::{End, Journal, Request},
    latency::Latencies,
    load::Tenant,
};
use tokio::task::JoinHandle;

/// No request to ingest takes longer, whatever is away: thrice the five seconds that are promised, for a busy machine.
const NO_HANG: Duration = Duration::from_secs(15);
/// Of so many answers one may be a 503 `unknown` while the broker is there: it may write to its disk for longer than
/// ingest waits. What became of such a request is judged with all others.
const ONE_OF: usize = 20;
/// Between two requests.
const PAUSE: Duration = Duration::from_millis(20);

/// An answer, or its lack.
#[derive(Clone, Debug)]
pub struct Sample {
    pub sent: Instant,
    pub took: Duration,
    /// 0 when none came.
    pub status: u16,
    pub code: String,
}

/// Runs until [`Probe::end`].
pub struct Probe {
    samples: Arc<Mutex<Vec<Sample>>>,
    stop: Arc<AtomicBool>,
    running: JoinHandle<Journal>,
}

impl Probe {
    pub fn start(ingest: SocketAddr, tenant: &Tenant, prefix: &str, now_ms: i64) -> Self {
        let samples = Arc::default();
        let stop = Arc::default();
        let running = run(
            ingest,
            tenant.clone(),
            prefix.to_owned(),
            now_ms,
            Arc::clone(&samples),
            Arc::clone(&stop),
        );
        Self {
            samples,
            stop,
            running: tokio::spawn(running),
        }
    }

    /// Answers to what was sent since.
    pub fn since(&self, moment: Instant) -> Vec<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let of = samples.iter().filter(|sample| sample.sent >= moment);
        of.cloned().collect()
    }

    /// The last answer to what was sent since `moment`, if it is a 202.
    pub fn accepts_since(&self, moment: Instant) -> anyhow::Result<()> {
        let last = self.since(moment).pop().context("no answer yet")?;
        ensure!(last.status == 202, "{last:?}");
        Ok(())
    }

    /// Checks that every answer since `moment` came in time and is one of `allowed` (`202`, or the code of a 503), and
    /// returns how many there were and their 99th percentile in milliseconds.
    pub fn check(&self, moment: Instant, allowed: &[&str]) -> anyhow::Result<(usize, f64)> {
        let samples = self.since(moment);
        let mut latencies = Latencies::default();
        for sample in &samples {
            let said = match sample.status {
                202 => "202",
                503 => sample.code.as_str(),
                _ => "another",
            };
            ensure!(sample.took <= NO_HANG, "a request hung: {sample:?}");
            ensure!(
                allowed.contains(&said),
                "{sample:?}, not one of {allowed:?}"
            );
            latencies.record(sample.took);
        }
        Ok((samples.len(), latencies.percentile_ms(99.0)))
    }

    /// The same where the broker is there all the time: what is sent is accepted.
    pub fn accepted(&self, moment: Instant) -> anyhow::Result<(usize, f64)> {
        let checked = self.check(moment, &["202", "unknown"])?;
        let samples = self.since(moment);
        let unsure: Vec<_> = samples.iter().filter(|s| s.status != 202).collect();
        let most = samples.len() / ONE_OF + 1;
        ensure!(
            unsure.len() <= most && unsure.len() < samples.len(),
            "{} of {} were not accepted: {unsure:?}",
            unsure.len(),
            samples.len()
        );
        if !unsure.is_empty() {
            println!("{} answers left open what became of an event", unsure.len());
        }
        Ok(checked)
    }

    /// Ends it, and checks that it never hung.
    pub async fn end(self) -> anyhow::Result<Journal> {
        self.stop.store(true, Ordering::SeqCst);
        let journal = self.running.await?;
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let hung = samples.iter().find(|sample| sample.took > NO_HANG);
        ensure!(hung.is_none(), "a request hung: {hung:?}");
        Ok(journal)
    }
}

async fn run(
    ingest: SocketAddr,
    tenant: Tenant,
    prefix: String,
    now_ms: i64,
    samples: Arc<Mutex<Vec<Sample>>>,
    stop: Arc<AtomicBool>,
) -> Journal {
    let mut client = Client::new(ingest);
    let mut journal = Journal::default();
    let headers = [
        ("x-api-key", tenant.api_key.as_str()),
        ("content-type", "application/json"),
    ];
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let name = format!("{prefix}-{number}");
        let body = format!(
            r#"{{"eventId":"{name}","requestId":"{name}","timestamp":{now_ms},"serviceName":"probe","endpoint":"/p","method":"GET","statusCode":200,"latencyMs":1.5}}"#
        );
        let id = journal.declare(Request {
            tenant: tenant.name.clone(),
            names: vec![name],
            ..Request::default()
        });
        journal.sending(id);
        let sent = Instant::now();
        let answer = client.send("POST", "/api/hit", &headers, body.into()).await;
        let (status, code) = match answer {
            Ok(answer) => {
                let code = answer.json().unwrap_or_default()["code"].clone();
                (answer.status, code.as_str().unwrap_or_default().to_owned())
            }
            Err(error) => (0, format!("{error:#}")),
        };
        let end = match (status, code.as_str()) {
            (202, _) => End::Accepted,
            (503, "unavailable" | "backlog_full" | "suspended") => End::Refused,
            _ => End::Unknown,
        };
        journal.ended(id, end, Vec::new());
        let took = sent.elapsed();
        let sample = Sample {
            sent,
            took,
            status,
            code,
        };
        samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sample);
        tokio::time::sleep(PAUSE).await;
    }
    journal
}
