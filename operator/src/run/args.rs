//! The settings of the separate process, as flags.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;
use sendry_runtime::{
    config::SecretString,
    process::ProcessArgs,
    telemetry::{self, TelemetryError},
};

use crate::{
    leader::Timing,
    settings::Settings,
    workers::{
        WorkerSettings,
        settings::{BrokerUrl, PullPolicy},
        template::PodTemplate,
    },
};

/// `sendry-operator run`
#[derive(Debug, Clone, Args)]
pub struct OperatorArgs {
    #[command(flatten)]
    pub(super) process: ProcessArgs,
    /// PostgreSQL that holds tenants and keys, such as postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    pub(super) postgres_url: SecretString,
    /// RabbitMQ over AMQP, such as amqp://user:password@host:5672/vhost; only to ask how much waits in queues
    #[arg(long, value_name = "URL")]
    pub(super) queue_url: SecretString,
    /// RabbitMQ's management API, such as http://user:password@host:15672; or else --management-secret-dir
    #[arg(long, value_name = "URL")]
    pub(super) management_url: Option<SecretString>,
    /// Folder of a mounted Secret with the files host, port, vhost, username, password and, for TLS, ca.crt, tls.crt,
    /// tls.key, server-name; what changes there is used without a restart
    #[arg(long, value_name = "DIR")]
    pub(super) management_secret_dir: Option<PathBuf>,
    /// The virtual host that the management API is asked about, with --management-url; must be that of --queue-url, which is
    /// taken where nothing is said
    #[arg(long, value_name = "NAME")]
    pub(super) vhost: Option<String>,
    /// The namespace of the operator itself, from the downward API
    #[arg(long, value_name = "NAME", default_value = "sendry-system")]
    namespace: String,
    /// The name of the pod, from the downward API; in the lease and in Events
    #[arg(long, value_name = "NAME", default_value = "sendry-operator")]
    pod_name: String,
    /// The name of this cluster, which marks what is ours on a broker that several clusters share; what workers declared
    /// before there was an operator is marked `sendry`
    #[arg(long, value_name = "NAME", default_value = "sendry")]
    cluster_id: String,
    /// Care only for tenants with the label sendry.io/watch-filter: VALUE. Operators with different values can share a
    /// cluster; each needs a database and a --cluster-id of its own
    #[arg(long, value_name = "VALUE")]
    watch_filter: Option<String>,
    /// How often every tenant is looked at, though nothing is heard of it
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m")]
    resync_interval: Duration,
    /// How often the broker is compared with what it should have
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    topology_interval: Duration,
    /// How often all queues and workers are looked at, and pipelines scaled by it; 1s to 5s. Workers say what they did
    /// every 2s, and a pipeline without workers notices its first message after one interval at most
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s")]
    scaling_interval: Duration,
    /// How many tenants are worked on at once
    #[arg(long, value_name = "N", default_value_t = Settings::default().workers)]
    workers: usize,
    /// How long another operator waits before it takes over from one that is silent, in whole seconds
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s")]
    lease_duration: Duration,
    /// How often the leader says that it is there
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "3s")]
    lease_renew: Duration,
    /// How long after it could say so last a leader stops writing; less than --lease-duration
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    lease_give_up: Duration,
    /// The image of workers' pods
    #[arg(long, value_name = "IMAGE", default_value_t = WorkerSettings::default().image)]
    worker_image: String,
    /// When it is pulled
    #[arg(long, value_enum, default_value_t = PullPolicy::IfNotPresent)]
    worker_image_pull_policy: PullPolicy,
    /// Where workers find RabbitMQ, such as amqp://host:5672/vhost: without user and password, each pipeline has its own. As
    /// --queue-url has it where nothing is said
    #[arg(long, value_name = "URL")]
    worker_queue_url: Option<BrokerUrl>,
    /// The Secret of workers' stores, with the keys postgres-url and mongodb-url, in the operator's namespace
    #[arg(long, value_name = "NAME", default_value_t = WorkerSettings::default().stores_secret)]
    worker_stores_secret: String,
    /// The service account of workers' pods; it needs no rights
    #[arg(long, value_name = "NAME", default_value_t = WorkerSettings::default().service_account)]
    worker_service_account: String,
    /// How long a worker may take to finish what it holds before it is killed
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    worker_grace: Duration,
    /// What workers log: a level, or directives such as `info,sendry_worker=debug`
    #[arg(long, value_name = "FILTER", value_parser = log_filter)]
    worker_log: Option<String>,
    /// Where workers' pods go, as JSON: {"nodeSelector":{…},"tolerations":[…],"priorityClassName":"…","annotations":{…}}, each
    /// as a pod has it, any of them left out, and nothing else
    #[arg(long, value_name = "JSON")]
    worker_pod_template: Option<PodTemplate>,
    /// The API server, by a kubeconfig's current context; inside a cluster it is found without
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
}

impl OperatorArgs {
    /// The settings, with a name that is this process's alone made by `unique`.
    pub(super) fn settings(&self, unique: &str) -> anyhow::Result<Settings> {
        let worker_queue_url = match &self.worker_queue_url {
            Some(url) => url.clone(),
            None => BrokerUrl::without_user(self.queue_url.expose()).context("--queue-url")?,
        };
        let Self {
            namespace,
            pod_name,
            cluster_id,
            watch_filter,
            resync_interval,
            topology_interval,
            scaling_interval,
            workers,
            lease_duration,
            lease_renew,
            lease_give_up,
            worker_image,
            worker_image_pull_policy,
            worker_stores_secret,
            worker_service_account,
            worker_grace,
            worker_log,
            worker_pod_template,
            ..
        } = self.clone();
        let settings = Settings {
            namespace,
            owner: cluster_id,
            identity: format!("{pod_name}_{unique}"),
            watch_filter,
            resync: resync_interval,
            topology: topology_interval,
            scaling: scaling_interval,
            workers,
            lease: Timing {
                duration: lease_duration,
                renew: lease_renew,
                give_up: lease_give_up,
            },
            pods: WorkerSettings {
                image: worker_image,
                pull_policy: worker_image_pull_policy,
                stores_secret: worker_stores_secret,
                queue_url: worker_queue_url,
                service_account: worker_service_account,
                grace: worker_grace,
                log: worker_log,
                template: worker_pod_template.unwrap_or_default(),
            },
            ..Settings::default()
        }
        .checked()?;
        Ok(settings)
    }
}

/// What a worker would start with: refused here, and not by each of its pods.
fn log_filter(text: &str) -> Result<String, TelemetryError> {
    telemetry::check(text).map(|()| text.to_owned())
}

/// `90s`, `10m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = |error: jiff::Error| format!("{error}; expected a time such as 30s, 10m or 1h30m");
    let signed: jiff::SignedDuration = text.parse().map_err(wrong)?;
    Duration::try_from(signed).map_err(wrong)
}
