//! Sendry as teams run it: separate processes on RabbitMQ, PostgreSQL and MongoDB, all of our own, so that any of them may
//! be killed.

mod member;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};
use sendry_queue::{
    EventQueue,
    adapters::amqp::{AmqpOptions, AmqpQueue},
};
use sendry_servers::{postgres, rabbitmq};
use sendry_store::adapters::{
    mongodb::{MongoOptions, MongoStore},
    postgres::{PostgresOptions, PostgresStore},
};
use serde_json::Value;

pub use member::{Kind, Member};
pub use sendry_servers::{mongo::Mongo, postgres::Postgres, rabbitmq::RabbitMq};

use crate::client::Client;

/// The name of a broker's own administrator, as the servers of tests have it.
const GUEST: &str = "Basic Z3Vlc3Q6Z3Vlc3Q=";
/// A broker's numbers are one second old, and more where the machine is busy.
const CERTAIN: Duration = Duration::from_secs(5);

/// The three servers of one cluster.
#[derive(Debug)]
pub struct Servers {
    /// The broker.
    pub rabbit: RabbitMq,
    /// Counts and settings.
    pub postgres: Postgres,
    /// Raw events.
    pub mongo: Mongo,
}

impl Servers {
    /// Starts all three with their data in `folder`.
    ///
    /// # Errors
    /// When one does not come up.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(
            folder,
            &rabbitmq::Options::default(),
            &postgres::Options::default(),
        )
    }

    /// The same, where pods of a node of ours reach them: at this address of the machine.
    ///
    /// # Errors
    /// When one does not come up.
    pub fn start_at(folder: &Path, address: Ipv4Addr) -> anyhow::Result<Self> {
        let rabbit = rabbitmq::Options {
            address,
            ..Default::default()
        };
        let postgres = postgres::Options {
            address,
            ..Default::default()
        };
        Ok(Self {
            rabbit: RabbitMq::start(folder, &rabbit)?,
            postgres: Postgres::start(folder, &postgres)?,
            mongo: Mongo::start_at(folder, address)?,
        })
    }

    /// The same, with options.
    ///
    /// # Errors
    /// When one does not come up.
    pub fn start_with(
        folder: &Path,
        rabbit: &rabbitmq::Options,
        postgres: &postgres::Options,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            rabbit: RabbitMq::start(folder, rabbit)?,
            postgres: Postgres::start(folder, postgres)?,
            mongo: Mongo::start(folder)?,
        })
    }

    /// Where they are, with a virtual host and databases of this name, which are made.
    ///
    /// # Errors
    /// When they cannot be made.
    pub async fn room(&self, name: &str) -> anyhow::Result<Urls> {
        let sql = format!("CREATE DATABASE {name}");
        self.postgres.query("postgres", &sql)?;
        let urls = Urls {
            queue: format!("{}/{name}", self.rabbit.url()),
            management: self.rabbit.management_url(),
            vhost: name.to_owned(),
            postgres: with_database(&self.postgres.url(), name),
            mongodb: with_database(&self.mongo.url(), name),
        };
        Broker::of(&urls)?.make_vhost().await?;
        Ok(urls)
    }
}

/// `scheme://authority/old?query` → `scheme://authority/name?query`.
#[must_use]
pub fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, None), |(b, q)| (b, Some(q)));
    let start = base.find("://").map_or(0, |at| at + 3);
    let authority = base[start..]
        .find('/')
        .map_or(base, |at| &base[..start + at]);
    match query {
        Some(query) => format!("{authority}/{name}?{query}"),
        None => format!("{authority}/{name}"),
    }
}

/// Where the servers are, for the processes: directly, or by a proxy.
#[derive(Clone, Debug)]
pub struct Urls {
    /// RabbitMQ, with the virtual host.
    pub queue: String,
    /// Its management API.
    pub management: String,
    /// The virtual host alone.
    pub vhost: String,
    /// PostgreSQL, with the database.
    pub postgres: String,
    /// MongoDB, with the database.
    pub mongodb: String,
}

/// Processes by name. Dropping it kills them.
#[derive(Debug)]
pub struct Cluster {
    binary: PathBuf,
    folder: PathBuf,
    /// Of the servers themselves, whatever the processes were given.
    urls: Urls,
    members: BTreeMap<String, Member>,
}

