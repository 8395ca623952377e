//! Pipelines of a tenant without an operator: made, re-pointed, listed, retired.

use std::io::Write;

use anyhow::bail;
use clap::{Args, Subcommand};
use sendry_domain::{
    id::{PipelineName, TenantId},
    time::UnixMillis,
};
use sendry_runtime::clock::SystemClock;
use sendry_store::{ControlStore, PipelineRecord};

use crate::settings_store::{SettingsStoreArgs, block_on, ensure_tenant};

/// `sendry pipelines`
#[derive(Debug, Args)]
pub struct PipelinesArgs {
    #[command(flatten)]
    store: SettingsStoreArgs,
    /// Whose pipelines
    #[arg(long, default_value = "default")]
    tenant: TenantId,
    #[command(subcommand)]
    command: PipelinesCommand,
}

#[derive(Debug, Subcommand)]
enum PipelinesCommand {
    /// Make a pipeline, or point it elsewhere; the most specific pattern takes an event
    Put {
        /// Its name: [a-z0-9-], at most 40, not `parked`
        name: PipelineName,
        /// Services it takes (default: all)
        #[arg(long, value_delimiter = ',')]
        services: Vec<String>,
        /// Environments it takes (default: all)
        #[arg(long, value_delimiter = ',')]
        environments: Vec<String>,
    },
    /// List pipelines
    List,
    /// Give it no new events; its queue is drained and stays
    Retire {
        /// Its name
        name: PipelineName,
    },
}

/// Runs the command.
pub fn run(args: PipelinesArgs) -> anyhow::Result<()> {
    let PipelinesArgs {
        store,
        tenant,
        command,
    } = args;
    block_on(async {
        let store = store.open().await?;
        let now = UnixMillis(SystemClock::shared().now_ms());
        act(store.as_ref(), &tenant, command, now).await
    })
}

async fn act(
    store: &dyn ControlStore,
    tenant: &TenantId,
    command: PipelinesCommand,
    now: UnixMillis,
) -> anyhow::Result<()> {
    let snapshot = store.snapshot().await?;
    ensure_tenant(&snapshot, tenant)?;
    let own = || snapshot.pipelines.iter().filter(|p| p.tenant == *tenant);
    let mut out = std::io::stdout().lock();
    match command {
        PipelinesCommand::Put {
            name,
            services,
            environments,
        } => {
            let pipeline = PipelineRecord {
                tenant: tenant.clone(),
                name,
                services,
                environments,
                created_at: now,
                retired: false,
            };
            store.put_pipeline(&pipeline).await?;
            writeln!(out, "{}", pipeline.name)?;
        }
        PipelinesCommand::List => {
            writeln!(
                out,
                "{:<24} {:<8} {:<28} ENVIRONMENTS",
                "NAME", "STATE", "SERVICES"
            )?;
            for pipeline in own() {
                let state = if pipeline.retired {
                    "retired"
                } else {
                    "active"
                };
                let or_all = |names: &[String]| match names {
                    [] => "*".to_owned(),
                    names => names.join(","),
                };
                let (services, environments) =
                    (or_all(&pipeline.services), or_all(&pipeline.environments));
                let name = pipeline.name.as_str();
                writeln!(out, "{name:<24} {state:<8} {services:<28} {environments}")?;
            }
        }
        PipelinesCommand::Retire { name } => {
            let Some(pipeline) = own().find(|p| p.name == name) else {
                bail!("tenant `{tenant}` has no pipeline `{name}`");
            };
            let retired = PipelineRecord {
                retired: true,
                ..pipeline.clone()
            };
            store.put_pipeline(&retired).await?;
            writeln!(
                out,
                "{name} is retired; what waits in its queue is still counted"
            )?;
        }
    }
    Ok(())
}
