//! What somebody does to a broker behind our back: one of every kind, all at once.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sendry_domain::routing::{EXCHANGE, QueueName};
use sendry_queue::{
    adapters::rabbitmq_management::RabbitManagement,
    topology::{
        Binding, Logins, Observed, Permission, Policy, Reading, Removal, Repair, SecretText,
        TopologyBroker, User, owner_tag, queue_named, reader_of,
    },
};
use sendry_testkit::cluster::Broker;
use serde_json::json;

/// Kinds of drift below.
pub const KINDS: usize = 9;

/// Does all of it, one kind to a tenant, the exchange to everybody; then waits until everything is as before. How long
/// that took.
pub async fn heals(
    url: &str,
    (vhost, owner): (&str, &str),
    http: &Broker,
    within: Duration,
) -> anyhow::Result<Duration> {
    let broker = RabbitManagement::new(url, vhost)?;
    let before = settled(broker.observe(Reading::QueuesAndLogins).await?);
    disturb(&broker, (vhost, owner), http, &before).await?;
    let began = Instant::now();
    loop {
        let now = settled(broker.observe(Reading::QueuesAndLogins).await?);
        if now == before {
            return Ok(began.elapsed());
        }
        ensure!(
            began.elapsed() < within,
            "after {within:?} the broker still differs from before: {now:?} from {before:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn disturb(
    broker: &RabbitManagement,
    (vhost, owner): (&str, &str),
    http: &Broker,
    before: &Observed,
) -> anyhow::Result<()> {
    let queues: Vec<QueueName> = before
        .queues
        .iter()
        .filter_map(|q| queue_named(&q.name))
        .collect();
    ensure!(
        queues.len() >= KINDS,
        "{} queues are too few for {KINDS} kinds of drift",
        queues.len()
    );
    let policy = |at: usize| -> anyhow::Result<Policy> {
        let name = queues[at].to_string();
        let found = before.policies.iter().find(|p| p.name.ends_with(&name));
        found
            .cloned()
            .with_context(|| format!("no policy for {name}"))
    };
    let binding = |at: usize| -> anyhow::Result<Binding> {
        let name = queues[at].to_string();
        let found = before.bindings.iter().find(|b| b.queue == name);
        found
            .cloned()
            .with_context(|| format!("no binding of {name}"))
    };
    let changed = {
        let mut policy = policy(2)?;
        policy.definition.insert("max-length".to_owned(), json!(1));
        policy
    };
    let surplus = Binding {
        routing_key: "somebody.else.#".to_owned(),
        ..binding(4)?
    };
    let wide = Permission {
        configure: String::new(),
        write: ".*".to_owned(),
        read: ".*".to_owned(),
    };
    let stolen = User {
        name: reader_of(&queues[7]),
        password: SecretText::new("stolen"),
        // Without our tag it would be somebody else's, and stay.
        tags: vec![owner_tag(owner), "administrator".to_owned()],
        permission: wide.clone(),
        adopt: false,
    };
    let removals = [
        Removal::Queue(queues[0].to_string()),
        Removal::User(reader_of(&queues[5])),
    ];
    for removal in &removals {
        broker.apply_removal(removal).await?;
    }
    let repairs = [
        Repair::RemovePolicy(policy(1)?.name),
        Repair::PutPolicy(changed),
        Repair::Unbind(binding(3)?),
        Repair::Bind(surplus),
        Repair::PutPermission(reader_of(&queues[6]), wide),
        Repair::PutUser(stolen),
    ];
    for repair in &repairs {
        broker.apply(repair).await?;
    }
    http.delete(&format!("/api/exchanges/{vhost}/{EXCHANGE}"))
        .await
}

/// What two readings can be compared by: in order, and without the salt of passwords.
fn settled(mut observed: Observed) -> Observed {
    observed.exchanges.sort_by(|a, b| a.name.cmp(&b.name));
    observed.queues.sort_by(|a, b| a.name.cmp(&b.name));
    observed.policies.sort_by(|a, b| a.name.cmp(&b.name));
    observed.bindings.sort_by(|a, b| {
        (&a.source, &a.queue, &a.routing_key).cmp(&(&b.source, &b.queue, &b.routing_key))
    });
    if let Logins::Read { users, permissions } = &mut observed.logins {
        users.sort_by(|a, b| a.name.cmp(&b.name));
        for user in users {
            user.password_hash = SecretText::new("");
        }
        permissions.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    observed
}
