//! `sendry tenants purge`, and keys for a vault, on a laptop's folder.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sendry_domain::id::TenantId;
use sendry_store::{RawEventEraser, adapters::sqlite::SqliteStore};
use serde_json::Value;

use crate::support::{
    BINARY, DEADLINE, client, event, post, sendry, settled_ledger, start, stderr, stdout,
};

/// Runs `sendry tenants --data FOLDER ARGS`.
fn tenants(data: &Path, args: &[&str]) -> std::process::Output {
    let mut all = vec!["tenants", "--data", data.to_str().unwrap()];
    all.extend(args);
    sendry(&all)
}

fn looked(data: &Path, name: &str) -> Value {
    let output = tenants(data, &["purge", name, "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the other tenant has, but for the version of anything.
fn stored(data: &Path, name: &str) -> Value {
    looked(data, name)["stored"].clone()
}

/// Sends batches of events with ids of their own and waits until they are counted.
async fn fill(http: &mut sendry_testkit::client::Client, key: &str, name: &str, batches: usize) {
    for batch in 0..batches {
        let events: Vec<_> = (0..1_000)
            .map(|n| event(&format!("{name}-{batch}-{n}")))
            .collect();
        let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
        let began = Instant::now();
        loop {
            let answer = post(http, key, "/api/v1/events", body.clone()).await;
            if answer.status == 202 {
                break;
            }
            // A key that was made a moment ago may not be looked up yet.
            assert!(
                answer.status == 503 && began.elapsed() < DEADLINE,
                "{answer:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let path = format!("/api/v1/pipeline/ledger?tenant={name}");
    let began = Instant::now();
    loop {
        // A tenant that was made a moment ago is not known at once.
        let answer = http.send("GET", &path, &[], Default::default()).await;
        let answer = answer.unwrap().json().unwrap();
        if answer["data"]["counted"].as_u64() == Some(batches as u64 * 1_000) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn one_of_two_tenants_is_erased_killed_in_the_middle_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let up = start(data, &[]);
    assert!(tenants(data, &["put", "acme"]).status.success());
    let key = sendry(&[
        "keys",
        "--data",
        data.to_str().unwrap(),
        "--tenant",
        "acme",
        "create",
    ]);
    let key = stdout(&key).trim().to_owned();
    let mut http = client(&up.ready);
    fill(&mut http, &key, "acme", 20).await;
    let own = up.ready.api_key.clone();
    fill(&mut http, &own, "default", 2).await;
    let account = settled_ledger(&mut http).await;

    // Every refusal says what to do, and erases nothing.
    let says = |args: &[&str], text: &str| {
        let output = tenants(data, args);
        assert!(!output.status.success());
        assert!(stderr(&output).contains(text), "{}", stderr(&output));
    };
    let erase = ["purge", "acme", "--yes", "--confirm", "acme"];
    says(&erase, "in use by process");
    up.stop().unwrap();
    says(&erase, "sendry tenants suspend acme");
    says(&["purge", "acme", "--yes"], "--confirm");
    says(
        &["purge", "acme", "--yes", "--confirm", "acmes"],
        "repeat the tenant's name",
    );
    says(&["purge", "nobody"], "there is no tenant `nobody`");
    assert!(tenants(data, &["suspend", "acme"]).status.success());
    let shown = tenants(data, &["purge", "acme"]);
    let text = stdout(&shown);
    assert!(shown.status.success(), "{}", stderr(&shown));
    for part in [
        "20000",
        "suspended",
        "Nothing was erased",
        "--yes --confirm acme",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let before = stored(data, "default");
    let full = looked(data, "acme")["rows"].as_u64().unwrap();
    assert!(full > 40_000, "{text}");

    // Killed as soon as something is gone.
    let mut child = Command::new(BINARY)
        .args(["tenants", "--data", data.to_str().unwrap()])
        .args(erase)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let store = SqliteStore::open(&data.join("store.db"), Default::default()).unwrap();
    let acme = TenantId::new("acme").unwrap();
    let raw = async || RawEventEraser::footprint(&store, &acme).await.unwrap();
    while raw().await.total() == 20_000 {
        assert!(began.elapsed() < DEADLINE, "nothing is erased");
        if child.try_wait().unwrap().is_some() {
            break;
        }
    }
    let _ = child.kill();
    child.wait().unwrap();
    drop(store);
    assert_eq!(stored(data, "default"), before);

    let output = tenants(data, &erase);
    let gone = "there is no tenant `acme`";
    // It may have come to its end before it was killed.
    assert!(
        output.status.success() || stderr(&output).contains(gone),
        "{}",
        stderr(&output)
    );
    says(&["purge", "acme"], gone);
    assert_eq!(stored(data, "default"), before);

    // The other one goes on, and the name is free for a tenant that knows nothing of the old one.
    let up = start(data, &[]);
    let mut http = client(&up.ready);
    assert_eq!(settled_ledger(&mut http).await, account);
    let old = post(&mut http, &key, "/api/hit", event("late")).await;
    assert_eq!(old.status, 401);
    assert!(tenants(data, &["put", "acme"]).status.success());
    let made = sendry(&[
        "keys",
        "--data",
        data.to_str().unwrap(),
        "--tenant",
        "acme",
        "create",
    ]);
    let key = stdout(&made).trim().to_owned();
    fill(&mut http, &key, "acme", 1).await;
    assert_eq!(settled_ledger(&mut http).await, account);
    up.stop().unwrap();
}

#[test]
fn a_key_for_a_vault_is_made_without_any_store() {
    let nowhere = ["keys", "--data", "/nowhere", "generate"];
    let output = sendry(&[&nowhere[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let key = made["key"].as_str().unwrap();
    let key = sendry_domain::api_key::ApiKey::parse(key).unwrap();
    assert_eq!(made["id"], key.id().as_str());
    assert_eq!(made["fingerprint"], key.hash().fingerprint());
    let text = stdout(&sendry(&nowhere));
    let word = |line: &str| {
        let line = text.lines().find(|l| l.starts_with(line)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    let again = sendry_domain::api_key::ApiKey::parse(&word("key")).unwrap();
    assert_eq!(word("fingerprint"), again.hash().fingerprint());
    assert_ne!(again.expose(), key.expose(), "a new one each time");
}
