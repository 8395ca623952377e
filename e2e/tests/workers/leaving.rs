//! From five workers to one and back under load, each by SIGTERM: nothing is lost, nothing counted twice, and nothing that
//! was given to one worker is given to another.
//!
//! How often messages were given is asked of the workers, each of which says it when it leaves. The broker's own count of
//! what it gives again is none of that: it has also what was under way inside of it to a consumer that was just being
//! cancelled, which no worker ever got.

use std::time::{Duration, Instant, SystemTime};

use sendry_domain::time::{HOUR, UnixMillis};
use sendry_store::ControlStore;
use sendry_testkit::{
    cluster::Kind,
    journal::Journal,
    load::{self, Options, Stop, Targets},
    oracle,
};
use tokio::{task::JoinSet, time::sleep};

use crate::platform::Platform;

const CLIENTS: u64 = 4;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_to_one_to_five_under_load() {
    let mut platform = Platform::new().await;
    let first: Vec<_> = (0..5).map(|n| format!("worker{n}")).collect();
    first.iter().for_each(|name| platform.worker(name));
    let now = now();
    let (targets, stop) = (Targets::at(platform.cluster.ingests()), Stop::default());
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let tenant = platform.tenant.clone();
        let mut options = Options::new(vec![tenant], client, 6, now.0);
        options.events = 10;
        options.pause = Duration::from_millis(15);
        let (targets, stop) = (targets.clone(), stop.clone());
        clients.spawn(load::run(targets, options, stop, Journal::default()));
    }
    for name in &first {
        is_busy(&mut platform, name).await;
    }
    // Messages by how often they were given to a worker, all workers together.
    let mut given = 0;
    for name in &first[1..] {
        let (took, done) = platform.leave(name);
        println!("{name} left in {took:.1?} with {done} messages done");
        given += done;
        // The one that stays takes over while the next one leaves.
        is_busy(&mut platform, &first[0]).await;
    }
    let second: Vec<_> = (5..9).map(|n| format!("worker{n}")).collect();
    for name in &second {
        platform.worker(name);
        is_busy(&mut platform, name).await;
    }
    stop.stop();
    let mut journal = Journal::default();
    while let Some(one) = clients.join_next().await {
        journal.merge(one.unwrap().unwrap());
    }
    platform.cluster.drained(PATIENCE).await.unwrap();

    let (metrics, raw) = platform.cluster.stores().await.unwrap();
    let from = now.plus(-3 * HOUR);
    let verdict = oracle::judge(&metrics, &raw, &journal, from, now.plus(HOUR));
    let verdict = verdict.await.unwrap();
    assert!(verdict.is_clean() && verdict.confirmed > 0, "{verdict}");
    // Whoever left has said so, and is waited for by nobody.
    let beats = metrics.beats().await.unwrap();
    let workers = beats.iter().filter(|beat| !beat.queues.is_empty());
    assert_eq!(workers.count(), 5, "{beats:?}");
    for name in platform.cluster.names(Kind::Worker) {
        if platform.cluster.member(&name).unwrap().is_running() {
            given += platform.leave(&name).1;
        }
    }
    assert!(
        metrics
            .beats()
            .await
            .unwrap()
            .iter()
            .all(|beat| beat.queues.is_empty())
    );
    let messages = platform.messages();
    println!("{verdict}; {messages} messages, given {given} times");
    assert_eq!(given, messages, "some were given to a worker twice");
}

/// Waits until the worker has done something more than it has now.
async fn is_busy(platform: &mut Platform, name: &str) {
    let began = Instant::now();
    let mut before = None;
    loop {
        let member = platform.cluster.member(name).unwrap();
        let done = member.metric("sendry_worker_messages_total").await.unwrap();
        if before.is_some_and(|before| done > before) {
            return;
        }
        before = before.or(Some(done));
        assert!(
            began.elapsed() < PATIENCE,
            "{name} has done {done} messages, and no more come"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "event times must lie inside the real servers' window"
)]
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixMillis(i64::try_from(since.unwrap().as_millis()).unwrap())
}
