//! From an empty folder to numbers on the page, and what a second start keeps.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::support::{
    DEADLINE, client, event, eventually, post, sendry, settled_ledger, start, stderr, stdout,
};

/// Each once for one request.
const MEASURED: [&str; 6] = [
    "sendry_ingest_auth_seconds_count",
    "sendry_ingest_parse_seconds_count",
    "sendry_ingest_confirm_seconds_count",
    "sendry_worker_dwell_seconds_count",
    "sendry_worker_transaction_seconds_count",
    "sendry_worker_raw_write_seconds_count",
];

#[tokio::test]
async fn an_empty_folder_becomes_a_counted_request() {
    let folder = tempfile::tempdir().unwrap();
    let up = start(folder.path(), &[]);
    let mut http = client(&up.ready);
    let page = http.send("GET", "/", &[], Bytes::new()).await.unwrap();
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("Sendry"));

    let key = up.ready.api_key.clone();
    let answer = post(
        &mut http,
        &key,
        "/api/v1/events",
        format!("{{\"events\":[{}]}}", event("a")),
    )
    .await;
    assert_eq!(answer.status, 202);
    let answer = answer.json().unwrap();
    assert_eq!(
        (&answer["accepted"], &answer["rejected"]),
        (&1.into(), &0.into())
    );
    let summary = eventually(&mut http, "/api/v1/summary?from=now-15m", |s| {
        s["data"]["requests"] == 1
    })
    .await;
    assert_eq!(summary["data"]["averageMs"], 12.5);

    let mut admin = sendry_testkit::client::Client::new(up.ready.admin_address().unwrap());
    let ready = admin
        .send("GET", "/readyz?verbose", &[], Bytes::new())
        .await
        .unwrap();
    assert_eq!(
        ready.status,
        200,
        "{}",
        String::from_utf8_lossy(&ready.body)
    );
    // What a worker does is measured when it is done, and the raw write after the count that the summary shows.
    let began = Instant::now();
    loop {
        let metrics = admin
            .send("GET", "/metrics", &[], Bytes::new())
            .await
            .unwrap();
        let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
        let lacks = |name: &&str| !metrics.contains(&format!("{name} 1"));
        let Some(name) = MEASURED.into_iter().find(lacks) else {
            break;
        };
        assert!(began.elapsed() < DEADLINE, "{name} is not 1 in\n{metrics}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let outside = http
        .send("GET", "/metrics", &[], Bytes::new())
        .await
        .unwrap();
    assert!(
        !String::from_utf8_lossy(&outside.body).contains("sendry_ingest"),
        "metrics on the public port"
    );
    up.stop().unwrap();
}

#[tokio::test]
async fn a_second_start_has_the_same_key_and_the_same_counts() {
    let folder = tempfile::tempdir().unwrap();
    let up = start(folder.path(), &[]);
    let first = up.ready.clone();
    post(&mut client(&first), &first.api_key, "/api/hit", event("a")).await;
    up.stop().unwrap();
    let up = start(folder.path(), &[]);
    assert_eq!(up.ready.api_key, first.api_key);
    let mut http = client(&up.ready);
    post(&mut http, &first.api_key, "/api/hit", event("b")).await;
    // The same bytes as before the restart: a duplicate, whatever its message.
    post(&mut http, &first.api_key, "/api/hit", event("a")).await;
    let ledger = eventually(&mut http, "/api/v1/pipeline/ledger", |l| {
        l["data"]["received"] == 3
    })
    .await;
    assert_eq!(
        (&ledger["data"]["counted"], &ledger["data"]["duplicates"]),
        (&2.into(), &1.into())
    );
    assert_eq!(settled_ledger(&mut http).await["closes"], true);
    up.stop().unwrap();
}

#[tokio::test]
async fn beyond_loopback_the_api_needs_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let refused = sendry(&["up", "--data", data, "--listen", "0.0.0.0:0"]);
    assert!(!refused.status.success());
    assert!(
        stderr(&refused).contains("--api-token"),
        "{}",
        stderr(&refused)
    );

    let up = start(
        folder.path(),
        &["--listen", "0.0.0.0:0", "--api-token", "s3cret-token"],
    );
    let mut http = client(&up.ready);
    let path = "/api/v1/summary";
    let bare = http.send("GET", path, &[], Bytes::new()).await.unwrap();
    assert_eq!(bare.status, 401);
    let header = [("authorization", "Bearer s3cret-token")];
    assert_eq!(
        http.send("GET", path, &header, Bytes::new())
            .await
            .unwrap()
            .status,
        200
    );
    // Ingest has its own keys.
    let key = up.ready.api_key.clone();
    assert_eq!(
        post(&mut http, &key, "/api/hit", event("a")).await.status,
        202
    );
    assert!(!up.log_tail().contains("s3cret-token"));
    up.stop().unwrap();
}

#[test]
fn settings_tell_their_source_and_keep_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sendry.yaml");
    std::fs::write(&file, "listen: 127.0.0.1:7777\nworkers: 3\n").unwrap();
    let output = std::process::Command::new(crate::support::BINARY)
        .args([
            "up",
            "--config",
            file.to_str().unwrap(),
            "--workers",
            "2",
            "--print-config=json",
        ])
        .env("SENDRY_API_TOKEN", "hunter2")
        .output()
        .unwrap();
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!text.contains("hunter2"), "{text}");
    let settings: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let of = |key: &str| {
        settings
            .iter()
            .find(|s| s["key"] == key)
            .unwrap()
            .to_string()
    };
    assert!(
        of("listen").contains("7777") && of("listen").contains("sendry.yaml"),
        "{text}"
    );
    assert!(
        of("workers").contains("flag") && of("workers").contains('2'),
        "{text}"
    );
    assert!(of("api-token").contains("SENDRY_API_TOKEN"), "{text}");
    assert!(of("demo").contains("default"), "{text}");
}

#[test]
fn help_teaches() {
    let text = stdout(&sendry(&["up", "--help"]));
    for word in [
        "--data",
        "--demo",
        "--listen",
        "--ready-file",
        "SENDRY_LISTEN",
    ] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    assert!(stderr(&sendry(&["up", "--lisen", "x"])).contains("--listen"));
}
