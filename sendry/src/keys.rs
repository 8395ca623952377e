//! API keys: made, listed, revoked. Works beside a running Sendry, which follows within 2 s.

use std::{io::Write, sync::Arc};

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use sendry_domain::{
    api_key::{ApiKey, ENTROPY},
    id::{KeyId, TenantId},
    time::UnixMillis,
};
use sendry_runtime::clock::{Clock, SystemClock};
use sendry_store::{ControlStore, KeyRecord};

use crate::settings_store::{SettingsStoreArgs, block_on, ensure_tenant};

/// `sendry keys`
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(flatten)]
    store: SettingsStoreArgs,
    /// Whose keys
    #[arg(long, default_value = "default")]
    tenant: TenantId,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key; it is shown once, now
    Create {
        /// What people call it
        #[arg(long, default_value = "")]
        name: String,
        /// Services it may write for (default: all)
        #[arg(long, value_delimiter = ',')]
        services: Vec<String>,
        /// Networks it may be used from, in CIDR notation (default: all)
        #[arg(long, value_delimiter = ',')]
        networks: Vec<ipnet::IpNet>,
        /// May write history up to 25 months back: for an operator, not for an app
        #[arg(long)]
        backfill: bool,
    },
    /// Make a key for a vault, without telling any Sendry: an operator takes it in by `secretRef`
    ///
    /// Prints the key, and the fingerprint by which a SendryTenant's status shows it.
    Generate {
        /// Print JSON
        #[arg(long, hide_env = true)]
        json: bool,
    },
    /// List keys
    List,
    /// Revoke a key for good
    Revoke {
        /// Its id, as `list` shows it
        id: KeyId,
    },
}

/// Makes a key from the system's randomness.
#[must_use]
pub fn mint() -> ApiKey {
    let mut entropy = [0; ENTROPY];
    rand::fill(&mut entropy);
    ApiKey::mint(&entropy)
}

/// A record for `key` that may write for everything.
#[must_use]
pub fn record(key: &ApiKey, tenant: &TenantId, name: &str, now: UnixMillis) -> KeyRecord {
    KeyRecord {
        id: key.id().clone(),
        tenant: tenant.clone(),
        hash: key.hash(),
        name: name.to_owned(),
        services: Vec::new(),
        networks: Vec::new(),
        backfill: false,
        created_at: now,
        not_after: None,
        revoked_at: None,
        managed: None,
    }
}

/// Runs the command.
pub fn run(args: KeysArgs) -> anyhow::Result<()> {
    let KeysArgs {
        store,
        tenant,
        command,
    } = args;
    if let KeysCommand::Generate { json } = command {
        return generate(json);
    }
    block_on(async {
        let store = store.open().await?;
        act(store.as_ref(), &tenant, command, &SystemClock::shared()).await
    })
}

/// Prints a key that no store knows.
fn generate(json: bool) -> anyhow::Result<()> {
    let key = mint();
    let (id, fingerprint) = (key.id().as_str(), key.hash().fingerprint());
    let mut out = std::io::stdout().lock();
    if json {
        let text = serde_json::json!({ "key": key.expose(), "id": id, "fingerprint": fingerprint });
        writeln!(out, "{text}")?;
    } else {
        writeln!(out, "key          {}", key.expose())?;
        writeln!(out, "fingerprint  {fingerprint}")?;
    }
    Ok(())
}

async fn act(
    store: &dyn ControlStore,
    tenant: &TenantId,
    command: KeysCommand,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<()> {
    let now = UnixMillis(clock.now_ms());
    let snapshot = store.snapshot().await?;
    ensure_tenant(&snapshot, tenant)?;
    let mut out = std::io::stdout().lock();
    match command {
        KeysCommand::Create {
            name,
            services,
            networks,
            backfill,
        } => {
            let key = mint();
            let networks = networks.iter().map(ToString::to_string).collect();
            let record = KeyRecord {
                services,
                networks,
                backfill,
                ..record(&key, tenant, &name, now)
            };
            store.add_key(&record).await?;
            writeln!(out, "{}", key.expose())?;
        }
        KeysCommand::Generate { .. } => bail!("a key for a vault needs no store"),
        KeysCommand::List => {
            writeln!(out, "{:<14} {:<10} {:<26} NAME", "ID", "STATE", "CREATED")?;
            for key in snapshot.keys.iter().filter(|k| k.tenant == *tenant) {
                let state = match (key.revoked_at, key.not_after) {
                    (Some(_), _) => "revoked",
                    (None, Some(end)) if now >= end => "expired",
                    _ if key.backfill => "operator",
                    _ => "valid",
                };
                let created = key.created_at.to_rfc3339().unwrap_or_default();
                writeln!(
                    out,
                    "{:<14} {state:<10} {created:<26} {}",
                    key.id.as_str(),
                    key.name
                )?;
            }
        }
        KeysCommand::Revoke { id } => {
            ensure!(
                store.revoke_key(tenant, &id, now).await?,
                "tenant `{tenant}` has no key `{id}`"
            );
            writeln!(
                out,
                "{id} is revoked; a running Sendry refuses it within 5 seconds"
            )?;
        }
    }
    Ok(())
}