impl Cluster {
    /// No process yet; the databases are migrated. Logs go to `folder`.
    ///
    /// # Errors
    /// When they cannot be.
    pub fn new(binary: &Path, folder: &Path, urls: &Urls) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let cluster = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            urls: urls.clone(),
            members: BTreeMap::new(),
        };
        let (postgres, mongodb) = (&urls.postgres, &urls.mongodb);
        cluster.command(&[
            "migrate",
            "--postgres-url",
            postgres,
            "--mongodb-url",
            mongodb,
        ])?;
        Ok(cluster)
    }

    /// Makes a tenant and a key of it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn tenant(&self, name: &str) -> anyhow::Result<String> {
        self.settings("tenants", &["put", name])?;
        let key = self.settings("keys", &["--tenant", name, "create", "--name", "test"])?;
        Ok(key.trim().to_owned())
    }

    /// `sendry COMMAND --postgres-url … ARGS`; returns what it printed.
    ///
    /// # Errors
    /// With what it said, when it does not succeed.
    pub fn settings(&self, command: &str, args: &[&str]) -> anyhow::Result<String> {
        let mut all = vec![command, "--postgres-url", &self.urls.postgres];
        all.extend(args);
        self.command(&all)
    }

    fn command(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.binary).args(args).output();
        let output = output.with_context(|| format!("failed to run {}", self.binary.display()))?;
        ensure!(
            output.status.success(),
            "sendry {args:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts a process that uses the servers at `urls` and waits until it is ready.
    ///
    /// # Errors
    /// With the end of its log, when it is not.
    pub fn start(
        &mut self,
        name: &str,
        kind: Kind,
        urls: &Urls,
        extra: &[&str],
    ) -> anyhow::Result<()> {
        let member = Member::new(&self.binary, &self.folder, name, kind, urls, extra);
        let member = self.members.entry(name.to_owned()).or_insert(member);
        member.start()
    }

    /// One of each, beside the servers themselves: `ingest`, `worker`, `keeper`, `analytics`.
    ///
    /// # Errors
    /// When one does not get ready.
    pub fn start_all(&mut self) -> anyhow::Result<()> {
        let urls = self.urls.clone();
        // The worker first: it declares the queues.
        for (name, kind) in [
            ("worker", Kind::Worker),
            ("keeper", Kind::Keeper),
            ("ingest", Kind::Ingest),
            ("analytics", Kind::Analytics),
        ] {
            self.start(name, kind, &urls, &[])?;
        }
        Ok(())
    }

    /// A process.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn member(&mut self, name: &str) -> anyhow::Result<&mut Member> {
        let member = self.members.get_mut(name);
        member.with_context(|| format!("no process is called `{name}`"))
    }

    /// Takes a process out, for a thread of its own; [`Self::give`] puts it back.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn take(&mut self, name: &str) -> anyhow::Result<Member> {
        let member = self.members.remove(name);
        member.with_context(|| format!("no process is called `{name}`"))
    }

    /// Puts a process back.
    pub fn give(&mut self, name: &str, member: Member) {
        self.members.insert(name.to_owned(), member);
    }

    /// Names of the processes of a kind.
    #[must_use]
    pub fn names(&self, kind: Kind) -> Vec<String> {
        let of_kind = self
            .members
            .iter()
            .filter(|(_, member)| member.kind() == kind);
        of_kind.map(|(name, _)| name.clone()).collect()
    }

    /// Addresses of the ingests that run.
    #[must_use]
    pub fn ingests(&self) -> Vec<SocketAddr> {
        let members = self.members.values();
        let ingests = members.filter(|member| member.kind() == Kind::Ingest);
        ingests.filter_map(|member| member.address().ok()).collect()
    }

    /// The broker of the servers themselves.
    ///
    /// # Errors
    /// When its address cannot be read.
    pub fn broker(&self) -> anyhow::Result<Broker> {
        Broker::of(&self.urls)
    }

    /// The stores of the servers themselves, for the oracle.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub async fn stores(&self) -> anyhow::Result<(PostgresStore, MongoStore)> {
        let postgres = PostgresStore::connect(PostgresOptions::new(&self.urls.postgres)).await?;
        let mongodb = MongoStore::connect(MongoOptions::new(&self.urls.mongodb)).await?;
        Ok((postgres, mongodb))
    }

    /// Waits until no queue holds a message: nothing ready, which is asked over AMQP and is true at that moment, and
    /// nothing unacknowledged, which only the management API tells, in looks further apart than its numbers are old.
    /// Returns how long it took to the first of them.
    ///
    /// # Errors
    /// With what every queue held last, when it is not so in time.
    pub async fn drained(&self, within: Duration) -> anyhow::Result<Duration> {
        let drained = drained(&self.urls, within).await;
        drained.with_context(|| self.logs())
    }

    /// The ends of all logs.
    #[must_use]
    pub fn logs(&self) -> String {
        let of = |(name, member): (&String, &Member)| format!("── {name}\n{}\n", member.log_tail());
        self.members.iter().map(of).collect()
    }

    /// Stops everything in order, ingests first.
    ///
    /// # Errors
    /// When one does not end in order.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        for kind in [Kind::Ingest, Kind::Worker, Kind::Keeper, Kind::Analytics] {
            for name in self.names(kind) {
                self.member(&name)?.stop()?;
            }
        }
        Ok(())
    }
}

