//! A commit changes `trigger`: one new key, and nobody who reads the Secret every so often is refused.

use std::time::Instant;

use sendry_runtime::clock::SystemClock;
use serde_json::{Value, json};

use crate::{
    client::Answer,
    load::Load,
    stage::Stage,
    tenant::Tenant,
    wait::{eventually, is, told},
};

/// Longer than it takes an application to read the Secret again.
const OVERLAP: &str = "9s";
/// So close to its end nobody asks with an old key: an answer takes a moment.
const MARGIN_MS: i64 = 500;

fn keys(trigger: &str) -> Value {
    json!({"apiKeys": [{"name": "web", "rotation": {"trigger": trigger, "overlap": OVERLAP}}]})
}

/// Milliseconds until a moment that a Secret shows; below 0 when it is over.
fn left_ms(moment: &str) -> i64 {
    let moment: jiff::Timestamp = moment.parse().unwrap();
    moment.as_millisecond() - SystemClock::shared().now_ms()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotation_under_load_refuses_nobody() {
    let stage = Stage::shared();
    let tenant = Tenant::new(&stage, "rotated");
    tenant.apply(keys("one"));
    tenant.ready();
    let old = tenant.key("web");
    let load = Load::start(&tenant, "web");
    eventually("the load", async || is(load.sent() > 200, load.sent())).await;

    let began = Instant::now();
    tenant.apply(keys("two"));
    let secret = eventually("a new key in the Secret", async || {
        let secret = tenant.secret("web");
        is(secret.key() != old, &secret.annotations)?;
        Ok(secret)
    })
    .await;
    told("trigger applied → new key published", began.elapsed());
    assert_eq!(secret.value("previous-api-key"), old);
    assert_eq!(secret.annotations["sendry.io/trigger"], "two");

    let end = secret.value("previous-not-after");
    let mut kept = 0_u32;
    while left_ms(end) > MARGIN_MS {
        for address in stage.addresses() {
            let answer = tenant.post(address, &old).await;
            let left = left_ms(end);
            // One that took until the end may have been judged after it.
            assert!(
                answer.is(202, "") || answer.is_unsure() || left <= 0,
                "with the old key {left} ms before its end: {answer}"
            );
            kept += u32::from(answer.is(202, ""));
        }
    }
    assert!(kept > 0);
    tenant.answers(&old, 403, "expired_key", began).await;
    println!(
        "measured: the old key's end → refused everywhere: {} ms",
        -left_ms(end)
    );
    eventually("the old key to leave the Secret", async || {
        let data = tenant.secret("web").data;
        is(!data.contains_key("previous-api-key"), data.keys())
    })
    .await;

    let took = began.elapsed();
    let sent = load.sent();
    let answers = load.end().await;
    let rate = sent as f64 / took.as_secs_f64();
    println!(
        "measured: {sent} requests over the rotation, about {rate:.0}/s; with the old key {kept}"
    );
    let refused = |answer: &Answer| !answer.is(202, "") && !answer.is_unsure();
    assert!(!answers.keys().any(refused), "{answers:?}");
    let unsure = answers.iter().filter(|(answer, _)| answer.is_unsure());
    let unsure: u64 = unsure.map(|(_, times)| times).sum();
    assert!(unsure <= sent / 50, "{answers:?}");
    tenant.ready();
    assert_eq!(tenant.key("web"), secret.key());
    assert_eq!(tenant.states("web"), ["Current", "Expired"]);
    assert_eq!(tenant.verifiers(), 2);
    assert_eq!(tenant.told("KeyRotated"), 1);
}
