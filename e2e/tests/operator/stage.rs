//! A platform of a test: an operator and two ingests on a PostgreSQL of their own, in a virtual host of the broker that
//! tests share, in their own corner of the API server.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sendry_crds::admission;
use sendry_servers::{Server, kube::kubeconfig_for, postgres::Postgres, process};
use sendry_testkit::cluster::{Broker, Urls, with_database};
use uuid::Uuid;

use crate::{
    cluster::Cluster,
    held::Held,
    program::{OPERATOR, Program, SENDRY, sendry},
};

/// Whose tenants an operator cares for.
pub const WATCH_FILTER: &str = "sendry.io/watch-filter";

const ACCOUNT: &str = "sendry-operator";
/// The policy that holds the operator itself.
const CONFINE: &str = "sendry-confine-operator";

/// A term of leadership that a test can wait for, and that a busy machine does not lose: as flags.
const LEASE: [&str; 6] = [
    "--lease-duration=6s",
    "--lease-give-up",
    "4s",
    "--lease-renew=1s",
    "--topology-interval",
    "5s",
];

/// Dropped, it is cleared away, also when a test failed.
pub struct Stage {
    pub cluster: Cluster,
    pub broker: Broker,
    pub postgres: Postgres,
    pub ingests: Vec<Program>,
    operators: Mutex<Vec<Program>>,
    /// Of the operator's namespace, the cluster on the broker, the watch filter, and the end of every tenant's name.
    pub name: String,
    urls: Urls,
    tenants: Mutex<Vec<String>>,
    folder: tempfile::TempDir,
}

