use proptest::prelude::*;
use regex::Regex;

use super::*;

const OWNER: &str = "c1";

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn queues(name: &str, pipelines: &[&str]) -> TenantQueues {
    let pipelines = pipelines
        .iter()
        .map(|p| (PipelineName::new(p).unwrap(), Limits::default()))
        .collect();
    TenantQueues {
        tenant: tenant(name),
        pipelines,
    }
}

/// What the broker has after a repair.
fn apply(observed: &mut Observed, repair: &Repair) {
    match repair {
        Repair::DeclareExchange(exchange) => observed.exchanges.push(exchange.clone()),
        Repair::PutPolicy(policy) => {
            observed.policies.retain(|p| p.name != policy.name);
            observed.policies.push(policy.clone());
        }
        Repair::DeclareQueue(queue) => observed.queues.push(ObservedQueue {
            name: queue.name.to_string(),
            arguments: queue.arguments.clone(),
            policy: None,
        }),
        Repair::Bind(binding) => observed.bindings.push(binding.clone()),
        Repair::Unbind(binding) => observed.bindings.retain(|b| b != binding),
    }
}

/// The broker applies the matching policy of the highest priority.
fn settle(observed: &mut Observed) {
    let policies: Vec<_> = observed
        .policies
        .iter()
        .map(|p| (Regex::new(&p.pattern).unwrap(), p))
        .collect();
    for queue in &mut observed.queues {
        queue.policy = policies
            .iter()
            .filter(|(pattern, _)| pattern.is_match(&queue.name))
            .max_by_key(|(_, p)| p.priority)
            .map(|(_, p)| p.name.clone());
    }
}

fn apply_all(observed: &mut Observed, plan: &Plan) {
    plan.repairs.iter().for_each(|r| apply(observed, r));
    settle(observed);
}

fn made(topology: &Topology) -> Observed {
    let mut observed = Observed::default();
    apply_all(&mut observed, &diff(topology, &Observed::default()));
    observed
}

#[test]
fn an_empty_broker_gets_everything_policies_before_queues_and_exchanges_first() {
    let topology = desired(OWNER, &[queues("acme", &["orders"])]);
    let plan = diff(&topology, &Observed::default());
    let steps: Vec<String> = plan
        .repairs
        .iter()
        .map(|repair| match repair {
            Repair::DeclareExchange(e) => format!("exchange {}", e.name),
            Repair::PutPolicy(p) => format!("policy {}", p.name),
            Repair::DeclareQueue(q) => format!("queue {}", q.name),
            Repair::Bind(b) => format!("{} -{}-> {}", b.source, b.routing_key, b.queue),
            Repair::Unbind(_) => "unbind".to_owned(),
        })
        .collect();
    assert_eq!(
        steps,
        [
            "exchange sendry.unrouted",
            "exchange sendry.parked",
            "exchange sendry.events",
            "policy c1/sendry.acme.parked",
            "queue sendry.acme.parked",
            "policy c1/sendry.acme.orders",
            "queue sendry.acme.orders",
            "sendry.unrouted -acme.#-> sendry.acme.parked",
            "sendry.parked -acme.#-> sendry.acme.parked",
            "sendry.events -acme.orders-> sendry.acme.orders",
        ]
    );
    assert!(plan.conflicts.is_empty());
}

#[test]
fn dead_letters_leave_at_least_once_and_parked_ones_stay() {
    let topology = desired(OWNER, &[queues("acme", &["orders"])]);
    let [parked, orders] = &topology.queues[..] else {
        panic!("two queues, not {:?}", topology.queues)
    };
    assert_eq!(
        orders.arguments["x-dead-letter-strategy"],
        json!("at-least-once")
    );
    assert_eq!(
        orders.policy.definition["overflow"],
        json!("reject-publish")
    );
    assert_eq!(orders.policy.definition["delivery-limit"], json!(49));
    assert_eq!(
        orders.arguments_alone["x-overflow"],
        json!("reject-publish")
    );
    assert!(!parked.arguments.contains_key("x-dead-letter-exchange"));
    assert_eq!(parked.policy.definition["delivery-limit"], json!(1_000_000));
}

