use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::super::*;

/// Longer than anything here takes on a loaded machine.
const SOON: Duration = Duration::from_secs(20);

/// A server whose `/slow` says when it was entered and answers when released.
struct Server {
    address: SocketAddr,
    entered: Arc<Notify>,
    /// Requests in `/slow`.
    inside: Arc<AtomicUsize>,
    release: Arc<Notify>,
    shutdown: CancellationToken,
    served: JoinHandle<Served>,
}

impl Server {
    async fn start(limits: ServeLimits) -> Self {
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let inside = Arc::new(AtomicUsize::new(0));
        let slow = {
            let (entered, inside, release) = (entered.clone(), inside.clone(), release.clone());
            move || async move {
                inside.fetch_add(1, Ordering::SeqCst);
                entered.notify_one();
                release.notified().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                "finished"
            }
        };
        let router = Router::new().route("/slow", get(slow)).route(
            "/peer",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
        Self {
            address,
            entered,
            inside,
            release,
            shutdown,
            served,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ended(self) -> Served {
        timeout(SOON, self.served)
            .await
            .expect("the server ends")
            .unwrap()
    }
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn get_path(stream: &mut TcpStream, path: &str) {
    send(stream, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
}

/// Everything until the server closes.
async fn to_end(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let read = timeout(SOON, stream.read_to_string(&mut text))
        .await
        .expect("the server closes");
    // A reset is a close as well.
    if let Err(error) = read {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    text
}

/// Until `end` was read.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut byte = [0];
        timeout(SOON, stream.read_exact(&mut byte))
            .await
            .expect("an answer in time")
            .unwrap();
        text.push(char::from(byte[0]));
    }
    text
}

#[tokio::test]
async fn handlers_see_the_peer_and_connections_are_kept() {
    let server = Server::start(ServeLimits::default()).await;
    let mut client = server.connect().await;
    let own = client.local_addr().unwrap().to_string();
    for _ in 0..2 {
        get_path(&mut client, "/peer").await;
        assert!(
            until(&mut client, &own)
                .await
                .starts_with("HTTP/1.1 200 OK")
        );
    }
    server.shutdown.cancel();
    assert_eq!(
        to_end(&mut client).await,
        "",
        "an idle connection is closed"
    );
    assert_eq!(server.ended().await, Served { cut: 0 });
}

#[tokio::test]
async fn shutdown_finishes_what_is_being_answered_and_refuses_what_is_new() {
    let server = Server::start(ServeLimits::default()).await;
    let mut silent = server.connect().await;
    let mut client = server.connect().await;
    get_path(&mut client, "/slow").await;
    timeout(SOON, server.entered.notified()).await.unwrap();

    server.shutdown.cancel();
    let deadline = Instant::now() + SOON;
    while TcpStream::connect(server.address).await.is_ok() {
        assert!(Instant::now() < deadline, "still accepts connections");
        tokio::task::yield_now().await;
    }
    assert!(
        !server.served.is_finished(),
        "waits for the request in flight"
    );

    server.release.notify_one();
    let answer = to_end(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert!(answer.ends_with("finished"), "{answer}");
    assert_eq!(to_end(&mut silent).await, "");
    assert_eq!(server.ended().await, Served { cut: 0 });
}

#[tokio::test]
async fn what_outlives_the_grace_period_is_cut() {
    let limits = ServeLimits {
        grace: Duration::from_millis(50),
        ..ServeLimits::default()
    };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    get_path(&mut client, "/slow").await;
    timeout(SOON, server.entered.notified()).await.unwrap();
    server.shutdown.cancel();
    assert_eq!(to_end(&mut client).await, "");
    assert_eq!(server.ended().await, Served { cut: 1 });
}

// The limits of the two tests below are long enough for a client on a loaded machine to send its
// head in time; what they assert are lower bounds.

#[tokio::test]
async fn a_slow_head_is_cut_and_a_slow_handler_is_not() {
    let header_timeout = Duration::from_secs(1);
    let server = Server::start(ServeLimits {
        header_timeout,
        ..ServeLimits::default()
    })
    .await;
    let mut working = server.connect().await;
    get_path(&mut working, "/slow").await;
    timeout(SOON, server.entered.notified()).await.unwrap();

    let started = Instant::now();
    let (mut slow, mut mute) = (server.connect().await, server.connect().await);
    send(&mut slow, "GET /peer HTTP/1.1\r\nHost:").await;
    assert_eq!(
        tokio::join!(to_end(&mut slow), to_end(&mut mute)),
        ("".into(), "".into())
    );
    assert!(started.elapsed() >= header_timeout);

    server.release.notify_one();
    assert!(
        until(&mut working, "finished")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
    // A second request on the kept connection, begun and not ended.
    send(&mut working, "GET /peer").await;
    assert_eq!(to_end(&mut working).await, "");
}

#[tokio::test]
async fn an_idle_connection_outlives_the_header_time_out_and_not_the_idle_one() {
    let limits = ServeLimits {
        header_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(2),
        ..ServeLimits::default()
    };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    let own = client.local_addr().unwrap().to_string();
    let begun = Instant::now();
    get_path(&mut client, "/peer").await;
    until(&mut client, &own).await;
    assert_eq!(to_end(&mut client).await, "");
    assert!(
        begun.elapsed() >= limits.idle_timeout,
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let server = Server::start(ServeLimits {
        max_headers: 4,
        ..ServeLimits::default()
    })
    .await;
    let mut client = server.connect().await;
    let lines = "X: y\r\n".repeat(4);
    send(
        &mut client,
        &format!("GET /peer HTTP/1.1\r\nHost: x\r\n{lines}\r\n"),
    )
    .await;
    assert!(to_end(&mut client).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn connections_over_the_cap_wait_for_a_slot() {
    let server = Server::start(ServeLimits {
        max_connections: 1,
        ..ServeLimits::default()
    })
    .await;
    let mut clients = JoinSet::new();
    for _ in 0..5 {
        let mut client = server.connect().await;
        clients.spawn(async move {
            send(
                &mut client,
                "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            )
            .await;
            to_end(&mut client).await
        });
    }
    for _ in 0..5 {
        timeout(SOON, server.entered.notified())
            .await
            .expect("the next one has the slot");
        assert_eq!(server.inside.load(Ordering::SeqCst), 1);
        server.release.notify_one();
        let answer = timeout(SOON, clients.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert!(answer.ends_with("finished"), "{answer}");
    }
}
