use super::*;
use std::io::ErrorKind;

/// A server that sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = write.shutdown().await;
            });
        }
    });
    address
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn says(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    hears(stream, text.len()).await
}

async fn hears(stream: &mut TcpStream, count: usize) -> std::io::Result<String> {
    let mut answer = vec![0; count];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut answer));
    read.await.expect("an answer in time")?;
    Ok(String::from_utf8(answer).unwrap())
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    let read = tokio::time::timeout(Duration::from_millis(200), stream.read_u8());
    read.await.is_err()
}

#[tokio::test]
async fn a_whole_link_carries_bytes_and_the_end_of_them() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = connect(&proxy).await;
    assert_eq!(says(&mut stream, "one").await.unwrap(), "one");
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "the end came back");
    // More than all buffers hold.
    let (mut read, mut write) = connect(&proxy).await.into_split();
    let sent = vec![7; 8_000_000];
    let expected = sent.clone();
    tokio::spawn(async move {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut back = Vec::new();
    read.read_to_end(&mut back).await.unwrap();
    assert!(back == expected);
}

#[tokio::test]
async fn a_cut_resets_both_ends_and_new_connections_are_whole() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = connect(&proxy).await;
    says(&mut stream, "one").await.unwrap();
    assert_eq!(proxy.connections(), 1);
    proxy.cut();
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(
        says(&mut connect(&proxy).await, "two").await.unwrap(),
        "two"
    );
}

#[tokio::test]
async fn refused_means_that_nobody_listens() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut standing = connect(&proxy).await;
    says(&mut standing, "one").await.unwrap();
    proxy.refuse(true);
    // One that comes just as the listener goes is reset.
    let refused = async {
        loop {
            match TcpStream::connect(proxy.address()).await {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused)
        .await
        .expect("connections to be refused");
    assert_eq!(says(&mut standing, "two").await.unwrap(), "two");
    proxy.refuse(false);
    let mut again = loop {
        if let Ok(stream) = TcpStream::connect(proxy.address()).await {
            break stream;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(says(&mut again, "three").await.unwrap(), "three");
}

#[tokio::test]
async fn a_black_hole_accepts_and_is_silent_until_it_ends() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut standing = connect(&proxy).await;
    says(&mut standing, "one").await.unwrap();
    proxy.black_hole(true);
    let mut new = connect(&proxy).await;
    for stream in [&mut standing, &mut new] {
        stream.write_all(b"late").await.unwrap();
        assert!(is_silent(stream).await);
    }
    proxy.resume();
    for stream in [&mut standing, &mut new] {
        assert_eq!(hears(stream, 4).await.unwrap(), "late");
    }
}

#[tokio::test]
async fn one_direction_is_lost_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
    let mut client = connect(&proxy).await;
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.one_way(Some(Direction::In));
    client.write_all(b"out").await.unwrap();
    assert_eq!(hears(&mut server, 3).await.unwrap(), "out");
    server.write_all(b"in").await.unwrap();
    assert!(is_silent(&mut client).await);
    proxy.one_way(Some(Direction::Out));
    assert_eq!(hears(&mut client, 2).await.unwrap(), "in");
    client.write_all(b"x").await.unwrap();
    assert!(is_silent(&mut server).await);
}

#[tokio::test]
async fn a_delay_is_added_each_way_and_leaves_the_order() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = connect(&proxy).await;
    proxy.delay(Duration::from_millis(100));
    let began = Instant::now();
    for n in 0..20 {
        stream.write_all(&[n]).await.unwrap();
    }
    let mut answer = [0; 20];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert!(answer.is_sorted());
}

#[tokio::test]
async fn an_end_that_is_gone_resets_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
    let mut client = connect(&proxy).await;
    let (server, _) = listener.accept().await.unwrap();
    server.set_zero_linger().unwrap();
    drop(server);
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    drop(listener);
    let error = connect(&proxy).await.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "nobody is there");
}

#[tokio::test]
async fn the_upstream_can_change_and_addresses_are_rewritten() {
    let proxy = Proxy::start(([127, 0, 0, 1], 1).into()).await.unwrap();
    proxy.set_upstream(echo().await);
    assert_eq!(
        says(&mut connect(&proxy).await, "one").await.unwrap(),
        "one"
    );
    let at = proxy.address();
    for (url, through) in [
        ("amqp://u:p@h:1/%2f", format!("amqp://u:p@{at}/%2f")),
        ("mongodb://h:1/?x=y", format!("mongodb://{at}/?x=y")),
        ("http://h:1", format!("http://{at}")),
    ] {
        assert_eq!(proxy.through(url), through);
    }
}
