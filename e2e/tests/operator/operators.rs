//! Operators that are killed, frozen, away, or new.

use std::{collections::BTreeSet, time::Instant};

use serde_json::{Value, json};

use crate::{
    program::Program,
    stage::Stage,
    tenant::Tenant,
    wait::{eventually, is, told},
};

const NOTHING: Vec<String> = Vec::new();

fn keys(trigger: &str) -> Value {
    json!({"apiKeys": [{"name": "web", "rotation": {"trigger": trigger}}]})
}

async fn leads(operator: &Program) {
    eventually("it to lead", async || {
        let leader = operator.metric("sendry_operator_leader", "").await;
        is(leader.as_ref().is_ok_and(|leader| *leader == 1), &leader)
    })
    .await;
}

/// What it wrote to the API server, by verb and resource; its lease is not among it.
async fn writes(operator: &Program) -> Vec<String> {
    operator
        .metrics("sendry_operator_writes_total{")
        .await
        .unwrap()
}

fn epoch(stage: &Stage) -> i64 {
    stage.number("SELECT epoch FROM sendry.control")
}

/// Waits until the new key stands in the Secret, not to be used yet.
async fn staged(tenant: &Tenant<'_>) {
    eventually("the new key to be staged", async || {
        let data = tenant.secret("web").data;
        is(data.contains_key("next-api-key"), data.keys())
    })
    .await;
}

/// Waits until the Secret shows the key that a trigger asked for, and nothing is under way.
async fn rotated(tenant: &Tenant<'_>, trigger: &str) -> String {
    let key = eventually("the rotation", async || {
        let secret = tenant.secret("web");
        let noted = secret.annotations["sendry.io/trigger"].as_str();
        let done = noted == Some(trigger) && !secret.data.contains_key("next-api-key");
        is(done, (noted, secret.data.keys()))?;
        Ok(secret.key().to_owned())
    })
    .await;
    tenant.ready();
    key
}

async fn accepted(tenant: &Tenant<'_>, keys: &BTreeSet<String>) {
    for key in keys {
        tenant.accepts(key).await;
    }
}

/// Where a rotation was when its operator was killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Killed {
    /// It may or may not have noticed.
    AtOnce,
    /// The new key stands in the Secret, and its verifier is not written.
    Staged,
    Done,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_operator_killed_amid_rotations_makes_one_key_for_each() {
    let stage = Stage::new();
    let mut operator = stage.operator("operator");
    let tenant = Tenant::new(&stage, "killed");
    tenant.apply(keys("0"));
    tenant.ready();
    let mut all = BTreeSet::from([tenant.key("web")]);
    for (round, killed) in [Killed::Staged, Killed::AtOnce, Killed::Done]
        .into_iter()
        .enumerate()
    {
        leads(&operator).await;
        let trigger = (round + 1).to_string();
        let held = (killed == Killed::Staged).then(|| stage.hold_verifiers());
        tenant.apply(keys(&trigger));
        if killed == Killed::Staged {
            staged(&tenant).await;
        }
        if killed == Killed::Done {
            rotated(&tenant, &trigger).await;
        }
        operator.kill();
        let secret = tenant.secret("web");
        println!(
            "measured: killed {killed:?}: trigger {} noted, {} verifiers of {}",
            secret.annotations["sendry.io/trigger"],
            tenant.verifiers(),
            round + 2,
        );
        // While it is away, every key that was ever shown goes on.
        all.insert(secret.key().to_owned());
        accepted(&tenant, &all).await;
        drop(held);
        let began = Instant::now();
        operator = stage.operator("operator");
        all.insert(rotated(&tenant, &trigger).await);
        told("started again → rotated", began.elapsed());
        assert_eq!(all.len(), round + 2);
        assert_eq!(tenant.verifiers(), i64::try_from(round + 2).unwrap());
        assert_eq!(
            tenant
                .states("web")
                .iter()
                .filter(|state| *state == "Current")
                .count(),
            1
        );
        accepted(&tenant, &all).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_leader_frozen_amid_a_rotation_changes_nothing_when_it_wakes_up() {
    let stage = Stage::new();
    let first = stage.operator("first");
    leads(&first).await;
    let second = stage.operator("second");
    let tenant = Tenant::new(&stage, "frozen");
    tenant.apply(keys("0"));
    tenant.ready();
    let old = tenant.key("web");
    assert_eq!(writes(&second).await, NOTHING);
    let term = epoch(&stage);

    let held = stage.hold_verifiers();
    tenant.apply(keys("1"));
    staged(&tenant).await;
    let wrote = writes(&first).await;
    first.freeze();
    // From here PostgreSQL waits for a client that says nothing, with the settings locked.
    drop(held);
    let began = Instant::now();
    leads(&second).await;
    told(
        "leader frozen → another one leads (a term of 6 s)",
        began.elapsed(),
    );
    let new = rotated(&tenant, "1").await;
    told(
        "leader frozen amid a rotation → rotated by the other",
        began.elapsed(),
    );
    assert_eq!(epoch(&stage), term + 1);
    let secret = tenant.secret("web");

    first.thaw();
    eventually("it to know that it does not lead", async || {
        let leader = first.metric("sendry_operator_leader", "").await;
        is(leader.as_ref().is_ok_and(|leader| *leader == 0), &leader)
    })
    .await;
    assert_eq!(tenant.secret("web"), secret);
    // The second one still leads, and is the one to do this.
    tenant.apply(keys("2"));
    let newest = rotated(&tenant, "2").await;
    assert_eq!(writes(&first).await, wrote);
    assert_eq!(epoch(&stage), term + 1);
    assert_eq!(tenant.secret("web").value("previous-api-key"), new);
    assert_eq!(tenant.verifiers(), 3);
    accepted(&tenant, &BTreeSet::from([old, new, newest])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_operator_installed_again_finds_everything_as_it_was() {
    let stage = Stage::new();
    let mut operator = stage.operator("operator");
    let tenants = ["one", "two"].map(|short| Tenant::new(&stage, short));
    for tenant in &tenants {
        tenant.apply(keys("0"));
        tenant.ready();
        tenant
            .answers(&tenant.key("web"), 202, "", Instant::now())
            .await;
        tenant.has_all_parked().await;
    }
    let secrets = || tenants.each_ref().map(|tenant| tenant.secret("web"));
    let objects = || tenants.each_ref().map(|tenant| tenant.object());
    let (before, said) = (secrets(), objects());

    operator.stop();
    let log = operator.log();
    assert!(!log.contains(r#""level":"ERROR""#), "{log}");
    stage
        .cluster
        .run(&["delete", "lease", "--all", "--namespace", &stage.name]);
    for (tenant, secret) in tenants.iter().zip(&before) {
        tenant.accepts(secret.key()).await;
    }

    let began = Instant::now();
    let again = stage.operator("installed-again");
    eventually("a pass of each", async || {
        let rested = again
            .metric("sendry_operator_reconciles_total", "at_rest")
            .await;
        is(rested.as_ref().is_ok_and(|rested| *rested >= 2), &rested)
    })
    .await;
    told("installed again → every tenant looked at", began.elapsed());
    assert_eq!(secrets(), before);
    assert_eq!(writes(&again).await, NOTHING);
    for (tenant, said) in tenants.iter().zip(said) {
        tenant.ready();
        assert_eq!(tenant.object(), said);
        assert_eq!(tenant.verifiers(), 1);
        tenant.has_all_parked().await;
    }
}
