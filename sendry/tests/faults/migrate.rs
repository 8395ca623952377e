//! `sendry migrate` beside stores that come up later, or never.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sendry_servers::{mongo::Mongo, postgres::Postgres};

const BINARY: &str = env!("CARGO_BIN_EXE_sendry");
/// Far below what it waits for where nothing is said.
const AT_ONCE: Duration = Duration::from_secs(60);

fn migrate(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().arg("migrate").args(args);
    command
}

/// What it said, having failed.
fn failed(args: &[&str]) -> String {
    let output = migrate(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    said
}

#[test]
fn a_database_that_comes_up_later_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut postgres = Postgres::start(folder.path(), &Default::default()).unwrap();
    let url = postgres.url();
    postgres.stop().unwrap();
    let mut migrating = migrate(&["--postgres-url", &url, "--wait", "120"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(migrating.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("will try again") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended at once");
    }
    postgres.restart().unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(migrating.wait().unwrap().success(), "{rest}");
    let sql = "SELECT count(*) FROM sendry.schema_step";
    let steps = postgres.query("postgres", sql).unwrap();
    assert_ne!(steps[0][0].as_deref(), Some("0"));
}

#[test]
fn it_gives_up_when_told_and_says_what_was_away() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let url = format!("postgres://127.0.0.1:{port}/postgres");
    let said = failed(&["--postgres-url", &url, "--wait", "1"]);
    let told = "PostgreSQL was away for --wait 1 s";
    assert!(
        said.contains(told) && said.contains(&port.to_string()),
        "{said}"
    );
}

#[test]
fn what_waiting_does_not_cure_fails_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(folder.path(), &Default::default()).unwrap();
    let url = postgres.url();
    let nowhere = sendry_testkit::cluster::with_database(&url, "nowhere");
    let mongo = Mongo::start(folder.path()).unwrap();
    let stranger = mongo.url().replace("mongodb://", "mongodb://ann:s3cret@");
    let with = |mongodb: &str| {
        let args = ["--postgres-url", &url, "--mongodb-url", mongodb];
        args.map(str::to_owned).to_vec()
    };
    let alone = |postgres: &str| vec!["--postgres-url".to_owned(), postgres.to_owned()];
    for (args, says) in [
        (alone(&nowhere), "nowhere"),
        (alone("http://p"), "postgres://user:password"),
        (with("http://mongodb"), "address of MongoDB"),
        (with(&stranger), "Authentication failed"),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let since = Instant::now();
        let said = failed(&args);
        assert!(said.contains(says), "{args:?}: {said}");
        assert!(!said.contains("will try again"), "{said}");
        assert!(since.elapsed() < AT_ONCE, "{args:?}: {:?}", since.elapsed());
    }
}
