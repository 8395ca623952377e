//! Whatever clients and crashes do, an event counts once.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use sendry_domain::time::UnixMillis;
use sendry_store::adapters::sqlite::SqliteStore;
use sendry_testkit::{
    journal::Journal,
    load::{self, Options, Stop, Targets, Tenant},
    oracle,
    process::Sendry,
};

use crate::support::{BINARY, client, event, eventually, post, settled_ledger, start};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_batch_at_once_from_two_connections_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let up = start(folder.path(), &[]);
    let events: Vec<String> = (0..200)
        .map(|n| event(&format!("e{n}")).replacen("\"eventId\"", "\"requestId\"", 1))
        .collect();
    let body = format!(
        "{{\"batchId\":\"018f0000-0000-7000-8000-00000000000a\",\"events\":[{}]}}",
        events.join(",")
    );
    let key = up.ready.api_key.clone();
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (mut http, key, body) = (client(&up.ready), key.clone(), body.clone());
        sending.spawn(async move { post(&mut http, &key, "/api/v1/events", body).await.status });
    }
    while let Some(status) = sending.join_next().await {
        assert_eq!(status.unwrap(), 202);
    }
    let mut http = client(&up.ready);
    let ledger = eventually(&mut http, "/api/v1/pipeline/ledger", |l| {
        l["data"]["received"] == 1_600
    })
    .await;
    assert_eq!(ledger["data"]["counted"], 200);
    assert_eq!(ledger["data"]["duplicates"], 1_400);

    // One event of it changed: the whole batch is another content under the same name.
    let changed = body.replacen("12.5", "13.5", 1);
    assert_eq!(
        post(&mut http, &key, "/api/v1/events", changed)
            .await
            .status,
        202
    );
    let ledger = eventually(&mut http, "/api/v1/pipeline/ledger", |l| {
        l["data"]["received"] == 1_800
    })
    .await;
    assert_eq!(
        (&ledger["data"]["counted"], &ledger["data"]["conflicts"]),
        (&200.into(), &200.into())
    );
    assert_eq!(ledger["data"]["closes"], true);
    let kept = http
        .get_json("/api/v1/dead-letters?state=conflict&limit=500")
        .await
        .unwrap();
    assert_eq!(
        kept["data"].as_array().unwrap().len(),
        200,
        "conflicts are kept to be seen"
    );
    up.stop().unwrap();
}

/// The long run with 50 kills is `cargo xtask bench kill`.
#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_loses_and_doubles_nothing() {
    const ROUNDS: u64 = 8;
    let folder = tempfile::tempdir().unwrap();
    let now = now();
    let mut up = start(folder.path(), &[]);
    let targets = Targets::at([up.ready.address().unwrap()]);
    let tenant = Tenant {
        name: up.ready.tenant.clone(),
        api_key: up.ready.api_key.clone(),
    };
    let stop = Stop::default();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..4 {
        let options = Options::new(vec![tenant.clone()], number, 7, now);
        let journal = Journal::default();
        clients.spawn(load::run(targets.clone(), options, stop.clone(), journal));
    }
    for round in 0..ROUNDS {
        // Kills fall at different moments of what the process does, from its first milliseconds on.
        tokio::time::sleep(Duration::from_millis(40 + 61 * round)).await;
        up.kill().unwrap();
        up = Sendry::start(Path::new(BINARY), folder.path(), &[]).unwrap();
        targets.set([up.ready.address().unwrap()]);
    }
    stop.stop();
    let mut journal = Journal::default();
    while let Some(part) = clients.join_next().await {
        journal.merge(part.unwrap().unwrap());
    }
    settled_ledger(&mut client(&up.ready)).await;
    up.stop().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db"), Default::default()).unwrap();
    let (from, to) = (UnixMillis(now - 3 * 3_600_000), UnixMillis(now + 3_600_000));
    let verdict = oracle::judge(&store, &store, &journal, from, to)
        .await
        .unwrap();
    assert!(verdict.is_clean() && verdict.confirmed > 100, "{verdict}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "event times must lie inside the real server's window"
)]
fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
}
