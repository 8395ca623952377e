//! Whatever stands on a broker: repairs lead to rest, and touch nothing that is not ours.

use std::collections::BTreeSet;

use super::*;
use crate::topology::name::mark;

/// Tenants with short names, so that what stands there is often theirs.
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
    let password = || proptest::option::of("[a-z]{0,3}".prop_map(SecretText::new));
    let pipeline = ("[a-c]{1,2}", limits, password(), any::<bool>()).prop_map(
        |(name, limits, reader, closed)| PipelineQueue {
            name: PipelineName::new(&name).unwrap(),
            limits,
            reader,
            closed,
        },
    );
    let pipelines = proptest::collection::vec(pipeline, 0..4);
    let tenant = ("[a-c]{1,2}", pipelines, password(), any::<bool>()).prop_map(
        |(name, pipelines, parked_reader, adopt)| TenantQueues {
            tenant: TenantId::new(&name).unwrap(),
            pipelines,
            parked_reader,
            adopt,
        },
    );
    proptest::collection::vec(tenant, 0..4)
}

fn chance() -> impl Iterator<Item = bool> {
    [true, false].into_iter().cycle()
}

/// What three owners and an administrator have left on a broker, some of it lost and some of it changed.
fn some_broker() -> impl Strategy<Value = Observed> {
    let owners = proptest::collection::vec(("c[123]", some_tenants()), 0..4);
    (owners, proptest::collection::vec(0u8..8, 1..64)).prop_map(|(owners, dice)| {
        let mut stands = fake::FakeBroker::new().peek();
        for (owner, tenants) in owners {
            let plan = diff(&desired(&owner, &tenants), &stands);
            stands = after(&stands, &plan.repairs);
        }
        let mut dice = dice.into_iter().cycle();
        let mut kept = move || dice.next() != Some(0);
        stands.exchanges.retain(|_| kept());
        stands.queues.retain(|_| kept());
        stands.bindings.retain(|_| kept());
        stands.policies.retain(|_| kept());
        for policy in &mut stands.policies {
            if !kept() {
                policy.definition.clear();
            }
        }
        for queue in &mut stands.queues {
            if !kept() {
                queue.arguments.clear();
            }
        }
        for exchange in &mut stands.exchanges {
            if !kept() {
                exchange.kind = "fanout".to_owned();
            }
        }
        let surplus: Vec<Binding> = stands
            .bindings
            .iter()
            .filter(|_| !kept())
            .cloned()
            .collect();
        for (mut binding, other) in surplus.into_iter().zip(chance()) {
            binding.routing_key.push_str(".x");
            if other {
                binding.source = "amq.topic".to_owned();
            }
            stands.bindings.push(binding);
        }
        if !kept() {
            let Some(policy) = stands.policies.first().cloned() else {
                return stands;
            };
            stands.policies.push(Policy {
                name: format!("all/{}", policy.name),
                pattern: "a$".to_owned(),
                priority: 1_000,
                ..policy
            });
        }
        if let Logins::Read { users, permissions } = &mut stands.logins {
            users.retain(|_| kept());
            permissions.retain(|_| kept());
            for user in users.iter_mut() {
                match (kept(), kept()) {
                    (false, false) => user.tags.clear(),
                    (false, true) => user.tags.push("administrator".to_owned()),
                    (true, false) => user.hashing = "rabbit_password_hashing_sha512".to_owned(),
                    (true, true) => {}
                }
            }
            for (_, permission) in permissions.iter_mut().filter(|_| !kept()) {
                permission.write = ".*".to_owned();
            }
        }
        // As the broker would have it.
        after(&stands, &[])
    })
}

/// Names that a plan may touch, of queues and users.
fn wanted(topology: &Topology) -> BTreeSet<String> {
    let queues = topology.queues.iter().map(|q| q.name.to_string());
    let users = topology.users.iter().map(|u| u.name.clone());
    queues.chain(users).collect()
}

