//! What a person and a script are told once everything serves.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail};
use sendry_runtime::health::Health;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::data_dir::Credentials;

/// How long the parts may take to come up.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Where things are.
pub(super) struct Addresses {
    /// Ingest, API and dashboard.
    pub(super) base: String,
    /// Health and metrics.
    admin: String,
}

impl Addresses {
    pub(super) fn new(listen: SocketAddr, admin: SocketAddr) -> Self {
        Self {
            base: url(listen),
            admin: url(admin),
        }
    }
}

/// A URL that works on this machine: an unspecified address is reached by loopback.
fn url(address: SocketAddr) -> String {
    let ip = if address.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        address.ip()
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// Waits until `/readyz` would say yes.
pub(super) async fn wait_until_ready(
    health: &Health,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let ready = async {
        while !health.readiness().ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = ready => Ok(()),
        () = stop.cancelled() => Ok(()),
        () = tokio::time::sleep(READY_WITHIN) => bail!("not ready after {READY_WITHIN:?}:\n{}", health.readiness()),
    }
}

/// Writes the file that scripts wait for, all or nothing.
pub(super) fn write_ready_file(
    file: &Path,
    addresses: &Addresses,
    credentials: &Credentials,
) -> anyhow::Result<()> {
    let text = json!({
        "dashboard": format!("{}/", addresses.base),
        "ingest": format!("{}/api/v1/events", addresses.base),
        "admin": addresses.admin,
        "tenant": credentials.tenant,
        "apiKey": credentials.api_key,
    });
    let new = file.with_extension("new");
    std::fs::write(&new, text.to_string())
        .and_then(|()| std::fs::rename(&new, file))
        .with_context(|| format!("failed to write ready file `{}`", file.display()))
}

/// Tells a person where to look and what to send.
pub(super) fn print(addresses: &Addresses, credentials: &Credentials, data: &Path, demo: bool) {
    let Addresses { base, admin } = addresses;
    let key = &credentials.api_key;
    let text = format!(
        r#"
  Sendry is up.

  Dashboard   {base}/
  API key     {key}
  Data        {data}    Health  {admin}/readyz?verbose

  Send an event:
  curl -s {base}/api/v1/events -H 'X-API-Key: {key}' -H 'content-type: application/json' \
    -d '{{"events":[{{"serviceName":"shop","endpoint":"/orders/:id","method":"GET","statusCode":200,"latencyMs":12.5}}]}}'
{demo}"#,
        data = data.display(),
        demo = if demo {
            "\n  A simulated shop is being filled in; its history appears day by day, newest first.\n"
        } else {
            ""
        },
    );
    // A closed standard output is no reason to stop serving.
    let _ = writeln!(std::io::stdout(), "{text}");
}
