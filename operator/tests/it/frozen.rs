//! Real processes: one is stopped in the middle of leading, another takes over, and the first is let go on.

use std::{path::Path, process::Command, time::Duration};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use sendry_servers::{
    kube::{Kube, Options},
    postgres::{self, Postgres},
    process::Process,
};
use sendry_store::adapters::postgres::{PostgresOptions, PostgresStore};
use serde_json::json;

use crate::{
    proxy::Proxy,
    support::{Corner, eventually, is, lax_definition},
};

/// `sendry-operator run` behind a proxy, with short terms.
fn start(corner: &Corner, proxy: &Proxy, postgres: &str, folder: &Path, name: &str) -> Process {
    let kubeconfig = proxy.kubeconfig(folder.join(format!("{name}.kubeconfig")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_sendry-operator"));
    command.args(["run", "--pod-name", name, "--namespace", &corner.name]);
    command.args(["--watch-filter", &corner.name, "--postgres-url", postgres]);
    command.args(["--management-url", "http://guest:guest@127.0.0.1:1"]);
    command.args(["--queue-url", "amqp://guest:guest@127.0.0.1:1"]);
    command.args([
        "--lease-duration",
        "3s",
        "--lease-renew",
        "300ms",
        "--lease-give-up",
        "2s",
    ]);
    command.arg("--kubeconfig").arg(kubeconfig);
    command.args(["--log", "debug,kube=info,hyper=info,tower=info"]);
    Process::start(&mut command, &folder.join(format!("{name}.log"))).unwrap()
}

async fn leads(corner: &Corner, name: &str) {
    let leases: Api<Lease> = Api::namespaced(corner.client.clone(), &corner.name);
    eventually(&format!("{name} to lead"), async || {
        let all = leases
            .list(&Default::default())
            .await
            .map_err(|error| error.to_string())?;
        let holders = all
            .items
            .into_iter()
            .filter_map(|lease| lease.spec?.holder_identity);
        let holders: Vec<String> = holders.collect();
        is(
            holders.iter().any(|holder| holder.starts_with(name)),
            holders,
        )
    })
    .await;
}

/// An operator tells of what it cannot read: that is a write, whoever reconciles.
async fn told(proxy: &Proxy, from: usize, at_least: usize) {
    eventually("Events to be told", async || {
        let writes = proxy.writes_since(from);
        is(writes.len() >= at_least, writes)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_writes_nothing_when_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Kube::start(folder.path(), &Options::default()).unwrap();
    let mut postgres = Postgres::start(folder.path(), &postgres::Options::default()).unwrap();
    let url = postgres.url();
    PostgresStore::migrate(&PostgresOptions::new(&url))
        .await
        .unwrap();
    let corner = Corner::on(&server.kubeconfig()).await;
    corner.apply(&lax_definition());
    corner.established().await;
    let unreadable = async |names: std::ops::Range<u32>| {
        for n in names {
            corner
                .object(
                    &corner.tenant_name(&format!("bad-{n}")),
                    json!({"namespace": 7}),
                )
                .await;
        }
    };

    let of_first = Proxy::start(corner.client.clone()).await;
    let mut first = start(&corner, &of_first, &url, folder.path(), "first");
    leads(&corner, "first").await;
    unreadable(0..3).await;
    told(&of_first, 0, 3).await;

    let of_second = Proxy::start(corner.client.clone()).await;
    let mut second = start(&corner, &of_second, &url, folder.path(), "second");
    // It stands by when it has read the lease.
    eventually("the second to stand by", async || {
        let asked = of_second.asked();
        is(
            asked.iter().any(|asked| asked.path.contains("/leases")),
            asked.len(),
        )
    })
    .await;
    first.id().pause();
    let frozen_at = of_first.count();
    leads(&corner, "second").await;
    // Things to do for whoever believes that it leads.
    unreadable(3..20).await;
    told(&of_second, 0, 20).await;

    first.id().resume();
    // Awake, and a standby: it reads the lease again and again.
    eventually("the first to go on", async || {
        let asked = of_first.asked();
        let leases = asked[frozen_at..]
            .iter()
            .filter(|asked| asked.path.contains("/leases"));
        is(leases.clone().count() > 5, leases.collect::<Vec<_>>())
    })
    .await;
    assert_eq!(of_first.writes_since(frozen_at), []);

    // An orderly end hands over at once, and both end with success.
    second.stop("TERM", Duration::from_secs(20)).unwrap();
    leads(&corner, "first").await;
    first.stop("TERM", Duration::from_secs(20)).unwrap();
    drop(corner);
    postgres.stop().unwrap();
    server.stop().unwrap();
}