#[test]
fn a_delivery_limit_below_the_smallest_is_raised() {
    let mut one = queues("acme", &["orders"]);
    one.pipelines[0].1.delivery_limit = 3;
    let topology = desired(OWNER, &[one]);
    assert_eq!(
        topology.queues[1].policy.definition["delivery-limit"],
        json!(MIN_DELIVERY_LIMIT - 1)
    );
}

#[test]
fn drift_is_healed_and_nothing_else_is_touched() {
    let topology = desired(OWNER, &[queues("acme", &["orders", "audit"])]);
    let whole = made(&topology);

    let mut broken = whole.clone();
    broken.bindings.retain(|b| b.queue != "sendry.acme.orders");
    assert_eq!(
        diff(&topology, &broken).repairs,
        [Repair::Bind(topology.bindings[3].clone())]
    );

    let mut broken = whole.clone();
    broken.queues.retain(|q| q.name != "sendry.acme.orders");
    assert!(matches!(
        &diff(&topology, &broken).repairs[..],
        [Repair::DeclareQueue(_)]
    ));

    let mut broken = whole.clone();
    broken.policies[1].definition.clear();
    assert!(matches!(
        &diff(&topology, &broken).repairs[..],
        [Repair::PutPolicy(_)]
    ));

    let mut broken = whole;
    let surplus = Binding {
        routing_key: "acme.#".to_owned(),
        ..topology.bindings[3].clone()
    };
    broken.bindings.push(surplus.clone());
    assert_eq!(diff(&topology, &broken).repairs, [Repair::Unbind(surplus)]);
}

#[test]
fn what_is_not_ours_is_reported_or_ignored_and_never_touched() {
    let topology = desired(OWNER, &[queues("acme", &["orders"])]);
    let mut observed = made(&topology);
    let mut foreign = observed.queues[1].clone();
    foreign.name = "other.queue".to_owned();
    observed.queues.push(foreign);
    observed.bindings.push(Binding {
        source: EXCHANGE.to_owned(),
        queue: "other.queue".to_owned(),
        routing_key: "#".to_owned(),
        arguments: Arguments::new(),
    });
    observed.bindings.push(Binding {
        source: "amq.topic".to_owned(),
        queue: "sendry.acme.orders".to_owned(),
        routing_key: "#".to_owned(),
        arguments: Arguments::new(),
    });
    assert_eq!(diff(&topology, &observed), Plan::default());

    let mut marked = observed.clone();
    marked.queues[1].policy = Some("c2/sendry.acme.orders".to_owned());
    marked.bindings.clear();
    let plan = diff(&topology, &marked);
    assert!(
        matches!(&plan.conflicts[..], [Conflict::Foreign { policy, .. }] if policy.starts_with("c2/")),
        "{plan:?}"
    );
    assert!(
        plan.repairs
            .iter()
            .all(|r| matches!(r, Repair::Bind(b) if b.queue == "sendry.acme.parked")),
        "{plan:?}"
    );

    let mut classic = observed.clone();
    classic.queues[1]
        .arguments
        .insert("x-queue-type".to_owned(), json!("classic"));
    assert!(matches!(
        &diff(&topology, &classic).conflicts[..],
        [Conflict::Arguments { .. }]
    ));

    let mut overridden = observed.clone();
    overridden.policies.push(Policy {
        name: "all".to_owned(),
        pattern: ".*".to_owned(),
        apply_to: "all".to_owned(),
        priority: 1_000,
        definition: Arguments::new(),
    });
    overridden.queues[1].policy = Some("all".to_owned());
    assert!(matches!(
        &diff(&topology, &overridden).conflicts[..],
        [Conflict::Overridden { .. }]
    ));

    let mut exchange = observed;
    exchange.exchanges[2].arguments.clear();
    assert!(matches!(
        &diff(&topology, &exchange).conflicts[..],
        [Conflict::Exchange { .. }]
    ));
}

