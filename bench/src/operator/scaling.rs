//! The autoscaler over a thousand pipelines in one loop: Deployments and statuses on a real API server, the workers' beats
//! in a real PostgreSQL, the queues in memory; and what a real RabbitMQ takes to be asked about as many queues.

pub mod process;

use std::{
    path::Path,
    process::Command,
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

use super::{PATIENCE, child::OperatorProcess, child::State, cluster::Cluster, list};
use crate::report;

/// The namespace of all pipelines. The loop does not care whose namespace one is in.
pub const NAMESPACE: &str = "scaled";
/// Looks before it is measured: everything was told of once.
const WARM: u64 = 30;
/// Looks of a real broker.
const LOOKS: usize = 20;

/// `tenant`'s and pipeline's number in one name, which is also its Deployment's, after `w-`.
pub fn name(number: usize) -> String {
    format!("p-{number:04}")
}

/// Measures the loop for `rest` of its looks.
pub async fn measure(
    kube: &Kube,
    cluster: &Cluster,
    postgres: &Postgres,
    (database, url): (&str, &str),
    folder: &Path,
    (tenants, each, rest): (usize, usize, Duration),
) -> anyhow::Result<()> {
    let count = tenants * each;
    without_controllers(kube)?;
    cluster.pipelines(NAMESPACE, count).await?;
    beat(postgres, database, (count, each))?;
    let args = process::Args {
        kubeconfig: cluster.0.clone(),
        postgres_url: url.to_owned(),
        tenants,
        each,
    };
    let mut scaler = OperatorProcess::start(process::command(&args)?, "scaling", folder)?;
    let warm = beating(postgres, database, (count, each), async {
        let looked = scaler.until("the first looks", PATIENCE, |s| s.count("ticks") >= WARM);
        let before = looked.await?;
        let (began, cpu) = (Instant::now(), scaler.cpu_seconds()?);
        tokio::time::sleep(rest).await;
        let after = scaler.state()?;
        Ok((before, after, scaler.cpu_seconds()? - cpu, began.elapsed()))
    });
    let (before, after, cpu, took) = warm.await?;
    told(count, &before, &after);
    report::figure(
        "CPU of that process",
        format!("{:.1} % of a core", cpu / took.as_secs_f64() * 100.0),
        "≤ 15 %",
    );
    let (now, most) = scaler.resident_mib()?;
    report::figure(
        "resident memory of it; at most so far",
        format!("{now:.0} MiB; {most:.0} MiB"),
        "≤ 200 MiB",
    );
    scaler.stop()?;
    let (told, workers) = cluster.scaled(NAMESPACE).await?;
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
    let manager = ids.get(1).context("no controller manager")?.pid;
    let ended = Command::new("kill").arg(manager.to_string()).status()?;
    ensure!(ended.success(), "the controller manager was not ended");
    Ok(())
}

/// Does `work` while a worker of every pipeline says every 2 s what it did, in one statement for all of them.
async fn beating<T>(
    postgres: &Postgres,
    database: &str,
    (count, each): (usize, usize),
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let beats = async {
        let mut every = tokio::time::interval(Duration::from_millis(sendry_domain::beat::EVERY));
        loop {
            every.tick().await;
            if let Err(error) =
                tokio::task::block_in_place(|| beat(postgres, database, (count, each)))
            {
                return error;
            }
        }
    };
    tokio::select! {
        done = work => done,
        error = beats => Err(error),
    }
}

/// 400 events in 40 messages in the last 2 s, a quarter busy: 1,600 a second each, if they were.
fn beat(postgres: &Postgres, database: &str, (count, each): (usize, usize)) -> anyhow::Result<()> {
    let sql = format!(
        "INSERT INTO process AS p (instance, role, sequence, at, queues)
         SELECT md5(n::text)::uuid, 'worker', 1, 0,
                json_build_array(json_build_object(
                    'tenant', 't-' || lpad((n / {each})::text, 4, '0'), 'pipeline', 'p-' || lpad(n::text, 4, '0'),
                    'consumers', 4, 'inFlight', 2, 'messages', 0, 'events', 0, 'busyUs', 0))::text
         FROM generate_series(0, {count} - 1) AS n
         ON CONFLICT (instance) DO UPDATE SET sequence = p.sequence + 1,
             queues = json_build_array((p.queues::jsonb -> 0) || jsonb_build_object(
                 'messages', p.sequence * 40, 'events', p.sequence * 400, 'busyUs', p.sequence * 2000000))::text"
    );
    postgres.query(database, &sql).map(drop)
}

/// How long a real RabbitMQ takes to be asked about `count` quorum queues.
pub async fn real_broker(url: &str, count: usize) -> anyhow::Result<()> {
    let options = AmqpOptions::new(url)?;
    let queue = AmqpQueue::connect(options.clone());
    let tenant = TenantId::new("asked")?;
    let pipelines = (0..count).map(|number| PipelineName::new(&name(number)));
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
    /// Makes `count` pipelines in a namespace of their own, and their Deployments in the operator's.
    async fn pipelines(&self, namespace: &str, count: usize) -> anyhow::Result<()> {
        self.kubectl(&["create", "namespace", namespace], None)
            .await?;
        let pipeline = |number: usize| {
            json!({
                "apiVersion": "sendry.io/v1alpha1",
                "kind": "SendryPipeline",
                "metadata": {"name": name(number), "namespace": namespace},
                "spec": {"scaling": {"max": 20}},
            })
        };
        let deployment = |number: usize| {
            let labels = json!({"sendry.io/pipeline": name(number)});
            json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": format!("w-{}", name(number)), "namespace": "sendry-system"},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "worker", "image": "nowhere.invalid/worker"}]},
                    },
                },
            })
        };
        let items: Vec<Value> = (0..count)
            .flat_map(|number| [pipeline(number), deployment(number)])
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.kubectl(&["create", "-f", "-"], Some(list.to_string()))
            .await
            .map(drop)
    }

    /// Pipelines whose status says how many workers there should be, and how many those are together.
    async fn scaled(&self, namespace: &str) -> anyhow::Result<(usize, u64)> {
        let args = ["get", "spl", "--namespace", namespace, "-o", "json"];
        let found: Value = serde_json::from_str(&self.kubectl(&args, None).await?)?;
        let items = found["items"].as_array().context("no list")?;
        let said: Vec<u64> = items
            .iter()
            .filter_map(|item| item["status"]["desiredReplicas"].as_u64())
            .collect();
        Ok((said.len(), said.iter().sum()))
    }
}
