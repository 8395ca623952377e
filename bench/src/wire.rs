//! The leanest client: one socket, one request at a time, no task of its own. What is measured is then the server.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A kept connection that sends the same request again and again.
pub struct Wire {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects, with the request ready to be written in one piece.
    pub async fn connect(
        address: SocketAddr,
        path: &str,
        api_key: &str,
        body: &[u8],
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {api_key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        Ok(Self {
            stream,
            request,
            buffer: Vec::with_capacity(4_096),
        })
    }

    /// Sends the request and waits for its 202.
    pub async fn post(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "the server closed"
            );
            let Some(head) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") else {
                continue;
            };
            let text = std::str::from_utf8(&self.buffer[..head])?;
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .context("an answer without a length")?;
            if self.buffer.len() < head + 4 + length.parse::<usize>()? {
                continue;
            }
            if !text.starts_with("HTTP/1.1 202 ") {
                bail!("{}", String::from_utf8_lossy(&self.buffer));
            }
            return Ok(());
        }
    }
}