#[test]
fn a_queue_that_a_worker_declared_alone_is_taken_over() {
    let topology = desired(OWNER, &[queues("acme", &["orders"])]);
    let mut observed = made(&topology);
    for (found, queue) in observed.queues.iter_mut().zip(&topology.queues) {
        found.arguments = queue.arguments_alone.clone();
        found.policy = None;
    }
    observed.policies.clear();
    let plan = diff(&topology, &observed);
    assert!(plan.conflicts.is_empty(), "{plan:?}");
    assert!(
        plan.repairs
            .iter()
            .all(|r| matches!(r, Repair::PutPolicy(_))),
        "{plan:?}"
    );
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9-]{1,40}"
}

fn some_tenants() -> impl Strategy<Value = Vec<TenantQueues>> {
    let limits = (
        proptest::option::of(1u64..1 << 40),
        proptest::option::of(1u64..1 << 40),
        0u32..200,
    )
        .prop_map(|(max_bytes, max_messages, delivery_limit)| Limits {
            max_bytes,
            max_messages,
            delivery_limit,
        });
    let pipeline = (
        name().prop_filter_map("reserved", |n| PipelineName::new(&n).ok()),
        limits,
    );
    let tenant =
        (name(), proptest::collection::vec(pipeline, 0..4)).prop_map(|(name, pipelines)| {
            TenantQueues {
                tenant: TenantId::new(&name).unwrap(),
                pipelines,
            }
        });
    proptest::collection::vec(tenant, 0..4)
}

proptest! {
    #[test]
    fn a_policy_matches_its_queue_and_no_other(name in name(), other in "[a-z0-9.-]{1,60}", tail in ".{0,3}") {
        let tenant = TenantId::new(&name).unwrap();
        let queue = parked_queue(OWNER, &tenant);
        let pattern = Regex::new(&queue.policy.pattern).unwrap();
        let own = queue.name.to_string();
        prop_assert!(pattern.is_match(&own));
        for other in [other, format!("{own}{tail}"), format!("{tail}{own}"), own.replace('.', "x"), own.replace('.', "-")] {
            prop_assert_eq!(pattern.is_match(&other), other == own);
        }
    }

    #[test]
    fn after_the_repairs_there_is_nothing_to_repair(tenants in some_tenants(), drop in any::<u64>()) {
        let topology = desired(OWNER, &tenants);
        let mut observed = made(&topology);
        prop_assert_eq!(diff(&topology, &observed), Plan::default());
        // Some of it is lost, some of it changed.
        let mut bits = (0..64).cycle().map(|bit| drop >> bit & 1 == 1);
        observed.exchanges.retain(|_| bits.next().unwrap());
        observed.queues.retain(|_| bits.next().unwrap());
        observed.bindings.retain(|_| bits.next().unwrap());
        for policy in &mut observed.policies {
            if bits.next().unwrap() {
                policy.definition.clear();
            }
        }
        let plan = diff(&topology, &observed);
        apply_all(&mut observed, &plan);
        prop_assert_eq!(diff(&topology, &observed), Plan::default());
    }

    #[test]
    fn each_repair_may_be_done_twice(tenants in some_tenants()) {
        let topology = desired(OWNER, &tenants);
        let mut observed = Observed::default();
        for repair in diff(&topology, &Observed::default()).repairs {
            apply(&mut observed, &repair);
            prop_assert!(!diff(&topology, &observed).repairs.contains(&repair));
        }
    }

    #[test]
    fn the_order_of_tenants_does_not_matter(tenants in some_tenants()) {
        let mut unique: Vec<TenantQueues> = Vec::new();
        for tenant in tenants {
            if unique.iter().all(|t| t.tenant != tenant.tenant) {
                unique.push(tenant);
            }
        }
        let forwards = desired(OWNER, &unique);
        unique.reverse();
        prop_assert_eq!(forwards, desired(OWNER, &unique));
    }
}
