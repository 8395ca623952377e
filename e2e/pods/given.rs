//! How many messages workers were given, all of them together, also those whose pods are gone.
//!
//! Each says it in its last line, and on its `/metrics` until then. More than there were messages means that some were given
//! to two of them. The broker's own count of what it gives again is none of that: it has also what was under way inside of
//! it to a consumer that was just being cancelled, which no worker ever got.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use sendry_servers::kube;
use sendry_testkit::client::Client;
use serde_json::Value;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    kubernetes::{PATIENCE, until},
    stage::SYSTEM,
};

const WORKERS: &str = "app.kubernetes.io/name=sendry-worker";
const MESSAGES: &str = "sendry_worker_messages_total";
/// Between two looks for workers that are new: much less than one lives.
const LOOK: Duration = Duration::from_millis(500);

/// What one worker was given, once it has left and said so.
type Left = BTreeMap<String, Option<u64>>;

/// Listens to every worker from its beginning to its end.
pub struct Given {
    kubeconfig: PathBuf,
    left: Arc<Mutex<Left>>,
    listening: JoinHandle<()>,
}

impl Given {
    /// Begins to listen.
    pub fn begin(kubeconfig: PathBuf) -> Self {
        let left = Arc::<Mutex<Left>>::default();
        let listening = tokio::spawn(listen(kubeconfig.clone(), left.clone()));
        Self {
            kubeconfig,
            left,
            listening,
        }
    }

    /// Messages given so far, while none is under way.
    pub async fn messages(&self) -> anyhow::Result<u64> {
        until(
            PATIENCE,
            "every worker to say what it was given",
            async || {
                let there = pods(self.kubeconfig.clone()).await?;
                let known = locked(&self.left).clone();
                let mut sum = 0;
                for (name, pod) in &there {
                    ensure!(known.contains_key(name), "{name} is new");
                    if known[name].is_none() {
                        ensure!(!pod.leaves, "{name} leaves");
                        sum += scrape(pod.ip.with_context(|| format!("{name} has no address"))?)
                            .await?;
                    }
                }
                for (name, left) in &known {
                    match left {
                        Some(messages) => sum += messages,
                        None if there.contains_key(name) => {}
                        None => bail!("{name} is gone and has not said it yet"),
                    }
                }
                Ok(sum)
            },
        )
        .await
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// A pod of a worker.
struct Pod {
    ip: Option<IpAddr>,
    runs: bool,
    leaves: bool,
}

async fn pods(kubeconfig: PathBuf) -> anyhow::Result<BTreeMap<String, Pod>> {
    let what = [
        "get",
        "pods",
        "--namespace",
        SYSTEM,
        "--selector",
        WORKERS,
        "--output=json",
    ];
    let text = spawn_blocking(move || kube::ctl(&kubeconfig, &what, None)).await??;
    let list: Value = serde_json::from_str(&text)?;
    let items = list["items"].as_array().into_iter().flatten();
    let pods = items.filter_map(|pod| {
        let state = &pod["status"]["containerStatuses"][0]["state"];
        let read = Pod {
            ip: pod["status"]["podIP"]
                .as_str()
                .and_then(|ip| ip.parse().ok()),
            runs: state["running"].is_object() || state["terminated"].is_object(),
            leaves: pod["metadata"]["deletionTimestamp"].is_string(),
        };
        // One that never ran was given nothing.
        (read.runs).then(|| Some((pod["metadata"]["name"].as_str()?.to_owned(), read)))?
    });
    Ok(pods.collect())
}

async fn listen(kubeconfig: PathBuf, left: Arc<Mutex<Left>>) {
    loop {
        // What cannot be asked now is asked again.
        if let Ok(pods) = pods(kubeconfig.clone()).await {
            for name in pods.into_keys() {
                if locked(&left).contains_key(&name) {
                    continue;
                }
                locked(&left).insert(name.clone(), None);
                let (kubeconfig, left) = (kubeconfig.clone(), left.clone());
                spawn_blocking(move || follow(&kubeconfig, name, &left));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Until the worker's end. Where the log breaks off before, it is forgotten, and so found again if it is still there.
fn follow(kubeconfig: &std::path::Path, name: String, left: &Mutex<Left>) {
    let what = ["logs", "--follow", "--namespace", SYSTEM, &name];
    let log = kube::ctl(kubeconfig, &what, None).unwrap_or_default();
    let lines = log.lines().rev();
    let mut told =
        lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()?["messages"].as_u64());
    match told.next() {
        Some(messages) => locked(left).insert(name, Some(messages)),
        None => locked(left).remove(&name),
    };
}

async fn scrape(ip: IpAddr) -> anyhow::Result<u64> {
    let mut client = Client::new((ip, 9090).into());
    let answer = client.send("GET", "/metrics", &[], Bytes::new()).await?;
    let text = String::from_utf8_lossy(&answer.body);
    let line = text.lines().find_map(|line| line.strip_prefix(MESSAGES));
    let number = line.and_then(|rest| rest.rsplit(' ').next());
    let number = number.with_context(|| format!("{ip} says nothing of {MESSAGES}"))?;
    Ok(number.parse()?)
}

fn locked(left: &Mutex<Left>) -> MutexGuard<'_, Left> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}
