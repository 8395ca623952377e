//! `sendry tenants purge NAME`: the only eraser.
//!
//! **Guarantee.** Nothing is erased of a tenant that takes events or that an operator keeps, and nothing of any other
//! tenant. What was stopped in the middle – by a kill, a store that is away, somebody who resumed the tenant – is gone on
//! with by the same command: the order is queues, raw events, counts, settings, so the tenant is there until everything
//! else is gone.
//!
//! **What comes late.** The first step of the counts puts up a fence: what ingest accepted before this command began is
//! counted no more, whoever still holds it ([`MetricEraser::erase`](sendry_store::MetricEraser::erase)). A worker that had
//! counted just before may still store raw events of it, so those are looked for again at the end; one that is slower
//! still leaves events that this command, run once more, erases, and that their retention ends otherwise.

mod erase;
mod parts;
mod queues;
mod survey;

#[cfg(test)]
mod tests;

use std::io::{IsTerminal, Write};

use anyhow::{bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sendry_domain::{id::TenantId, time::UnixMillis};
use sendry_runtime::{clock::SystemClock, config::SecretString};

use self::{erase::erase, parts::Parts, survey::Survey};
use crate::settings_store::SettingsStoreArgs;

/// What `--help` says first.
pub const ABOUT: &str = "Erase a tenant for good: queues, raw events, counts, dead letters, keys, settings

Without --yes it only says what there is. It must be suspended first (`sendry tenants suspend NAME`), or, where an \
operator keeps it, its SendryTenant must be deleted, which retains everything until this command is run.

Stopped in the middle, it goes on where it was when it is run again. Nothing brings back what is gone.";

/// What `--help` says last.
pub const EXAMPLES: &str = "Examples:
  sendry tenants purge acme                        what there is
  sendry tenants purge acme --yes --confirm acme   erase it
  sendry tenants --postgres-url \"$PG\" purge acme --mongodb-url \"$MONGO\" --management-url \"$RABBIT\" --yes --confirm acme

Exit codes: 0 erased, or shown; 1 not erased, or not all of it, with the reason.";

/// `sendry tenants purge`
#[derive(Debug, Args)]
pub struct PurgeArgs {
    /// Its name
    name: TenantId,
    /// MongoDB of the separate processes, where the raw events are; needed with --postgres-url
    #[arg(long, value_name = "URL")]
    mongodb_url: Option<SecretString>,
    /// RabbitMQ's management API, such as http://user:password@host:15672; without it the broker is left alone
    #[arg(long, value_name = "URL")]
    management_url: Option<SecretString>,
    /// RabbitMQ's virtual host
    #[arg(long, value_name = "NAME", default_value = "/")]
    vhost: String,
    /// The mark of what is ours on the broker: the operator's --cluster-id
    #[arg(long, value_name = "NAME", default_value = "sendry")]
    cluster_id: String,
    /// Erase it, instead of saying what there is
    #[arg(long, hide_env = true, requires = "confirm")]
    yes: bool,
    /// The tenant's name once more
    #[arg(long, value_name = "NAME", hide_env = true)]
    confirm: Option<String>,
    /// Print JSON
    #[arg(long, hide_env = true)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the tenant may not be erased, something is away, or something is left at the end.
pub async fn run(store: SettingsStoreArgs, args: PurgeArgs) -> anyhow::Result<()> {
    let PurgeArgs {
        name,
        mongodb_url,
        management_url,
        vhost,
        cluster_id,
        yes,
        confirm,
        json,
    } = args;
    if let Some(confirm) = confirm.filter(|_| yes) {
        ensure!(
            confirm == name.as_str(),
            "--confirm says `{confirm}` and the tenant is `{name}`: repeat the tenant's name"
        );
    }
    let broker = management_url
        .as_ref()
        .map(|url| (url, vhost.as_str(), cluster_id.as_str()));
    let parts = Parts::open(&store, mongodb_url.as_ref(), broker, yes).await?;
    let survey = Survey::look(&parts, &name).await?;
    if survey.is_empty() {
        bail!("there is no tenant `{name}` (`sendry tenants list` shows those there are)");
    }
    if !yes {
        return print(&if json {
            survey.json()
        } else {
            survey.to_string()
        });
    }
    survey.may_be_erased()?;
    let bar = progress(&name, survey.rows());
    let now = UnixMillis(SystemClock::shared().now_ms());
    let mut told = |rows| {
        bar.inc(rows);
        Ok(())
    };
    let done = erase(&parts, &name, now, &mut told).await;
    bar.finish_and_clear();
    let rows = done?;
    print(&if json {
        serde_json::json!({ "tenant": name.as_str(), "erased": true, "rows": rows }).to_string()
    } else {
        format!("tenant {name} is erased: {rows} rows, and nothing is left of it")
    })
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", text.trim_end())?)
}

fn progress(name: &TenantId, rows: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(
        "  erase {msg} {bar:30} {percent:>3}% {human_pos}/{human_len} rows, {eta} left",
    );
    ProgressBar::with_draw_target(Some(rows), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(name.to_string())
}
