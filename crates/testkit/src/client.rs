//! A small HTTP/1.1 client that keeps its connection: cheap enough to load a server from the same two cores.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// No answer takes longer than five seconds, and on a busy machine a few times that; a client that waits longer has found
/// a hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection, opened when needed.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    patience: Duration,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// There was no connection: surely nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent;

impl std::fmt::Display for NotSent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no connection")
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| {
            format!(
                "{} answered {}",
                self.status,
                String::from_utf8_lossy(&self.body)
            )
        })
    }
}

impl Client {
    /// A client of the server at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            patience: PATIENCE,
            sender: None,
        }
    }

    /// The same that gives an answer up so soon, as applications do that try again elsewhere.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// With [`NotSent`] when there is no connection. When it breaks or no answer comes in time, the request may have been
    /// processed.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let patience = self.patience;
        let outcome =
            tokio::time::timeout(patience, self.exchange(method, path, headers, body)).await;
        let outcome =
            outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {patience:?}")));
        if outcome.is_err() {
            self.sender = None;
        }
        outcome
    }

    /// `GET`, expecting JSON with status 200.
    ///
    /// # Errors
    /// Otherwise.
    pub async fn get_json(&mut self, path: &str) -> anyhow::Result<serde_json::Value> {
        let answer = self.send("GET", path, &[], Bytes::new()).await?;
        anyhow::ensure!(
            answer.status == 200,
            "GET {path}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        answer.json()
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;
        let sender = self.sender().await.context(NotSent)?;
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        Ok(Answer {
            status,
            body: response.into_body().collect().await?.to_bytes(),
        })
    }

    async fn sender(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        let usable = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        self.sender.as_mut().context("a connection was just opened")
    }
}
