//! Ingest behind a real socket, and a client that writes what it likes.

use std::{net::SocketAddr, time::Duration};

use sendry_runtime::http::{ServeLimits, Served, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::{HIT, event},
    harness::{Stage, key},
};

pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Server {
    pub address: SocketAddr,
    pub stop: CancellationToken,
    served: JoinHandle<Served>,
}

impl Server {
    pub async fn of(stage: &Stage) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = serve(
            listener,
            stage.router.clone(),
            ServeLimits::default(),
            stop.clone(),
        );
        Self {
            address,
            stop,
            served: tokio::spawn(serving),
        }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A good request on a connection of its own is still answered.
    pub async fn works(&self) {
        let mut stream = self.connect().await;
        let text = event("");
        let head = head(HIT, &format!("content-length: {}\r\n", text.len()));
        stream
            .write_all(format!("{head}{text}").as_bytes())
            .await
            .unwrap();
        assert_eq!(answer(&mut stream).await.0, 202);
    }

    pub async fn stop(self) {
        self.stop.cancel();
        assert_eq!(
            timeout(PATIENCE, self.served).await.unwrap().unwrap(),
            Served { cut: 0 }
        );
    }
}

pub fn head(route: &str, more: &str) -> String {
    let key = key(1);
    format!(
        "POST {route} HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\ncontent-type: application/json\r\n{more}\r\n",
        key.expose()
    )
}

/// One answer: its status and its JSON.
pub async fn answer(stream: &mut (impl AsyncReadExt + Unpin)) -> (u16, serde_json::Value) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "));
            let length: usize = length.unwrap_or("0").parse().unwrap();
            if body.len() >= length {
                let status = head[9..12].parse().unwrap();
                return (
                    status,
                    serde_json::from_str(&body[..length]).unwrap_or_default(),
                );
            }
        }
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
        let read = read.unwrap_or_else(|_| panic!("no answer, only {text:?}"));
        assert!(read.unwrap() > 0, "closed after {text:?}");
    }
}

/// Sends until the other side has enough.
pub async fn pour(stream: &mut (impl AsyncWriteExt + Unpin), piece: &[u8], times: usize) {
    for _ in 0..times {
        if stream.write_all(piece).await.is_err() {
            return;
        }
    }
}
