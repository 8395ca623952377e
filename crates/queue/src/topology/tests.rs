mod mixture;
mod passes;
mod size;

use proptest::prelude::*;
use regex::Regex;
use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::EXCHANGE,
};
use serde_json::json;

use super::{desired::parked_queue, *};

const OWNER: &str = "c1";

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn queues(name: &str, pipelines: &[&str]) -> TenantQueues {
    let pipelines = pipelines
        .iter()
        .map(|p| PipelineName::new(p).unwrap())
        .collect();
    TenantQueues::new(tenant(name), pipelines, Limits::default())
}

/// What a broker has after these repairs.
fn after(observed: &Observed, repairs: &[Repair]) -> Observed {
    let broker = fake::FakeBroker::new();
    broker.meddle(|stands| *stands = observed.clone());
    for repair in repairs {
        let done = futures_util::FutureExt::now_or_never(broker.apply(repair));
        done.unwrap().unwrap();
    }
    broker.peek()
}

fn made(topology: &Topology) -> Observed {
    let nothing = fake::FakeBroker::new().peek();
    after(&nothing, &diff(topology, &nothing).repairs)
}

#[test]
fn an_empty_broker_gets_everything_policies_before_queues_and_exchanges_first() {
    let topology = desired(OWNER, &[queues("acme", &["orders"])]);
    let plan = diff(&topology, &Observed::default());
    let steps: Vec<String> = plan
        .repairs
        .iter()
        .map(|repair| match repair {
            Repair::Bind(b) => format!("{} -{}-> {}", b.source, b.routing_key, b.queue),
            other => other.to_string(),
        })
        .collect();
    assert_eq!(
        steps,
        [
            "declare exchange sendry.unrouted",
            "declare exchange sendry.parked",
            "declare exchange sendry.events",
            "set policy c1/sendry.acme.parked",
            "declare queue sendry.acme.parked",
            "set policy c1/sendry.acme.orders",
            "declare queue sendry.acme.orders",
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
    one.pipelines[0].limits.delivery_limit = 3;
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

#[test]
fn a_policy_that_is_not_in_effect_yet_is_waited_for() {
    let topology = desired(OWNER, &[queues("acme", &["orders"])]);
    let mut observed = made(&topology);
    for policy in [None, Some("deleted".to_owned())] {
        observed.queues[1].policy = policy;
        let plan = diff(&topology, &observed);
        assert_eq!(plan.waiting, [topology.queues[1].name.clone()]);
        assert!(
            plan.repairs.is_empty() && plan.conflicts.is_empty(),
            "{plan:?}"
        );
    }
}

#[test]
fn users_that_nobody_may_list_are_a_conflict_and_nothing_more() {
    let mut one = queues("acme", &["orders"]);
    one.parked_reader = Some(SecretText::new("secret"));
    let topology = desired(OWNER, &[one]);
    assert_eq!(topology.reading(), Reading::QueuesAndLogins);
    for logins in [Logins::Unread, Logins::Forbidden("no".to_owned())] {
        let observed = Observed {
            logins,
            ..made(&topology)
        };
        let plan = diff(&topology, &observed);
        assert!(plan.repairs.is_empty(), "{plan:?}");
        assert!(
            matches!(&plan.conflicts[..], [Conflict::LoginsUnknown { name, .. }] if name == "sendry.acme"),
            "{plan:?}"
        );
        let found = removal(OWNER, &tenant("acme"), &observed);
        assert!(matches!(
            found.conflicts[..],
            [Conflict::LoginsUnknown { .. }]
        ));
    }
}

#[test]
fn a_queue_that_nobody_marks_is_not_erased() {
    let topology = desired(OWNER, &[queues("acme", &["orders"])]);
    let mut observed = made(&topology);
    observed.policies.retain(|p| !p.name.ends_with("orders"));
    observed.queues[1].policy = None;
    let found = removal(OWNER, &tenant("acme"), &observed);
    assert!(
        matches!(&found.conflicts[..], [Conflict::Unmarked { name, .. }] if name == "sendry.acme.orders")
    );
    // Of a queue that an administrator's policy overrides, ours is the mark all the same.
    observed.queues[0].policy = Some("all".to_owned());
    assert_eq!(removal(OWNER, &tenant("acme"), &observed), found);
    assert_eq!(found.removals.len(), 2, "{found:?}");
    assert_eq!(
        removal(OWNER, &tenant("acm"), &observed),
        Removals::default()
    );
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9-]{1,40}"
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
}
