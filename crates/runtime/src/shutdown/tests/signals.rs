//! Signals end processes, so the test is parent and child: it starts this very test program again
//! with a variable that makes it the child.

#![cfg(unix)]

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::super::*;
use crate::config::Environment;

const SOON: Duration = Duration::from_secs(20);
const ROLE: &str = "SENDRY_RUNTIME_TEST_ROLE";

async fn signal(child: &Child, name: &str) {
    let id = child.id().unwrap().to_string();
    // The shell's own `kill`: small images have no program of that name.
    assert!(
        Command::new("sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "kill", name, &id])
            .status()
            .await
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn one_signal_begins_the_shutdown_and_a_second_leaves_at_once() {
    if Environment::process().get(ROLE).is_some() {
        be_the_child().await;
    }
    let this = "shutdown::tests::signals::\
                one_signal_begins_the_shutdown_and_a_second_leaves_at_once";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", this, "--nocapture"])
        .env(ROLE, "child")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut expect = async |expected: &str| loop {
        let line = timeout(SOON, lines.next_line())
            .await
            .expect(expected)
            .unwrap();
        if line.expect(expected) == expected {
            return;
        }
    };
    expect("waiting").await;
    signal(&child, "TERM").await;
    expect("begun").await;
    signal(&child, "INT").await;
    expect("second signal (SIGINT): leaving without finishing").await;
    let status = timeout(SOON, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(130));
}

async fn be_the_child() {
    let shutdown = Shutdown::on_signals().unwrap();
    eprintln!("waiting");
    shutdown.begun().await;
    eprintln!("begun");
    // Never finishes what it has; a parent that fails kills it.
    std::future::pending::<()>().await;
}
