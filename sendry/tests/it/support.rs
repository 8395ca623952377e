//! What the tests share.

use std::{
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use bytes::Bytes;
use sendry_testkit::{
    client::{Answer, Client},
    process::{Ready, Sendry},
};
use serde_json::Value;

pub const BINARY: &str = env!("CARGO_BIN_EXE_sendry");
/// The longest anything may take that has to happen.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub fn start(data: &Path, extra: &[&str]) -> Sendry {
    Sendry::start(Path::new(BINARY), data, extra).unwrap()
}

/// Runs the command to its end.
pub fn sendry(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn client(ready: &Ready) -> Client {
    Client::new(ready.address().unwrap())
}

pub async fn post(client: &mut Client, key: &str, path: &str, body: impl Into<Bytes>) -> Answer {
    let headers = [("x-api-key", key), ("content-type", "application/json")];
    client
        .send("POST", path, &headers, body.into())
        .await
        .unwrap()
}

/// An event with an id of its own.
pub fn event(id: &str) -> String {
    format!(
        r#"{{"eventId":"{id}","serviceName":"shop","endpoint":"/orders/:id","method":"GET","statusCode":200,"latencyMs":12.5}}"#
    )
}

/// Asks until `want` is true of the answer; fails with the last one.
pub async fn eventually(client: &mut Client, path: &str, want: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let answer = client.get_json(path).await.unwrap();
        if want(&answer) {
            return answer;
        }
        assert!(began.elapsed() < DEADLINE, "{path} still answers {answer}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The account once nothing waits any more.
pub async fn settled_ledger(client: &mut Client) -> Value {
    let answer = eventually(client, "/api/v1/pipeline/ledger", |answer| {
        let queue = &answer["data"]["queue"];
        queue["ready"] == 0 && queue["unacknowledged"] == 0
    })
    .await;
    answer["data"].clone()
}