/// [`Cluster::drained`], whoever's the processes are.
///
/// # Errors
/// With what every queue held last, when it is not so in time.
pub async fn drained(urls: &Urls, within: Duration) -> anyhow::Result<Duration> {
    let (began, broker) = (Instant::now(), Broker::of(urls)?);
    let amqp = AmqpQueue::connect(AmqpOptions::new(&urls.queue)?);
    let mut empty_since: Option<Duration> = None;
    loop {
        let seen = waiting(&broker, &amqp).await;
        let empty = seen.as_ref().is_ok_and(|queues| {
            !queues.is_empty() && queues.values().all(|messages| *messages == 0)
        });
        match empty_since {
            Some(since) if empty && began.elapsed() - since > CERTAIN => return Ok(since),
            None if empty => empty_since = Some(began.elapsed()),
            _ if !empty => empty_since = None,
            _ => {}
        }
        if began.elapsed() > within {
            bail!("not drained within {within:?}: {seen:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Messages by queue: the larger of what is ready now and of what the management API says.
async fn waiting(broker: &Broker, amqp: &AmqpQueue) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut queues = broker.queues().await?;
    for (name, messages) in &mut queues {
        if let Some(queue) = queue_name(name) {
            *messages = (*messages).max(amqp.depth(&queue).await?.ready);
        }
    }
    Ok(queues)
}

/// `sendry.<tenant>.<pipeline>`, read.
fn queue_name(name: &str) -> Option<QueueName> {
    let (tenant, pipeline) = name.strip_prefix("sendry.")?.split_once('.')?;
    let tenant = TenantId::new(tenant).ok()?;
    match pipeline {
        "parked" => Some(QueueName::Parked(tenant)),
        _ => Some(QueueName::Pipeline(
            tenant,
            PipelineName::new(pipeline).ok()?,
        )),
    }
}

/// The management API of a broker, in the virtual host of a cluster.
#[derive(Clone, Debug)]
pub struct Broker {
    address: SocketAddr,
    vhost: String,
}

impl Broker {
    /// The broker of these servers.
    ///
    /// # Errors
    /// When its address cannot be read.
    pub fn of(urls: &Urls) -> anyhow::Result<Self> {
        let text = urls
            .management
            .rsplit_once('@')
            .map_or(urls.management.as_str(), |(_, a)| a);
        let address = text
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .parse();
        Ok(Self {
            address: address.with_context(|| format!("no address in {}", urls.management))?,
            vhost: urls.vhost.clone(),
        })
    }

    /// Makes the virtual host, open to the administrator.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn make_vhost(&self) -> anyhow::Result<()> {
        let name = &self.vhost;
        self.put(&format!("/api/vhosts/{name}"), "{}").await?;
        let all = r#"{"configure":".*","write":".*","read":".*"}"#;
        self.put(&format!("/api/permissions/{name}/guest"), all)
            .await
    }

    /// Messages by queue, ready and unacknowledged.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn queues(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let path = format!("/api/queues/{}?columns=name,messages", self.vhost);
        let answer = self.send("GET", &path, Bytes::new()).await?;
        let queues: Vec<Value> = serde_json::from_slice(&answer)?;
        let messages = |queue: Value| {
            let name = queue["name"].as_str()?.to_owned();
            // A queue without numbers yet is one that nothing is known of.
            Some((name, queue["messages"].as_u64().unwrap_or(u64::MAX)))
        };
        Ok(queues.into_iter().filter_map(messages).collect())
    }

    /// `PUT`.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn put(&self, path: &str, body: &str) -> anyhow::Result<()> {
        self.send("PUT", path, Bytes::copy_from_slice(body.as_bytes()))
            .await
            .map(drop)
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.send("DELETE", path, Bytes::new()).await.map(drop)
    }

    /// Any request; the body of the answer.
    ///
    /// # Errors
    /// When the answer is no success.
    pub async fn send(&self, method: &str, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let headers = [
            ("authorization", GUEST),
            ("content-type", "application/json"),
        ];
        let mut client = Client::new(self.address);
        let answer = client.send(method, path, &headers, body).await?;
        ensure!(
            answer.status < 300,
            "{method} {path}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(answer.body)
    }
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn a_database_takes_the_place_of_another() {
        let url = |text| with_database(text, "x");
        assert_eq!(url("postgres://a:b@h:1/postgres"), "postgres://a:b@h:1/x");
        assert_eq!(url("postgres://a@h:1"), "postgres://a@h:1/x");
        assert_eq!(url("mongodb://h:1/?w=1"), "mongodb://h:1/x?w=1");
    }
}
