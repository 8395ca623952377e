//! Between an operator and the API server: writes down what passes, and can stop passing anything.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use kube::{Client, Config, client::Body as KubeBody};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// Most bytes of a request.
const MOST: usize = 10 << 20;

pub struct Proxy {
    pub address: SocketAddr,
    with: With,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct With {
    client: Client,
    asked: Arc<Mutex<Vec<Asked>>>,
    open: watch::Sender<bool>,
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub path: String,
}

impl Asked {
    /// Whether it writes something that is not a lease.
    pub fn is_write(&self) -> bool {
        self.method != "GET" && !self.path.contains("/leases")
    }
}

impl Proxy {
    /// To where `client` goes.
    pub async fn start(client: Client) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let with = With {
            client,
            asked: Arc::default(),
            open: watch::Sender::new(true),
        };
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(pass).with_state(with.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            address,
            with,
            task,
        }
    }

    /// What came so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.with.asked.lock().unwrap().clone()
    }

    /// How much came so far.
    pub fn count(&self) -> usize {
        self.with.asked.lock().unwrap().len()
    }

    /// Writes, of leases none, from the `from`th request on.
    pub fn writes_since(&self, from: usize) -> Vec<Asked> {
        let asked = self.asked();
        asked[from..]
            .iter()
            .filter(|asked| asked.is_write())
            .cloned()
            .collect()
    }

    /// Answers nothing more, or goes on.
    pub fn pass(&self, open: bool) {
        self.with.open.send_replace(open);
    }

    /// A client that goes through it.
    pub fn client(&self) -> Client {
        let mut config = Config::new(self.url().parse().unwrap());
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }

    /// A kubeconfig that goes through it.
    pub fn kubeconfig(&self, file: PathBuf) -> PathBuf {
        let yaml = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
             clusters: [{{name: it, cluster: {{server: \"{}\"}}}}]\n\
             users: [{{name: it, user: {{}}}}]\n\
             contexts: [{{name: it, context: {{cluster: it, user: it}}}}]\n",
            self.url()
        );
        std::fs::write(&file, yaml).unwrap();
        file
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(State(with): State<With>, request: Request) -> Response {
    let asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
    };
    with.asked.lock().unwrap().push(asked);
    let mut open = with.open.subscribe();
    open.wait_for(|open| *open).await.unwrap();
    let (mut parts, body) = request.into_parts();
    parts.headers.remove("host");
    let body = to_bytes(body, MOST).await.unwrap();
    let request = http::Request::from_parts(parts, KubeBody::from(body.to_vec()));
    match with.client.send(request).await {
        Ok(answer) => answer.map(Body::new).into_response(),
        Err(error) => (http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
