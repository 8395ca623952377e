//! Stores, a broker's queue with its reader, an ingest, and workers that come and go.

use std::{path::Path, time::Duration};

use sendry_crds::pipeline::WorkerSpec;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_operator::workers::{Wanted, WorkerSettings, build, settings::BrokerUrl};
use sendry_queue::{
    adapters::rabbitmq_management::RabbitManagement,
    topology::{Limits, SecretText, TenantQueues, desired, reader_of, reconcile_all},
};
use sendry_servers::{Server, postgres::Postgres};
use sendry_testkit::{
    cluster::{Broker, Cluster, Kind, Urls, with_database},
    load::Tenant,
};
use serde_json::Value;
use uuid::Uuid;

const SENDRY: &str = env!("CARGO_BIN_EXE_e2e-sendry");
const PASSWORD: &str = "of-the-reader";

/// Dropped, its processes end, and its virtual host goes.
pub struct Platform {
    pub cluster: Cluster,
    pub tenant: Tenant,
    queue: QueueName,
    /// What a worker is given: the queue's reader, and no management API.
    workers: Urls,
    broker: Broker,
    config: String,
    postgres: Postgres,
    _folder: tempfile::TempDir,
}

impl Platform {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let postgres = tokio::task::block_in_place(|| {
            Postgres::start(folder.path(), &Default::default()).unwrap()
        });
        let unique = Uuid::new_v4().simple().to_string();
        let name = format!("e2e-{}", &unique[..8]);
        let urls = Urls {
            queue: format!("{}/{name}", sendry_servers::url(Server::Amqp)),
            management: sendry_servers::url(Server::RabbitManagement),
            vhost: name.clone(),
            postgres: postgres.url(),
            mongodb: with_database(&sendry_servers::url(Server::Mongodb), &name),
        };
        let broker = Broker::of(&urls).unwrap();
        broker.make_vhost().await.unwrap();
        let logs = folder.path().join("logs");
        // A broker's users are those of all its virtual hosts, so the tenant has a name of its own.
        let (cluster, api_key) = tokio::task::block_in_place(|| {
            let cluster = Cluster::new(Path::new(SENDRY), &logs, &urls).unwrap();
            let key = cluster.tenant(&name).unwrap();
            (cluster, key)
        });
        let tenant = TenantId::new(&name).unwrap();
        let queue = QueueName::Pipeline(tenant.clone(), PipelineName::fallback());
        declare(&urls, &queue).await;
        let config = folder.path().join(build::WORKER_YAML);
        let wanted = Wanted {
            tenant,
            pipeline: PipelineName::fallback(),
            spec: WorkerSpec::default(),
        };
        let text = build::config(&wanted, &WorkerSettings::default());
        std::fs::write(&config, text).unwrap();
        let workers = Urls {
            queue: as_reader(&urls.queue, &queue),
            management: String::new(),
            ..urls.clone()
        };
        let mut platform = Self {
            cluster,
            tenant: Tenant { name, api_key },
            queue,
            workers,
            broker,
            config: config.to_str().unwrap().to_owned(),
            postgres,
            _folder: folder,
        };
        platform.start("ingest", Kind::Ingest, &urls, &[]);
        platform
    }

    fn start(&mut self, name: &str, kind: Kind, urls: &Urls, extra: &[&str]) {
        tokio::task::block_in_place(|| self.cluster.start(name, kind, urls, extra).unwrap());
    }

    /// A worker, and waits until it drains.
    pub fn worker(&mut self, name: &str) {
        let (urls, config) = (self.workers.clone(), self.config.clone());
        self.start(name, Kind::Worker, &urls, &["--config", &config]);
    }

    /// SIGTERM, and the orderly end with success. Returns how long it took, and how many messages it was given in its life.
    pub fn leave(&mut self, name: &str) -> (Duration, u64) {
        tokio::task::block_in_place(|| {
            let member = self.cluster.member(name).unwrap();
            let took = member.stop().unwrap();
            let log = member.log_tail();
            let lines = log.lines().rev();
            let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let told = lines.filter_map(|line| line["messages"].as_u64()).next();
            (
                took,
                told.unwrap_or_else(|| panic!("{name} did not say what it did:\n{log}")),
            )
        })
    }

    /// Messages that were counted.
    pub fn messages(&self) -> u64 {
        let sql = "SELECT count(*) FROM sendry.ledger_message";
        let rows = tokio::task::block_in_place(|| self.postgres.query("postgres", sql)).unwrap();
        rows[0][0].as_deref().unwrap().parse().unwrap()
    }
}

/// As an operator does it.
async fn declare(urls: &Urls, queue: &QueueName) {
    let api = RabbitManagement::new(&urls.management, &urls.vhost).unwrap();
    let pipelines = vec![PipelineName::fallback()];
    let mut wanted = TenantQueues::new(queue.tenant().clone(), pipelines, Limits::default());
    wanted.pipelines[0].reader = Some(SecretText::new(PASSWORD));
    let topology = desired(&urls.vhost, &[wanted]);
    let pass = reconcile_all(&api, &topology).await.unwrap();
    assert!(
        pass.failed.is_empty() && pass.conflicts.is_empty(),
        "{pass:?}"
    );
}

fn as_reader(queue_url: &str, queue: &QueueName) -> String {
    let (scheme, rest) = queue_url.split_once("://").unwrap();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let url: BrokerUrl = format!("{scheme}://{rest}").parse().unwrap();
    url.of(&reader_of(queue), PASSWORD)
}

impl Drop for Platform {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.cluster.logs());
        }
        // Also while a test unwinds, and inside of its runtime.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.unwrap().block_on(async {
                    for path in [
                        format!("/api/users/{}", reader_of(&self.queue)),
                        format!("/api/vhosts/{}", self.workers.vhost),
                    ] {
                        let _ = self.broker.delete(&path).await;
                    }
                });
            });
        });
    }
}
