//! The whole operator over a thousand pipelines, scaled in one loop: Deployments and statuses on a real API server, the
//! workers' beats in a real PostgreSQL, the queues in memory; and what a real RabbitMQ takes to be asked about as many.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use sendry_domain::id::{PipelineName, TenantId};
use sendry_operator::autoscaler::FIELD_MANAGER;
use sendry_queue::{
    QueueDepths,
    adapters::amqp::{AmqpDepths, AmqpOptions, AmqpQueue},
    topology::{Limits, TenantQueues, desired},
};
use sendry_servers::{kube::Kube, postgres::Postgres};
use serde_json::{Value, json};

use super::{
    PATIENCE, SCALED,
    child::{OperatorProcess, State},
    cluster::Cluster,
    crews::Crews,
    list, names, process, seconds,
    waves::Size,
};
use crate::report;

/// Looks before it is measured, so that every pipeline was told of once.
const WARM: u64 = 30;
/// Looks of a real broker.
const LOOKS: usize = 20;

/// Measures the operator for `rest` while it follows the load of all pipelines.
pub async fn measure(
    kube: &Kube,
    cluster: &Cluster,
    postgres: &Postgres,
    (database, url): (&str, &str),
    folder: &Path,
    (size, rest): (Size, Duration),
) -> anyhow::Result<()> {
    let count = size.tenants * size.each;
    let args = process::Args {
        size,
        ..process::Args::new(cluster, url, SCALED)
    };
    let mut operator = OperatorProcess::start(process::command(&args)?, SCALED, folder)?;
    let tenants = size.tenants as u64;
    cluster.make(SCALED, &names(SCALED, size.tenants)).await?;
    operator
        .until("all tenants to be Ready", PATIENCE, |state| {
            state.count("ready") == tenants
        })
        .await?;
    without_controllers(kube)?;
    let crews = Crews {
        cluster,
        postgres,
        database,
    };
    let scaled = crews.beside(async {
        let began = Instant::now();
        cluster.pipelines(size).await?;
        let all = count as u64;
        let ready = |state: &State| state.count("pipelinesReady") == all;
        operator
            .until("all pipelines to be Ready", PATIENCE, ready)
            .await?;
        report::figure(
            &format!("{count} pipelines of {tenants} tenants from `kubectl create` to Ready"),
            seconds(began.elapsed()),
            "",
        );
        // It is never at rest: numbers change all the time.
        let before = operator.state()?.count("ticks");
        let warm = |state: &State| state.count("ticks") >= before + WARM;
        let before = operator.until("the first looks", PATIENCE, warm).await?;
        let (began, cpu) = (Instant::now(), operator.cpu_seconds()?);
        tokio::time::sleep(rest).await;
        let after = operator.state()?;
        let cpu = operator.cpu_seconds()? - cpu;
        Ok((before, after, cpu, began.elapsed()))
    });
    let (before, after, cpu, took) = scaled.await?;
    told(count, &before, &after);
    report::figure(
        "CPU of the whole operator meanwhile",
        format!("{:.1} % of a core", cpu / took.as_secs_f64() * 100.0),
        "≤ 15 %",
    );
    let (now, most) = operator.resident_mib()?;
    report::figure(
        "resident memory of it; at most so far",
        format!("{now:.0} MiB; {most:.0} MiB"),
        "≤ 200 MiB",
    );
    operator.stop()?;
    let (told, workers) = cluster.scaled().await?;
    ensure!(told == count, "{told} of {count} pipelines were told of");
    report::figure("workers asked for in the end", workers, "");
    Ok(())
}

