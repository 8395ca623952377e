//! Where a command finds tenants, pipelines and keys: a laptop's data folder, or PostgreSQL.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, ensure};
use sendry_domain::id::TenantId;
use sendry_runtime::config::SecretString;
use sendry_store::{
    ControlSnapshot, ControlStore,
    adapters::{
        postgres::{PostgresOptions, PostgresStore},
        sqlite::SqliteStore,
    },
};

use crate::cli::DataArgs;

/// Which store.
#[derive(Debug, Clone, clap::Args)]
pub struct SettingsStoreArgs {
    #[command(flatten)]
    data: DataArgs,
    /// PostgreSQL of the separate processes, in the place of a data folder
    #[arg(long, value_name = "URL")]
    pub postgres_url: Option<SecretString>,
}

impl SettingsStoreArgs {
    /// Opens it.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn open(&self) -> anyhow::Result<Arc<dyn ControlStore>> {
        if let Some(url) = &self.postgres_url {
            let store = PostgresStore::connect(PostgresOptions::new(url.expose()));
            return Ok(Arc::new(store.await.context("failed to open PostgreSQL")?));
        }
        let file = self.file()?;
        let store = SqliteStore::open(&file, Default::default())
            .with_context(|| format!("failed to open `{}`", file.display()))?;
        Ok(Arc::new(store))
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.data.data
    }

    /// The folder's store.
    ///
    /// # Errors
    /// When there is none.
    pub fn file(&self) -> anyhow::Result<PathBuf> {
        let folder = self.folder();
        let file = folder.join("store.db");
        ensure!(
            file.exists(),
            "no store in `{}` (start `sendry up` there once, name the folder with --data, or name PostgreSQL with --postgres-url)",
            folder.display()
        );
        Ok(file)
    }
}

/// Says so where there is no such tenant.
///
/// # Errors
/// Then.
pub fn ensure_tenant(snapshot: &ControlSnapshot, tenant: &TenantId) -> anyhow::Result<()> {
    ensure!(
        snapshot.tenants.iter().any(|t| t.id == *tenant),
        "there is no tenant `{tenant}` (`sendry tenants list` shows those there are)"
    );
    Ok(())
}

/// A runtime for one short command.
///
/// # Errors
/// When the system gives no thread for it.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?
        .block_on(work)
}
