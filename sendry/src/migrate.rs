//! `sendry migrate`: the schemas of PostgreSQL and MongoDB, brought up to this build. Safe to repeat, and to run several
//! times at once.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use sendry_runtime::config::SecretString;
use sendry_store::adapters::{
    mongodb::{MongoOptions, MongoStore},
    postgres::{PostgresOptions, PostgresStore},
};

use crate::settings_store::block_on;

/// `sendry migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// PostgreSQL, such as postgres://user:password@host/database; the user owns the schema
    #[arg(long, value_name = "URL")]
    postgres_url: SecretString,
    /// MongoDB, such as mongodb://host:27017/sendry; its indexes are made
    #[arg(long, value_name = "URL")]
    mongodb_url: Option<SecretString>,
}

/// Runs the command.
pub fn run(args: MigrateArgs) -> anyhow::Result<()> {
    let MigrateArgs {
        postgres_url,
        mongodb_url,
    } = args;
    block_on(async {
        let mut out = std::io::stdout().lock();
        PostgresStore::migrate(&PostgresOptions::new(postgres_url.expose()))
            .await
            .context("failed to migrate PostgreSQL")?;
        writeln!(out, "PostgreSQL is up to date")?;
        if let Some(url) = mongodb_url {
            let store = MongoStore::connect(MongoOptions::new(url.expose())).await?;
            store.prepare().await.context("failed to prepare MongoDB")?;
            writeln!(out, "MongoDB is up to date")?;
        }
        Ok(())
    })
}