fn told(count: usize, before: &State, after: &State) {
    let grown = |what: &str| after.count(what) - before.count(what);
    let ticks = grown("ticks").max(1);
    let mean = |what: &str| format!("{:.0} ms", grown(what) as f64 / ticks as f64 / 1e3);
    report::figure(
        &format!("looks at {count} pipelines, one each 2 s"),
        grown("ticks"),
        "",
    );
    report::figure("a look with its decisions, mean", mean("tickUs"), "≤ 1 s");
    report::figure("of it asking, mean", mean("lookUs"), "");
    report::figure("looks that took longer than 1 s", grown("ticksOver1s"), "0");
    report::figure(
        "numbers changed, by reason",
        list(&after.since(before, "decisions")),
        "",
    );
    report::figure(
        "writes of them by how they ended",
        list(&after.since(before, "scales")),
        "",
    );
    report::figure(
        "from a decision until the API server had it: within 100 ms, within 1 s, all",
        format!(
            "{}, {}, {}",
            grown("writesIn100ms"),
            grown("writesIn1s"),
            grown("writesAll")
        ),
        "≤ 100 ms each",
    );
    report::figure(
        &format!("writes to the API server ({FIELD_MANAGER})"),
        list(&after.since(before, "writes")),
        "",
    );
}

/// Nobody makes pods of the Deployments: there are no nodes, and it would be the controllers that are measured.
fn without_controllers(kube: &Kube) -> anyhow::Result<()> {
    let ids = kube.ids();
    let manager = ids.get(1).context("no controller manager")?;
    manager.stop("TERM", PATIENCE)
}

/// How long a real RabbitMQ takes to be asked about `count` quorum queues.
pub async fn real_broker(url: &str, count: usize) -> anyhow::Result<()> {
    let options = AmqpOptions::new(url)?;
    let queue = AmqpQueue::connect(options.clone());
    let tenant = TenantId::new("asked")?;
    let pipelines = (0..count).map(|number| PipelineName::new(&format!("p-{number:04}")));
    let pipelines = pipelines.collect::<Result<Vec<_>, _>>()?;
    let queues = TenantQueues::new(tenant.clone(), pipelines.clone(), Limits::default());
    let began = Instant::now();
    queue.declare(&desired("bench", &[queues])).await?;
    let declared = began.elapsed();
    let names: Vec<_> = pipelines
        .into_iter()
        .map(|name| sendry_domain::routing::QueueName::Pipeline(tenant.clone(), name))
        .collect();
    let depths = AmqpDepths::connect(options);
    let mut took = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        let began = Instant::now();
        let answers = depths.depths(&names).await;
        took.push(began.elapsed());
        let known = answers.iter().filter(|answer| answer.is_ok()).count();
        ensure!(known == count, "{known} of {count} queues were told of");
    }
    took.sort();
    report::figure(
        &format!(
            "{count} quorum queues asked on a real RabbitMQ, all empty and so twice: median, slowest of {LOOKS}"
        ),
        format!(
            "{} ms, {} ms",
            took[LOOKS / 2].as_millis(),
            took[LOOKS - 1].as_millis()
        ),
        "≤ 1 s",
    );
    report::figure(
        "(to declare them took)",
        format!("{:.0} s", declared.as_secs_f64()),
        "",
    );
    Ok(())
}

impl Cluster {
    /// Makes the pipelines of every tenant, in its namespace.
    async fn pipelines(&self, size: Size) -> anyhow::Result<()> {
        let pipeline = |(tenant, name): (String, String)| {
            json!({
                "apiVersion": "sendry.io/v1alpha1",
                "kind": "SendryPipeline",
                "metadata": {"name": name, "namespace": tenant},
                "spec": {"services": [name], "scaling": {"max": 20}},
            })
        };
        let items: Vec<Value> = size.names().into_iter().map(pipeline).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.kubectl(&["create", "-f", "-"], Some(list.to_string()))
            .await
            .map(drop)
    }

    /// Pipelines whose status says how many workers there should be, and how many those are together.
    async fn scaled(&self) -> anyhow::Result<(usize, u64)> {
        let args = ["get", "spl", "--all-namespaces", "-o", "json"];
        let found: Value = serde_json::from_str(&self.kubectl(&args, None).await?)?;
        let items = found["items"].as_array().context("no list")?;
        let said: Vec<u64> = items
            .iter()
            .filter_map(|item| item["status"]["desiredReplicas"].as_u64())
            .collect();
        Ok((said.len(), said.iter().sum()))
    }
}
