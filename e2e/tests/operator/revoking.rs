//! A key that must not work any more does not, on any ingest.

use std::time::Instant;

use sendry_domain::time::UnixMillis;
use sendry_runtime::clock::SystemClock;
use serde_json::json;

use crate::{
    stage::Stage,
    tenant::Tenant,
    wait::{eventually, is, told},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_key_and_one_whose_entry_went_are_refused_everywhere() {
    let stage = Stage::shared();
    let tenant = Tenant::new(&stage, "revoked");
    let entries = ["leaked", "renamed", "web"].map(|name| json!({"name": name}));
    tenant.apply(json!({"apiKeys": entries}));
    tenant.ready();
    let [leaked, renamed, web] = ["leaked", "renamed", "web"].map(|name| tenant.key(name));
    let began = Instant::now();
    for key in [&leaked, &renamed, &web] {
        tenant.answers(key, 202, "", began).await;
    }

    let revoked = json!({"name": "leaked", "revoked": true});
    tenant.apply(json!({"apiKeys": [revoked, {"name": "renamed"}, {"name": "web"}]}));
    let began = Instant::now();
    let took = tenant.answers(&leaked, 403, "revoked_key", began).await;
    told("revoked applied → refused everywhere (5 s are asked)", took);
    tenant.ready();
    assert_eq!(tenant.states("leaked"), ["Revoked"]);

    tenant.apply(json!({"apiKeys": [revoked, {"name": "web"}]}));
    let began = Instant::now();
    let took = tenant.answers(&renamed, 403, "revoked_key", began).await;
    told("entry taken out → refused everywhere (5 s are asked)", took);
    // What mounts it goes on starting.
    assert_eq!(tenant.key("renamed"), renamed);
    tenant.accepts(&web).await;
    tenant.ready();
    eventually("both to be told", async || {
        let told = tenant.told("KeyRevoked");
        is(told == 2, told)
    })
    .await;

    // For good: the API server itself refuses to take it back.
    let back = tenant.manifest(json!({"apiKeys": [{"name": "leaked"}, {"name": "web"}]}));
    let refused = stage
        .cluster
        .try_run(&["apply", "-f", "-"], Some(&back))
        .unwrap_err();
    assert!(
        refused.to_string().contains("a revoked key stays revoked"),
        "{refused:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_expires_is_good_until_then_and_refused_after() {
    let stage = Stage::shared();
    let tenant = Tenant::ready_with(&stage, "expiring", json!({"name": "audit"})).await;
    let key = tenant.key("audit");
    let clock = SystemClock::shared();
    let end = clock.now_ms() + 4_000;
    let expires = UnixMillis(end).to_rfc3339().unwrap();
    tenant.apply(json!({"apiKeys": [{"name": "audit", "expiresAt": expires}]}));
    tenant.ready();
    while clock.now_ms() < end - 500 {
        let answer = tenant.post(stage.addresses()[0], &key).await;
        let left = end - clock.now_ms();
        // One that took until the end may have been judged after it.
        assert!(
            answer.is(202, "") || answer.is_unsure() || left <= 0,
            "{left} ms before its end: {answer}"
        );
    }
    tenant
        .answers(&key, 403, "expired_key", Instant::now())
        .await;
    println!(
        "measured: expiresAt → refused everywhere: {} ms",
        clock.now_ms() - end
    );
    eventually("it to be said", async || {
        let states = tenant.states("audit");
        is(states == ["Expired"], states)
    })
    .await;
    assert_eq!(tenant.key("audit"), key);
}
