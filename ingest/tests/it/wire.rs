//! A real socket, where what the client sees depends on what was read.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    client::{BATCH, HIT, event, good},
    faults_queue::Fault,
    harness::{Stage, eventually},
    socket::{PATIENCE, Server, answer, head, pour},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_pours_50_mib_is_told_413() {
    let stage = Stage::new().await;
    let server = Server::of(&stage).await;
    let piece = vec![b' '; 64 * 1024];
    let chunk = [b"10000\r\n", &piece[..], b"\r\n"].concat();
    for (more, piece) in [
        (format!("content-length: {}\r\n", 800 * piece.len()), &piece),
        ("transfer-encoding: chunked\r\n".to_owned(), &chunk),
    ] {
        let (mut reader, mut writer) = server.connect().await.into_split();
        writer
            .write_all(head(BATCH, &more).as_bytes())
            .await
            .unwrap();
        let (_, (status, problem)) =
            tokio::join!(pour(&mut writer, piece, 800), answer(&mut reader));
        assert_eq!(
            (status, &problem["code"]),
            (413, &"body_too_large".into()),
            "{more}"
        );
        server.works().await;
    }
    stage.drain("default").await;
    stage.works_and_is_clean().await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_first_need_not_send_its_50_mib() {
    let stage = Stage::new().await;
    let server = Server::of(&stage).await;
    let mut stream = server.connect().await;
    let more = "content-length: 52428800\r\nexpect: 100-continue\r\n";
    stream
        .write_all(head(BATCH, more).as_bytes())
        .await
        .unwrap();
    let (status, problem) = answer(&mut stream).await;
    assert_eq!(
        (status, &problem["code"]),
        (413, &"body_too_large".into()),
        "and no 100 before"
    );
    server.works().await;
    server.stop().await;
}

#[tokio::test]
async fn a_connection_goes_on_after_a_refusal() {
    let stage = Stage::new().await;
    let server = Server::of(&stage).await;
    let mut stream = server.connect().await;
    let good = good(BATCH);
    for (body, status) in [
        ("{", 400),
        (&*good, 202),
        ("[]", 422),
        ("{}", 422),
        (&*good, 202),
    ] {
        let head = head(BATCH, &format!("content-length: {}\r\n", body.len()));
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
        assert_eq!(answer(&mut stream).await.0, status, "{body}");
    }
    drop(stream);
    assert_eq!(stage.drain("default").await.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_half_way_leaves_nothing() {
    let stage = Stage::new().await;
    let server = Server::of(&stage).await;
    for cut in [0, 1, 40] {
        let mut stream = server.connect().await;
        let text = good(BATCH);
        let head = head(BATCH, &format!("content-length: {}\r\n", text.len()));
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&text.as_bytes()[..cut]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut rest))
            .await
            .unwrap()
            .unwrap();
        let told = String::from_utf8_lossy(&rest);
        assert!(
            told.is_empty() || told.contains("incomplete_body"),
            "{told}"
        );
    }
    stage.works_and_is_clean().await;
    server.stop().await;
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_server_leaves() {
    let stage = Stage::new().await;
    let wait = Duration::from_millis(200);
    stage.queue.fail(Fault::After(wait));
    let server = Server::of(&stage).await;
    let mut stream = server.connect().await;
    let text = event("");
    let head = head(HIT, &format!("content-length: {}\r\n", text.len()));
    stream
        .write_all(format!("{head}{text}").as_bytes())
        .await
        .unwrap();
    let begun = || (stage.queue.publishes() == 1).then_some(());
    let seen = || format!("{} publishes", stage.queue.publishes());
    eventually("the publish to begin", begun, seen).await;
    server.stop.cancel();
    assert_eq!(answer(&mut stream).await.0, 202);
    server.stop().await;
    assert_eq!(stage.drain("default").await.len(), 1);
}
