//! A wire between the adapter and the real broker that can be stopped, cut, and made to say `connection.blocked`, which
//! the broker itself says only when it is short of disk or memory.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use sendry_servers::{Server, url};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{AmqpOptions, QueueName, Vhost};

/// `connection.blocked` with the reason `low on disk`, and `connection.unblocked`.
const BLOCKED: &[u8] = b"\x01\x00\x00\x00\x00\x00\x10\x00\x0a\x00\x3c\x0blow on disk\xce";
const UNBLOCKED: &[u8] = b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x3d\xce";

pub struct Proxy {
    port: u16,
    wires: Arc<Mutex<Vec<Wire>>>,
    hanging: Hanging,
    accepting: JoinHandle<()>,
}

/// The queue that hangs.
type Hanging = Arc<Mutex<Option<String>>>;

/// One connection through the proxy.
struct Wire {
    /// To the broker, from the broker: whether bytes pass.
    pass: watch::Sender<(bool, bool)>,
    /// Frames to put into what the broker says.
    inject: mpsc::UnboundedSender<&'static [u8]>,
    copying: Vec<JoinHandle<()>>,
}

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let wires: Arc<Mutex<Vec<Wire>>> = Arc::default();
        let accepted = Arc::clone(&wires);
        let hanging = Hanging::default();
        let hangs = Arc::clone(&hanging);
        let accepting = tokio::spawn(async move {
            let uri: lapin::uri::AMQPUri = url(Server::Amqp).parse().unwrap();
            let broker = (uri.authority.host, uri.authority.port);
            while let Ok((client, _)) = listener.accept().await {
                let broker = TcpStream::connect(broker.clone()).await.unwrap();
                accepted
                    .lock()
                    .unwrap()
                    .push(wire(client, broker, Arc::clone(&hangs)));
            }
        });
        Self {
            port,
            wires,
            hanging,
            accepting,
        }
    }

    /// The options of `vhost`, through the proxy.
    pub fn options(&self, vhost: &Vhost) -> AmqpOptions {
        let mut options = super::options(vhost);
        options.uri.authority.host = "127.0.0.1".to_owned();
        options.uri.authority.port = self.port;
        options
    }

    /// How many connections were made through it.
    pub fn connections(&self) -> usize {
        self.wires.lock().unwrap().len()
    }

    /// The broker blocks: says so, and reads no more.
    pub fn block(&self) {
        self.each(|wire| {
            wire.pass.send_replace((false, true));
            // A connection that has ended hears nothing.
            let _ = wire.inject.send(BLOCKED);
        });
    }

    pub fn unblock(&self) {
        self.each(|wire| {
            wire.pass.send_replace((true, true));
            let _ = wire.inject.send(UNBLOCKED);
        });
    }

    /// Nothing the broker says arrives any more on the connections there are; new ones work.
    pub fn silence(&self) {
        self.each(|wire| {
            wire.pass.send_replace((true, false));
        });
    }

    /// Nothing passes either way on the connections there are.
    pub fn freeze(&self) {
        self.each(|wire| {
            wire.pass.send_replace((false, false));
        });
    }

    /// One queue hangs: whoever asks about it hears nothing on that channel any more, as the broker answers in order.
    pub fn hang(&self, queue: &QueueName) {
        *self.hanging.lock().unwrap() = Some(queue.to_string());
    }

    /// Ends the connections there are.
    pub fn cut(&self) {
        self.each(|wire| wire.copying.iter().for_each(JoinHandle::abort));
    }

    fn each(&self, act: impl FnMut(&Wire)) {
        self.wires.lock().unwrap().iter().for_each(act);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

fn wire(client: TcpStream, broker: TcpStream, hanging: Hanging) -> Wire {
    for stream in [&client, &broker] {
        stream.set_nodelay(true).unwrap();
    }
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let (pass, gate) = watch::channel((true, true));
    let (inject, injected) = mpsc::unbounded_channel();
    let up = tokio::spawn(up(from_client, to_broker, gate.clone()));
    let down = tokio::spawn(down(from_broker, to_client, gate, injected, hanging));
    Wire {
        pass,
        inject,
        copying: vec![up, down],
    }
}

async fn up(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut gate: watch::Receiver<(bool, bool)>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let open = gate.wait_for(|(up, _)| *up).await.is_ok();
        if !open || to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// Copies frame by frame, so that another can be put between two.
async fn down(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut gate: watch::Receiver<(bool, bool)>,
    mut injected: mpsc::UnboundedReceiver<&'static [u8]>,
    hanging: Hanging,
) {
    let (mut chunk, mut came) = (vec![0; 64 << 10], Vec::new());
    let mut hung: HashSet<[u8; 2]> = HashSet::new();
    loop {
        tokio::select! {
            Some(frame) = injected.recv() => if to.write_all(frame).await.is_err() { return },
            read = from.read(&mut chunk) => match read {
                Ok(n @ 1..) => came.extend_from_slice(&chunk[..n]),
                _ => return,
            },
        }
        let (mut whole, mut heard) = (0, Vec::new());
        while let Some([_, _, _, size @ ..]) = came.get(whole..whole + 7) {
            let size: [u8; 4] = size.try_into().unwrap();
            let end = whole + 7 + u32::from_be_bytes(size) as usize + 1;
            if came.len() < end {
                break;
            }
            let frame = &came[whole..end];
            let channel = [frame[1], frame[2]];
            let hangs = hanging.lock().unwrap().clone();
            if hangs.is_some_and(|queue| frame.windows(queue.len()).any(|w| w == queue.as_bytes()))
            {
                hung.insert(channel);
            }
            if !hung.contains(&channel) {
                heard.extend_from_slice(frame);
            }
            whole = end;
        }
        if whole > 0 {
            let open = gate.wait_for(|(_, down)| *down).await.is_ok();
            if !open || to.write_all(&heard).await.is_err() {
                return;
            }
            came.drain(..whole);
        }
    }
}
