//! Servers of a test's own: several at once, killed, paused and started again with what they held.
//!
//! Each needs the servers installed, as `cargo xtask test` does before it runs this.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside of `#[test]` functions"
)]

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    time::Duration,
};

mod kubernetes;
mod node;

use sendry_servers::{
    mongo::Mongo,
    postgres::{self, Postgres},
    probe,
    process::Id,
    rabbitmq::{self, RabbitMq},
};

fn is_running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn answers_amqp(node: &RabbitMq) -> bool {
    probe::amqp(probe::local(node.port())).is_ok()
}

#[test]
fn two_rabbitmq_nodes_run_side_by_side_and_one_is_killed() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut one, two) = std::thread::scope(|scope| {
        let start = |folder: &tempfile::TempDir| {
            let path = folder.path().to_owned();
            scope.spawn(move || RabbitMq::start(&path, &rabbitmq::Options::default()).unwrap())
        };
        let (a, b) = (start(&one), start(&two));
        (a.join().unwrap(), b.join().unwrap())
    });
    one.ctl(&["add_vhost", "kept"]).unwrap();
    let family = Id::of(one.pid()).unwrap().family();
    assert!(family.len() > 1, "the node has helpers: {family:?}");
    one.kill().unwrap();
    assert!(family.iter().all(|id| !id.is_running()), "{family:?}");
    assert!(!answers_amqp(&one) && answers_amqp(&two));

    one.restart().unwrap();
    let hosts = one.ctl(&["list_vhosts"]).unwrap();
    assert!(hosts.contains("kept"), "{hosts}");
    assert!(!two.ctl(&["list_vhosts"]).unwrap().contains("kept"));
}

#[test]
fn postgres_comes_back_with_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Postgres::start(folder.path(), &postgres::Options::default()).unwrap();
    let ask = |server: &Postgres, sql: &str| server.query("postgres", sql).unwrap();
    assert_eq!(ask(&server, "show fsync"), [[Some("on".to_owned())]]);
    ask(&server, "create table t (n int); insert into t values (42)");
    let family = Id::of(server.pid()).unwrap().family();
    server.kill().unwrap();
    assert!(family.len() > 3 && family.iter().all(|id| !id.is_running()));
    server.restart().unwrap();
    assert_eq!(ask(&server, "select n from t"), [[Some("42".to_owned())]]);

    let address = probe::local(server.port());
    server.pause();
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    // A question about encryption, which a running server answers at once.
    waiting.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    assert!(waiting.read(&mut [0]).is_err(), "it stands still");
    server.resume();
    assert_eq!(ask(&server, "select 1").len(), 1);

    let pid = server.pid();
    drop(server);
    assert!(!is_running(pid));
}

/// Where we may mount, as the fault suite needs it.
#[test]
fn postgres_in_a_small_room_runs_out_of_it_and_goes_on_when_there_is_room() {
    if !sendry_servers::machine::is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = postgres::Options {
        room_mib: Some(160),
        settings: vec![("max_wal_size".to_owned(), "64MB".to_owned())],
        ..postgres::Options::default()
    };
    let mut server = Postgres::start(folder.path(), &options).unwrap();
    let ballast = server.data().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 65_536]).is_ok() {}
    let fill = "create table t as select repeat('x', 1000) from generate_series(1, 100000)";
    assert!(server.query("postgres", fill).is_err(), "there is no room");
    std::fs::remove_file(ballast).unwrap();
    server.restart().unwrap();
    assert_eq!(server.query("postgres", "select 1").unwrap().len(), 1);
}

#[test]
fn the_mongodb_server_comes_back_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Mongo::start(folder.path()).unwrap();
    let address = probe::local(server.port());
    probe::mongodb(address).unwrap();
    let pid = server.pid();
    server.kill().unwrap();
    assert!(!is_running(pid) && probe::mongodb(address).is_err());
    server.restart().unwrap();
    probe::mongodb(address).unwrap();
}

#[test]
fn stores_and_broker_listen_where_pods_reach_them_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    // Of this machine, and not the one that everybody means by it.
    let address = Ipv4Addr::new(127, 0, 0, 2);
    let rabbit = rabbitmq::Options {
        address,
        ..rabbitmq::Options::default()
    };
    let postgres = postgres::Options {
        address,
        ..postgres::Options::default()
    };
    let path = folder.path();
    let (rabbit, postgres, mongo) = std::thread::scope(|scope| {
        let rabbit = scope.spawn(|| RabbitMq::start(path, &rabbit).unwrap());
        let postgres = scope.spawn(|| Postgres::start(path, &postgres).unwrap());
        let mongo = scope.spawn(|| Mongo::start_at(path, address).unwrap());
        (
            rabbit.join().unwrap(),
            postgres.join().unwrap(),
            mongo.join().unwrap(),
        )
    });
    let urls = [
        rabbit.url(),
        rabbit.management_url(),
        postgres.url(),
        mongo.url(),
    ];
    assert!(urls.iter().all(|url| url.contains("127.0.0.2")), "{urls:?}");
    for port in [rabbit.port(), postgres.port(), mongo.port()] {
        assert!(TcpStream::connect((address, port)).is_ok(), "{port}");
        assert!(TcpStream::connect(probe::local(port)).is_err(), "{port}");
    }
}
