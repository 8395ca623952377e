//! Where it plays: a node, and beside it the three stores, where pods reach them.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use sendry_servers::{kube, node::Node};
use sendry_testkit::{
    client::Client,
    cluster::{Servers, Urls},
};
use serde_json::{Value, json};

use crate::{
    Options,
    given::Given,
    kubernetes::{apply, ctl, get, secret},
    page::Told,
};

/// The namespace of everything that is ours.
pub const SYSTEM: &str = "sendry-system";
/// The names of the images.
const IMAGES: [&str; 5] = ["operator", "ingest", "worker", "analytics", "cli"];
/// Its virtual host and databases.
const ROOM: &str = "pods";

/// Dropped, all of it is gone.
pub struct Stage {
    pub node: Node,
    /// Where the stores are.
    pub urls: Urls,
    tag: String,
    servers: Servers,
    given: Given,
}

impl Stage {
    /// Starts everything; nothing of Sendry runs yet.
    pub async fn set(folder: &Path, options: &Options) -> anyhow::Result<Told<Self>> {
        let (node, servers) = tokio::task::block_in_place(|| {
            let node = Node::start(folder, &kube::Options::default())?;
            let servers = Servers::start_at(folder, node.host())?;
            for name in IMAGES {
                node.load_image(&archive(&options.images, name)?)?;
            }
            anyhow::Ok((node, servers))
        })?;
        let urls = servers.room(ROOM).await?;
        let seen = format!(
            "Kubernetes {}, RabbitMQ, PostgreSQL and a MongoDB server at {} for pods",
            version(&node)?,
            node.host()
        );
        let given = Given::begin(node.kubeconfig());
        let stage = Self {
            node,
            urls,
            tag: options.tag.clone(),
            servers,
            given,
        };
        Ok(Told(stage, seen))
    }

    /// The namespace, restricted, and the Secret that the chart asks for.
    pub fn prepare(&self) -> anyhow::Result<()> {
        let nobody = self.urls.queue.replace("guest:guest@", "");
        let data = json!({
            "queue-url": coded(&self.urls.queue),
            "worker-queue-url": coded(&nobody),
            "management-url": coded(&self.urls.management),
            "postgres-url": coded(&self.urls.postgres),
            "mongodb-url": coded(&self.urls.mongodb),
        });
        let restricted = "pod-security.kubernetes.io/enforce";
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": SYSTEM, "labels": {restricted: "restricted"}},
        });
        let stores = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "sendry-stores", "namespace": SYSTEM},
            "data": data,
        });
        apply(&self.node, &format!("{namespace}\n---\n{stores}"))
    }

    /// `helm VERB sendry charts/sendry` with further values, until everything is Ready.
    pub fn helm(&self, verb: &str, values: &[String]) -> anyhow::Result<()> {
        let chart = repository("charts/sendry");
        let chart = chart
            .to_str()
            .context("the folder of the chart is no text")?;
        let tag = format!("image.tag={}", self.tag);
        let vhost = format!("operator.vhost={}", self.urls.vhost);
        let mut args = vec![
            verb,
            "sendry",
            chart,
            "--namespace",
            SYSTEM,
            "--wait",
            "--timeout=5m",
        ];
        for value in [&tag, "image.pullPolicy=Never", &vhost] {
            args.extend(["--set", value]);
        }
        for value in values {
            args.extend(["--set", value]);
        }
        tokio::task::block_in_place(|| self.node.helm(&args)).map(drop)
    }

    /// Where a Service of ours is: this machine reaches it as pods do.
    pub fn service(&self, name: &str) -> anyhow::Result<SocketAddr> {
        let service = get(&self.node, &["service", name, "--namespace", SYSTEM])?;
        let ip = service["spec"]["clusterIP"].as_str();
        let port = service["spec"]["ports"][0]["port"].as_u64();
        let (ip, port) = ip
            .zip(port)
            .with_context(|| format!("no address in {service}"))?;
        Ok(format!("{ip}:{port}").parse()?)
    }

    /// The token of the API.
    pub fn token(&self) -> anyhow::Result<String> {
        secret(&self.node, SYSTEM, "sendry-analytics", "api-token")
    }

    /// Asks the API as the dashboard does, through its Service.
    pub async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let token = self.token()?;
        let mut client = Client::new(self.service("sendry-analytics")?);
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let answer = client.send("GET", path, &headers, Bytes::new()).await?;
        ensure!(
            answer.status == 200,
            "GET {path}: {}: {}",
            answer.status,
            answer.json()?
        );
        answer.json()
    }

    /// Messages that were given to a worker more than once, of all tenants and since the beginning. For when nothing is under
    /// way.
    pub async fn redelivered(&self) -> anyhow::Result<u64> {
        let sql = "SELECT count(*) FROM sendry.ledger_message";
        let rows = tokio::task::block_in_place(|| self.servers.postgres.query(ROOM, sql))?;
        let counted = rows.first().and_then(|row| row.first()?.as_deref());
        let counted: u64 = counted.context("PostgreSQL counts no messages")?.parse()?;
        let given = self.given.messages().await?;
        let again = given.checked_sub(counted);
        again.with_context(|| {
            format!("workers were given {given} messages, and {counted} are counted: one ended without a word")
        })
    }

    /// What a person would look at, where a step failed.
    pub fn show(&self) {
        let everywhere = "--all-namespaces";
        for args in [
            &["get", "stn,spl", everywhere, "--output=wide"][..],
            &["get", "pods", everywhere, "--output=wide"],
            &["get", "events", everywhere, "--sort-by=.lastTimestamp"],
            &[
                "get",
                "spl",
                everywhere,
                "--output=jsonpath={.items[*].status}",
            ],
        ] {
            let seen = ctl(&self.node, args).unwrap_or_else(|error| format!("{error:#}"));
            println!("── kubectl {}\n{}", args.join(" "), tail(&seen, 60));
        }
        for part in ["operator", "ingest", "keeper", "analytics", "worker"] {
            let by = match part {
                "worker" => "app.kubernetes.io/name=sendry-worker".to_owned(),
                _ => format!("app.kubernetes.io/component={part}"),
            };
            let args = [
                "logs",
                "--namespace",
                SYSTEM,
                "--selector",
                &by,
                "--tail=20",
                "--prefix",
            ];
            let seen = ctl(&self.node, &args).unwrap_or_else(|error| format!("{error:#}"));
            println!("── {part}\n{}", tail(&seen, 60));
        }
    }
}

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn archive(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("{name}.tar"));
    ensure!(
        path.is_file(),
        "there is no image {}: `cargo xtask e2e` makes it",
        path.display()
    );
    Ok(path)
}

fn coded(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

fn version(node: &Node) -> anyhow::Result<String> {
    let nodes = get(node, &["nodes"])?;
    let version = &nodes["items"][0]["status"]["nodeInfo"]["kubeletVersion"];
    Ok(version.as_str().unwrap_or("?").to_owned())
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
