//! A TCP proxy that breaks links as networks do.
//!
//! What is held back by a black hole or a lost direction is not thrown away: TCP would send it again, so when the link is
//! whole again it arrives, late. A cut is a reset of every connection, with what was under way lost.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use sendry_servers::port::Port;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

/// Bytes read at a time, and how many such pieces wait for their time: about what a socket's buffers hold.
const PIECE: usize = 16_384;
const PIECES: usize = 64;

/// The way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From client to server.
    Out,
    /// From server to client.
    In,
}

/// What is wrong with the link now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Faults {
    refuse: bool,
    black_hole: bool,
    lost: Option<Direction>,
    delay: Duration,
    cuts: u64,
}

impl Faults {
    fn holds(&self, direction: Direction) -> bool {
        self.black_hole || self.lost == Some(direction)
    }
}

/// A link to a server, listening on a port of its own.
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    upstream: Arc<watch::Sender<SocketAddr>>,
    faults: Arc<watch::Sender<Faults>>,
    open: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A whole link to `upstream`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(upstream: SocketAddr) -> anyhow::Result<Self> {
        let port = Port::free()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port.number));
        let listener = TcpListener::bind(address)
            .await
            .context("failed to listen for the proxy")?;
        let upstream = Arc::new(watch::Sender::new(upstream));
        let faults = Arc::new(watch::Sender::new(Faults::default()));
        let open = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(
            listener,
            upstream.clone(),
            faults.clone(),
            open.clone(),
        ));
        Ok(Self {
            port,
            upstream,
            faults,
            open,
            accepting,
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port.number).into()
    }

    /// `url` with this link in place of its host and port.
    #[must_use]
    pub fn through(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let user = authority
            .rsplit_once('@')
            .map_or(String::new(), |(user, _)| format!("{user}@"));
        format!("{scheme}://{user}{}{path}", self.address())
    }

    /// New connections go there from now on.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        self.upstream.send_replace(upstream);
    }

    /// Resets every connection.
    pub fn cut(&self) {
        self.faults.send_modify(|faults| faults.cuts += 1);
    }

    /// Nobody listens, while `on`. Connections that stand go on.
    pub fn refuse(&self, on: bool) {
        self.faults.send_modify(|faults| faults.refuse = on);
    }

    /// Connections are accepted and nothing comes of them, while `on`; nor of those that stand.
    pub fn black_hole(&self, on: bool) {
        self.faults.send_modify(|faults| faults.black_hole = on);
    }

    /// What goes this way does not arrive.
    pub fn one_way(&self, lost: Option<Direction>) {
        self.faults.send_modify(|faults| faults.lost = lost);
    }

    /// Everything takes this much longer, each way.
    pub fn delay(&self, delay: Duration) {
        self.faults.send_modify(|faults| faults.delay = delay);
    }

    /// The link is whole again.
    pub fn resume(&self) {
        self.faults.send_modify(|faults| {
            *faults = Faults {
                cuts: faults.cuts,
                ..Faults::default()
            };
        });
    }

    /// How many connections stand.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(
    mut listener: TcpListener,
    upstream: Arc<watch::Sender<SocketAddr>>,
    sender: Arc<watch::Sender<Faults>>,
    open: Arc<AtomicU64>,
) {
    let mut faults = sender.subscribe();
    let Ok(address) = listener.local_addr() else {
        return;
    };
    loop {
        tokio::select! {
            biased;
            refused = async { faults.wait_for(|now| now.refuse).await.is_ok() } => {
                if !refused {
                    return;
                }
                drop(listener);
                if faults.wait_for(|now| !now.refuse).await.is_err() {
                    return;
                }
                listener = loop {
                    if let Ok(listener) = TcpListener::bind(address).await {
                        break listener;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                };
            }
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    let (upstream, faults) = (*upstream.borrow(), sender.subscribe());
                    let open = open.clone();
                    tokio::spawn(async move {
                        open.fetch_add(1, Ordering::SeqCst);
                        serve(client, upstream, faults).await;
                        open.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            }
        }
    }
}

/// One connection, until both ends have closed it, one is reset, or the link is cut.
async fn serve(mut client: TcpStream, upstream: SocketAddr, faults: watch::Receiver<Faults>) {
    let mut cut = faults.clone();
    let cuts = cut.borrow_and_update().cuts;
    let cut = async move {
        let _ = cut.wait_for(|now| now.cuts != cuts).await;
    };
    tokio::pin!(cut);
    let mut gate = faults.clone();
    let connect = async {
        let _ = gate.wait_for(|now| !now.black_hole).await;
        TcpStream::connect(upstream).await
    };
    let connected = tokio::select! {
        () = &mut cut => None,
        connected = connect => connected.ok(),
    };
    let Some(mut server) = connected else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let whole = {
        let (client_read, client_write) = client.split();
        let (server_read, server_write) = server.split();
        let both = async {
            tokio::try_join!(
                pump(client_read, server_write, Direction::Out, faults.clone()),
                pump(server_read, client_write, Direction::In, faults),
            )
        };
        tokio::select! {
            () = &mut cut => false,
            done = both => done.is_ok(),
        }
    };
    if !whole {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Carries bytes one way until their end. An error is the end of the whole connection.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    mut faults: watch::Receiver<Faults>,
) -> std::io::Result<()> {
    let (pieces, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let arrivals = faults.clone();
    let reading = async move {
        loop {
            let mut piece = vec![0; PIECE];
            let count = from.read(&mut piece).await?;
            piece.truncate(count);
            let at = Instant::now() + arrivals.borrow().delay;
            // An empty piece is the end, and takes its time as well.
            if pieces.send((at, piece)).await.is_err() || count == 0 {
                return std::io::Result::Ok(());
            }
        }
    };
    let writing = async move {
        while let Some((at, piece)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            let _ = faults.wait_for(|now| !now.holds(direction)).await;
            if piece.is_empty() {
                return to.shutdown().await;
            }
            to.write_all(&piece).await?;
        }
        Ok(())
    };
    tokio::try_join!(reading, writing).map(drop)
}

#[cfg(test)]
mod tests;
