//! Tenants of a Sendry without an operator: made, listed, limited, suspended. And of any Sendry: purged.

use std::io::Write;

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use sendry_domain::{
    id::{PipelineName, TenantId},
    limit::Rate,
    time::{DAY, UnixMillis},
    window::Window,
};
use sendry_runtime::clock::SystemClock;
use sendry_store::{ControlStore, PipelineRecord, TenantRecord};

use crate::{
    purge::{self, PurgeArgs},
    settings_store::{SettingsStoreArgs, block_on},
};

/// `sendry tenants`
#[derive(Debug, Args)]
pub struct TenantsArgs {
    #[command(flatten)]
    store: SettingsStoreArgs,
    #[command(subcommand)]
    command: TenantsCommand,
}

#[derive(Debug, Subcommand)]
enum TenantsCommand {
    /// Make a tenant, or change its limits; running processes follow within seconds
    Put {
        /// Its name: [a-z0-9-], at most 40
        name: TenantId,
        /// Events per second it may send (default: unlimited)
        #[arg(long, value_name = "N")]
        events_per_second: Option<u32>,
        /// Events it may send at once (default: two seconds' worth)
        #[arg(long, value_name = "N", requires = "events_per_second")]
        burst: Option<u32>,
    },
    /// List tenants
    List,
    /// Refuse its events with 503 `suspended`
    Suspend {
        /// Its name
        name: TenantId,
    },
    /// Take its events again
    Resume {
        /// Its name
        name: TenantId,
    },
    /// Erase it for good, with everything it has; without --yes, say what there is
    #[command(long_about = purge::ABOUT, after_long_help = purge::EXAMPLES)]
    Purge(Box<PurgeArgs>),
}

/// Runs the command.
pub fn run(args: TenantsArgs) -> anyhow::Result<()> {
    let TenantsArgs { store, command } = args;
    block_on(async {
        let command = match command {
            TenantsCommand::Purge(args) => return purge::run(store, *args).await,
            other => other,
        };
        let store = store.open().await?;
        let now = UnixMillis(SystemClock::shared().now_ms());
        act(store.as_ref(), command, now).await
    })
}

async fn act(
    store: &dyn ControlStore,
    command: TenantsCommand,
    now: UnixMillis,
) -> anyhow::Result<()> {
    let snapshot = store.snapshot().await?;
    let find = |name: &TenantId| match snapshot.tenants.iter().find(|t| t.id == *name) {
        Some(tenant) => Ok(tenant.clone()),
        None => bail!("there is no tenant `{name}` (`sendry tenants list` shows those there are)"),
    };
    let mut out = std::io::stdout().lock();
    match command {
        TenantsCommand::Put {
            name,
            events_per_second,
            burst,
        } => {
            let rate = events_per_second.map(|per_second| Rate {
                per_second,
                burst: burst.unwrap_or(per_second.saturating_mul(2)),
            });
            let new = find(&name).is_err();
            let tenant = find(&name).unwrap_or_else(|_| fresh(name.clone()));
            store.put_tenant(&TenantRecord { rate, ..tenant }).await?;
            if new {
                store.put_pipeline(&catch_all(&name, now)).await?;
            }
            writeln!(out, "{name}")?;
        }
        TenantsCommand::List => {
            writeln!(out, "{:<24} {:<10} EVENTS/S", "NAME", "STATE")?;
            for tenant in &snapshot.tenants {
                let state = match tenant {
                    tenant if tenant.retained_at.is_some() => "retained",
                    tenant if tenant.suspended => "suspended",
                    _ => "active",
                };
                let rate = tenant.rate.map_or("unlimited".to_owned(), |rate| {
                    format!("{} (burst {})", rate.per_second, rate.burst)
                });
                writeln!(out, "{:<24} {state:<10} {rate}", tenant.id.as_str())?;
            }
        }
        TenantsCommand::Suspend { name } => suspend(store, find(&name)?, true).await?,
        TenantsCommand::Resume { name } => {
            let tenant = find(&name)?;
            ensure!(
                tenant.retained_at.is_none(),
                "tenant `{name}` was retained when its SendryTenant was deleted: apply a SendryTenant of that name to take it up \
                 again, or erase it with `sendry tenants purge {name}`"
            );
            suspend(store, tenant, false).await?;
        }
        TenantsCommand::Purge(_) => bail!("a purge opens its stores itself"),
    }
    Ok(())
}

async fn suspend(
    store: &dyn ControlStore,
    tenant: TenantRecord,
    suspended: bool,
) -> anyhow::Result<()> {
    let tenant = TenantRecord {
        suspended,
        ..tenant
    };
    Ok(store.put_tenant(&tenant).await?)
}

/// A tenant with the defaults.
#[must_use]
pub fn fresh(id: TenantId) -> TenantRecord {
    TenantRecord {
        id,
        suspended: false,
        rate: None,
        window: Window::default(),
        raw_retention: 30 * DAY,
        max_payload: None,
        retained_at: None,
        stamp: None,
    }
}

/// The pipeline of a tenant that configured none.
#[must_use]
pub fn catch_all(tenant: &TenantId, now: UnixMillis) -> PipelineRecord {
    PipelineRecord {
        tenant: tenant.clone(),
        name: PipelineName::fallback(),
        services: Vec::new(),
        environments: Vec::new(),
        created_at: now,
        retired: false,
    }
}
