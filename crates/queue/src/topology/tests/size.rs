//! What many tenants cost.

use std::time::Instant;

use super::{fake::FakeBroker, *};

fn many(count: usize) -> Topology {
    let tenants: Vec<_> = (0..count)
        .map(|number| TenantQueues {
            parked_reader: Some(SecretText::new(format!("password {number}"))),
            ..queues(&format!("tenant-{number}"), &[])
        })
        .collect();
    desired(OWNER, &tenants)
}

/// Ten times the tenants cost about ten times as much, and not a hundred times: nothing is looked for one by one.
#[tokio::test]
async fn the_cost_of_a_diff_grows_with_the_tenants_and_no_faster() {
    let cost = async |count: usize| {
        let (broker, topology) = (FakeBroker::new(), many(count));
        reconcile_all(&broker, &topology).await.unwrap();
        let observed = broker.peek();
        let once = || {
            let started = Instant::now();
            assert_eq!(diff(&topology, &observed), Plan::default());
            started.elapsed()
        };
        (0..5).map(|_| once()).min().unwrap()
    };
    let (few, many) = (cost(50).await, cost(500).await);
    eprintln!("diff of 50 tenants {few:?}, of 500 {many:?}");
    assert!(many < few * 40, "50 tenants {few:?}, 500 {many:?}");
}