proptest! {
    #[test]
    fn after_the_repairs_there_is_nothing_to_repair(tenants in some_tenants(), stands in some_broker()) {
        let topology = desired("c1", &tenants);
        let plan = diff(&topology, &stands);
        let left = diff(&topology, &after(&stands, &plan.repairs));
        prop_assert_eq!(&left.repairs, &[]);
        prop_assert!(left.waiting.is_empty(), "{:?}", left);
    }

    #[test]
    fn each_repair_may_be_done_twice_and_anywhere_in_between(tenants in some_tenants(), stands in some_broker(), cut in any::<prop::sample::Index>()) {
        let topology = desired("c1", &tenants);
        let repairs = diff(&topology, &stands).repairs;
        let cut = cut.index(repairs.len() + 1);
        // Whoever was interrupted after any step goes on from what stands there.
        let half = after(&stands, &repairs[..cut]);
        let rest = diff(&topology, &half);
        prop_assert!(repairs[..cut].iter().all(|done| !rest.repairs.contains(done)), "{:?}", rest);
        let whole = after(&half, &rest.repairs);
        prop_assert_eq!(&diff(&topology, &whole).repairs, &[]);
        let once: Vec<Repair> = repairs.iter().flat_map(|r| [r.clone(), r.clone()]).collect();
        prop_assert_eq!(diff(&topology, &after(&stands, &once)), diff(&topology, &after(&stands, &repairs)));
    }

    #[test]
    fn nothing_foreign_is_in_a_repair(tenants in some_tenants(), stands in some_broker()) {
        let topology = desired("c1", &tenants);
        let ours = wanted(&topology);
        let adopting = |name: &str| topology.queues.iter().any(|q| q.adopt && q.name.to_string() == name)
            || topology.users.iter().any(|u| u.adopt && u.name == name);
        let plan = diff(&topology, &stands);
        for repair in &plan.repairs {
            match repair {
                Repair::DeclareExchange(exchange) => {
                    prop_assert!(topology.exchanges.contains(exchange));
                    prop_assert!(stands.exchanges.iter().all(|e| e.name != exchange.name));
                }
                Repair::PutPolicy(policy) => {
                    prop_assert!(topology.queues.iter().any(|q| q.policy == *policy));
                    let (_, queue) = mark(&policy.name).unwrap();
                    let found = stands.queues.iter().find(|q| q.name == queue);
                    let by = found.and_then(|q| q.policy.as_deref()).and_then(mark);
                    let theirs = by.is_some_and(|(owner, marked)| owner != "c1" && marked == queue);
                    prop_assert!(!theirs || adopting(queue));
                }
                Repair::RemovePolicy(name) => {
                    let (owner, queue) = mark(name).unwrap();
                    prop_assert!(owner != "c1" && adopting(queue), "{}", name);
                    let found = stands.policies.iter().find(|p| p.name == *name).unwrap();
                    let own = topology.queues.iter().find(|q| q.name.to_string() == queue).unwrap();
                    prop_assert_eq!(&found.pattern, &own.policy.pattern);
                }
                Repair::DeclareQueue(queue) => prop_assert!(topology.queues.contains(queue)),
                Repair::Bind(binding) => prop_assert!(topology.bindings.contains(binding)),
                Repair::Unbind(binding) => {
                    prop_assert!(ours.contains(&binding.queue) && binding.source.starts_with("sendry."));
                }
                Repair::PutUser(User { name, .. }) | Repair::PutPermission(name, _) => {
                    prop_assert!(ours.contains(name));
                    let Logins::Read { users, .. } = &stands.logins else { unreachable!() };
                    let found = users.iter().find(|u| u.name == *name);
                    let theirs = found.is_some_and(|u| !u.tags.contains(&owner_tag("c1")));
                    prop_assert!(!theirs || adopting(name));
                }
            }
            prop_assert_eq!(repair.tenant().is_none(), matches!(repair, Repair::DeclareExchange(_)));
        }
    }

    #[test]
    fn a_plan_is_the_sum_of_its_tenants(tenants in some_tenants(), stands in some_broker()) {
        let plan = diff(&desired("c1", &tenants), &stands);
        let names: BTreeSet<&TenantId> = tenants.iter().map(|t| &t.tenant).collect();
        let parts: Vec<_> = names.iter().map(|tenant| plan.of(tenant)).collect();
        let repairs: usize = parts.iter().map(|(repairs, _)| repairs.len()).sum();
        let conflicts: usize = parts.iter().map(|(_, conflicts)| conflicts.len()).sum();
        prop_assert_eq!(repairs, plan.repairs.iter().filter(|r| r.tenant().is_some()).count());
        prop_assert_eq!(conflicts, plan.conflicts.iter().filter(|c| c.tenant().is_some()).count());
        // And one tenant's own topology asks for the same of it.
        for (tenant, (repairs, _)) in names.iter().zip(&parts) {
            let last = tenants.iter().rfind(|t| t.tenant == **tenant).unwrap();
            let alone = diff(&desired("c1", std::slice::from_ref(last)), &stands);
            let (same, _) = alone.of(tenant);
            let count = |list: &[&Repair], one: &Repair| list.iter().filter(|r| **r == one).count();
            prop_assert!(repairs.len() == same.len() && same.iter().all(|r| count(&same, r) == count(repairs, r)));
        }
    }

    #[test]
    fn a_removal_is_of_one_tenant_and_one_owner(name in "[a-c]{1,2}", stands in some_broker()) {
        let tenant = TenantId::new(&name).unwrap();
        let found = removal("c1", &tenant, &stands);
        for removal in &found.removals {
            let (Removal::User(name) | Removal::Queue(name) | Removal::Policy(name)) = removal;
            let thing = mark(name).map_or(name.as_str(), |(owner, queue)| { assert_eq!(owner, "c1"); queue });
            prop_assert_eq!(thing.split('.').nth(1), Some(tenant.as_str()));
        }
        let broker = fake::FakeBroker::new();
        broker.meddle(|all| *all = stands.clone());
        for removal in &found.removals {
            futures_util::FutureExt::now_or_never(broker.apply_removal(removal)).unwrap().unwrap();
        }
        let left = super::removal("c1", &tenant, &broker.peek());
        prop_assert_eq!(left.removals, vec![]);
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