impl Stage {
    /// The one that tests share which leave its processes alone: there as long as one of them runs.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
        let mut shared = locked(&SHARED);
        if let Some(stage) = shared.upgrade() {
            return stage;
        }
        let stage = Arc::new(Self::with_operator());
        *shared = Arc::downgrade(&stage);
        stage
    }

    /// One of its own, with an operator that runs.
    pub fn with_operator() -> Self {
        let stage = Self::new();
        let operator = stage.operator("operator");
        locked(&stage.operators).push(operator);
        stage
    }

    /// One of its own without an operator.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let unique = Uuid::new_v4().simple().to_string();
        let name = format!("e2e-{}", &unique[..8]);
        let postgres = tokio::task::block_in_place(|| {
            Postgres::start(folder.path(), &Default::default()).unwrap()
        });
        let urls = Urls {
            queue: format!("{}/{name}", sendry_servers::url(Server::Amqp)),
            management: sendry_servers::url(Server::RabbitManagement),
            vhost: name.clone(),
            postgres: postgres.url(),
            mongodb: with_database(&sendry_servers::url(Server::Mongodb), &name),
        };
        let broker = Broker::of(&urls).unwrap();
        let cluster = Cluster::shared();
        let mut stage = Self {
            cluster,
            broker,
            postgres,
            ingests: Vec::new(),
            operators: Mutex::default(),
            name,
            urls,
            tenants: Mutex::default(),
            folder,
        };
        stage
            .on_the_broker(async |broker| broker.make_vhost().await)
            .unwrap();
        stage.cluster.run(&["create", "namespace", &stage.name]);
        stage.confine();
        sendry(&["migrate", "--postgres-url", &stage.urls.postgres]).unwrap();
        stage.ingests = ["ingest-1", "ingest-2"]
            .map(|name| stage.ingest(name))
            .into();
        stage
    }

    /// Operators of this stage may do anything, but for what the admission policy forbids the operator's service account:
    /// to write Secrets outside tenants' namespaces, to delete one, to take a namespace that is another's.
    fn confine(&self) {
        let policies = admission::policies(&self.name, ACCOUNT).unwrap();
        let ours = policies
            .split("\n---\n")
            .filter(|policy| policy.contains(CONFINE));
        let ours: Vec<_> = ours
            .map(|policy| policy.replace(CONFINE, &self.policy()))
            .collect();
        assert_eq!(ours.len(), 2);
        self.cluster.apply(&ours.join("\n---\n"));
        let user = format!("system:serviceaccount:{}:{ACCOUNT}", self.name);
        let admin = &self.cluster.kubeconfig;
        kubeconfig_for(admin, &user, &["system:masters"], &self.kubeconfig()).unwrap();
    }

    /// The name of that policy and of its binding, for this stage alone.
    fn policy(&self) -> String {
        format!("{CONFINE}-{}", self.name)
    }

    /// Of the operator's service account.
    fn kubeconfig(&self) -> PathBuf {
        self.folder().join("operator.kubeconfig")
    }

    /// An operator. Each call is another process; `name` is that of its pod.
    pub fn operator(&self, name: &str) -> Program {
        let Urls {
            queue,
            management,
            postgres,
            ..
        } = &self.urls;
        let kubeconfig = self.kubeconfig();
        let kubeconfig = kubeconfig.to_str().unwrap();
        let mut args = vec![
            "run",
            "--kubeconfig",
            kubeconfig,
            "--postgres-url",
            postgres,
        ];
        args.extend(["--queue-url", queue, "--management-url", management]);
        args.extend(["--pod-name", name]);
        for flag in ["--vhost", "--namespace", "--cluster-id", "--watch-filter"] {
            args.extend([flag, &self.name]);
        }
        args.extend(LEASE);
        Program::start(OPERATOR, self.folder(), name, &args)
    }

    fn ingest(&self, name: &str) -> Program {
        let Urls {
            queue, postgres, ..
        } = &self.urls;
        let args = ["ingest", "--listen", "127.0.0.1:0", "--queue-url", queue];
        let args = [&args[..], &["--postgres-url", postgres]].concat();
        Program::start(SENDRY, self.folder(), name, &args)
    }

    /// Where events go, on each ingest.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.ingests.iter().map(Program::address).collect()
    }

    /// The name of a tenant of this stage, and of its namespace, which go with the stage.
    pub fn name_of(&self, short: &str) -> String {
        let name = format!("{short}-{}", self.name);
        let mut tenants = locked(&self.tenants);
        if !tenants.contains(&name) {
            tenants.push(name.clone());
        }
        name
    }

    /// The value of a query of one number.
    pub fn number(&self, sql: &str) -> i64 {
        let rows = tokio::task::block_in_place(|| self.postgres.query("postgres", sql)).unwrap();
        rows[0][0].as_deref().unwrap().parse().unwrap()
    }

    /// `sendry tenants purge NAME` with everything that there is of the tenant.
    pub fn purge(&self, tenant: &str, args: &[&str]) -> anyhow::Result<String> {
        let Urls {
            postgres,
            mongodb,
            management,
            vhost,
            ..
        } = &self.urls;
        let stores = ["tenants", "--postgres-url", postgres, "purge", tenant];
        let others = ["--mongodb-url", mongodb, "--management-url", management];
        sendry(
            &[
                &stores[..],
                &others,
                &["--cluster-id", &self.name, "--vhost", vhost],
                args,
            ]
            .concat(),
        )
    }

    /// Nobody writes a verifier until it is let go; reading goes on.
    pub fn hold_verifiers(&self) -> Held<'_> {
        Held::begin(&self.postgres)
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks the broker, also while a test unwinds.
    fn on_the_broker<T: Send>(&self, ask: impl AsyncFnOnce(&Broker) -> T + Send) -> T {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build().unwrap()
        };
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| runtime().block_on(ask(&self.broker)));
            asking.join().unwrap()
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.ingests.clear();
        locked(&self.operators).clear();
        if std::thread::panicking() {
            for name in ["operator", "ingest-1"] {
                let log = self.folder().join(format!("{name}.log"));
                println!("── {name}\n{}", process::tail(&log));
            }
        }
        let kubectl = |args: &[&str]| self.cluster.try_run(args, None).unwrap_or_default();
        let ours = format!("{WATCH_FILTER}={}", self.name);
        kubectl(&["delete", "stn", "-l", &ours, "--wait=false"]);
        for tenant in kubectl(&["get", "stn", "-l", &ours, "-o", "name"]).lines() {
            let no_finalizers = r#"{"metadata":{"finalizers":null}}"#;
            kubectl(&["patch", tenant, "--type=merge", "-p", no_finalizers]);
        }
        let tenants = locked(&self.tenants).clone();
        for tenant in &tenants {
            let of = ["-n", tenant.as_str()];
            for pipeline in kubectl(&[&["get", "spl", "-o", "name"][..], &of].concat()).lines() {
                let no_finalizers = r#"{"metadata":{"finalizers":null}}"#;
                let patch = ["patch", pipeline, "--type=merge", "-p", no_finalizers];
                kubectl(&[&patch[..], &of].concat());
            }
        }
        let mut namespaces = vec!["delete", "namespace", "--wait=false", "--ignore-not-found"];
        namespaces.push(&self.name);
        namespaces.extend(tenants.iter().map(String::as_str));
        kubectl(&namespaces);
        for kind in [
            "validatingadmissionpolicybinding",
            "validatingadmissionpolicy",
        ] {
            kubectl(&["delete", kind, &self.policy(), "--ignore-not-found"]);
        }
        let paths = tenants
            .iter()
            .flat_map(|name| ["", ".default"].map(|of| format!("/api/users/sendry.{name}{of}")));
        let paths: Vec<_> = paths
            .chain([format!("/api/vhosts/{}", self.name)])
            .collect();
        self.on_the_broker(async |broker| {
            for path in paths {
                let _ = broker.delete(&path).await;
            }
        });
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
