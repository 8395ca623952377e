//! Where everything of a tenant is: a laptop's data folder, or the servers of the separate processes.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use sendry_runtime::config::SecretString;
use sendry_store::{
    ControlEraser, MetricEraser, RawEventEraser,
    adapters::{
        mongodb::{MongoOptions, MongoStore},
        postgres::{PostgresOptions, PostgresStore},
        sqlite::SqliteStore,
    },
};

use super::queues::{Broker, File, NoQueues, TenantQueues};
use crate::{
    data_dir::{DataDir, DataDirError},
    settings_store::SettingsStoreArgs,
};

/// How long counting the rows of a large tenant may take.
const LOOK_WITHIN: Duration = Duration::from_secs(120);

/// The stores and the queues.
pub struct Parts {
    /// Settings.
    pub control: Arc<dyn ControlEraser>,
    /// Counts.
    pub metrics: Arc<dyn MetricEraser>,
    /// Raw events.
    pub raw: Arc<dyn RawEventEraser>,
    /// Queues.
    pub queues: Arc<dyn TenantQueues>,
    /// Held until the end: the stores of a folder are one process's.
    pub _lock: Option<DataDir>,
}

impl Parts {
    /// Opens them; to erase, a folder must be nobody else's.
    ///
    /// # Errors
    /// When something is missing, away or in use, with what to do.
    pub async fn open(
        store: &SettingsStoreArgs,
        mongodb: Option<&SecretString>,
        broker: Option<(&SecretString, &str, &str)>,
        to_erase: bool,
    ) -> anyhow::Result<Self> {
        match &store.postgres_url {
            Some(url) => Self::servers(url, mongodb, broker).await,
            None => Self::folder(store, to_erase),
        }
    }

    async fn servers(
        postgres: &SecretString,
        mongodb: Option<&SecretString>,
        broker: Option<(&SecretString, &str, &str)>,
    ) -> anyhow::Result<Self> {
        let mongodb = mongodb.context(
            "raw events are in MongoDB: name it with --mongodb-url (nothing was erased)",
        )?;
        let mut options = PostgresOptions::new(postgres.expose());
        options.read_timeout = LOOK_WITHIN;
        let postgres = PostgresStore::connect(options).await;
        let postgres = Arc::new(postgres.context("failed to open PostgreSQL")?);
        let mongodb = MongoStore::connect(MongoOptions::new(mongodb.expose())).await;
        let queues: Arc<dyn TenantQueues> = match broker {
            Some((url, vhost, owner)) => Arc::new(Broker::new(url.expose(), vhost, owner)?),
            None => Arc::new(NoQueues(
                "not looked at: name RabbitMQ's management API with --management-url",
            )),
        };
        Ok(Self {
            control: postgres.clone(),
            metrics: postgres,
            raw: Arc::new(mongodb.context("failed to open MongoDB")?),
            queues,
            _lock: None,
        })
    }

    fn folder(store: &SettingsStoreArgs, to_erase: bool) -> anyhow::Result<Self> {
        let folder = store.folder();
        let file = store.file()?;
        let lock = match DataDir::open(folder) {
            Ok(lock) => Some(lock),
            // It runs: what is there can be said all the same.
            Err(DataDirError::InUse { pid, .. }) => {
                ensure!(
                    !to_erase,
                    "data folder `{}` is in use by process {pid}: stop that one first, it remembers what is to be erased",
                    folder.display()
                );
                None
            }
            Err(other) => return Err(other.into()),
        };
        let open = SqliteStore::open(&file, Default::default());
        let open = open.with_context(|| format!("failed to open `{}`", file.display()))?;
        let open = Arc::new(open);
        let queues: Arc<dyn TenantQueues> = match &lock {
            Some(lock) => Arc::new(File::open(&lock.queue_db(), open.clone())?),
            None => Arc::new(NoQueues("not looked at: the folder is in use")),
        };
        Ok(Self {
            control: open.clone(),
            metrics: open.clone(),
            raw: open,
            queues,
            _lock: lock,
        })
    }
}
