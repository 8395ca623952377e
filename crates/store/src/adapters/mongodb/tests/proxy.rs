//! A proxy before the server that breaks connections at a chosen byte.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use sendry_servers::{Server, url};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the proxy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything.
    Pass,
    /// Passes so many bytes of a connection's requests, then goes away.
    CutRequest(usize),
    /// Once so many bytes of a connection's requests passed, keeps its replies, then goes away.
    CutReply(usize),
    /// Closes every connection at once.
    Away,
    /// Swallows every byte.
    Silent,
}

/// A running proxy; it ends with the test's runtime.
pub struct Proxy {
    pub address: SocketAddr,
    mode: Arc<Mutex<Mode>>,
}

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mode = Arc::new(Mutex::new(Mode::Pass));
        let shared = mode.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if *shared.lock().unwrap() != Mode::Away {
                    tokio::spawn(relay(client, shared.clone()));
                }
            }
        });
        Self { address, mode }
    }

    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }
}

async fn relay(client: TcpStream, mode: Arc<Mutex<Mode>>) {
    let server = url(Server::Mongodb);
    let server = server.trim_start_matches("mongodb://");
    let server = server.split('/').next().unwrap();
    let server = server.rsplit('@').next().unwrap().to_owned();
    let server = TcpStream::connect(server).await.unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = Arc::new(Mutex::new(0));
    let sent = requests.clone();
    let silent = || *mode.lock().unwrap() == Mode::Silent;
    // Whichever ends first takes the other and both connections with it.
    tokio::select! {
        () = pump(from_client, to_server, silent, |bytes| {
            let mut sent = requests.lock().unwrap();
            *sent += bytes;
            let mut mode = mode.lock().unwrap();
            match *mode {
                Mode::CutRequest(limit) if *sent > limit => {
                    *mode = Mode::Away;
                    false
                }
                now => now != Mode::Away,
            }
        }) => {}
        () = pump(from_server, to_client, silent, |_| {
            let mut mode = mode.lock().unwrap();
            match *mode {
                Mode::CutReply(limit) if *sent.lock().unwrap() > limit => {
                    *mode = Mode::Away;
                    false
                }
                now => now != Mode::Away,
            }
        }) => {}
    }
}

/// Passes bytes as long as `pass`, asked before each piece, says so.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    silent: impl Fn() -> bool,
    pass: impl Fn(usize) -> bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer).await {
        if silent() {
            continue;
        }
        if !pass(bytes) || to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
}
