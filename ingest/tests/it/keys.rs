//! Who may send: each refusal by its code.

use axum::http::header::HeaderValue;
use sendry_domain::{api_key::ApiKey, time::UnixMillis};

use crate::{
    client::{HIT, ROUTES, bare, event, good},
    harness::{NOW, Stage, entropy, key, tenant, tenant_record},
};

/// (case, headers, status, code, whether it has a hint).
type Case = (
    &'static str,
    Vec<(&'static str, HeaderValue)>,
    u16,
    &'static str,
    bool,
);

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap()
}

fn with(key: &ApiKey) -> Vec<(&'static str, HeaderValue)> {
    vec![("x-api-key", value(key.expose()))]
}

async fn cases(stage: &Stage) -> Vec<Case> {
    let good = key(1);
    let good = good.expose();
    let mut mistyped = good.to_owned();
    mistyped.replace_range(30..31, if &good[30..31] == "x" { "y" } else { "x" });
    let revoked = stage
        .add_key(10, |key| key.revoked_at = Some(UnixMillis(NOW)))
        .await;
    let expired = stage
        .add_key(11, |key| key.not_after = Some(UnixMillis(NOW)))
        .await;
    let suspended = stage
        .add_key(12, |key| key.tenant = tenant("stopped"))
        .await;
    let orphan = stage.add_key(13, |key| key.tenant = tenant("gone")).await;
    let plain = |text: &str| vec![("x-api-key", value(text))];
    let bearer = |text: &str| ("authorization", value(text));
    let both = |a: Vec<_>, b| [a, vec![b]].concat();
    let scope = |text: &str| both(plain(good), ("sendry-scope", value(text)));
    let not_ascii = HeaderValue::from_bytes(b"sdy_live_\xff").unwrap();
    vec![
        ("none", vec![], 401, "missing_key", true),
        (
            "another scheme",
            vec![bearer("Basic dTpw")],
            401,
            "missing_key",
            true,
        ),
        ("empty", plain(""), 401, "malformed_key", true),
        ("another form", plain("abc"), 401, "malformed_key", true),
        ("cut short", plain(&good[..70]), 401, "malformed_key", true),
        (
            "not ASCII",
            vec![("x-api-key", not_ascii)],
            401,
            "malformed_key",
            true,
        ),
        ("mistyped", plain(&mistyped), 401, "mistyped_key", true),
        (
            "two headers",
            both(plain(good), bearer(&format!("Bearer {}", key(2).expose()))),
            400,
            "ambiguous_key",
            false,
        ),
        (
            "one header twice",
            both(plain(good), ("x-api-key", value(good))),
            400,
            "ambiguous_key",
            false,
        ),
        ("revoked", with(&revoked), 403, "revoked_key", true),
        ("expired", with(&expired), 403, "expired_key", true),
        (
            "of a suspended tenant",
            with(&suspended),
            503,
            "suspended",
            true,
        ),
        ("of no tenant", with(&orphan), 401, "unknown_key", true),
        (
            "history without the right",
            scope("backfill"),
            403,
            "backfill_not_allowed",
            true,
        ),
        (
            "another scope",
            scope("Backfill"),
            422,
            "invalid_scope",
            false,
        ),
    ]
}

#[tokio::test]
async fn each_bad_key_is_refused_by_its_own_code() {
    let stage = Stage::new().await;
    let stopped = sendry_store::TenantRecord {
        suspended: true,
        ..tenant_record("stopped")
    };
    sendry_store::ControlStore::put_tenant(&*stage.store, &stopped)
        .await
        .unwrap();
    for (case, headers, status, code, hinted) in cases(&stage).await {
        for route in ROUTES {
            let mut builder = bare(route).header("content-type", "application/json");
            for (name, value) in &headers {
                builder = builder.header(*name, value);
            }
            stage.clock.advance(200);
            let reply = stage.send(builder, good(route)).await;
            let problem = reply.refused_on(route, status, code);
            assert_eq!(problem.get("hint").is_some(), hinted, "{case}: {problem}");
            assert!(
                !reply.text.contains(&key(1).expose()[22..]),
                "{case}: the key is never repeated"
            );
        }
        stage.works_and_is_clean().await;
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused_only_after_asking() {
    let stage = Stage::new().await;
    for route in ROUTES {
        stage.clock.advance(200);
        let builder = bare(route).header("x-api-key", key(99).expose());
        let problem = stage
            .send(builder, good(route))
            .await
            .refused_on(route, 401, "unknown_key");
        assert!(
            problem["hint"]
                .as_str()
                .unwrap()
                .contains("sendry keys create")
        );
    }
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn another_secret_under_a_known_id_is_an_unknown_key() {
    let stage = Stage::new().await;
    let mut forged = entropy(1);
    forged[20] = 7;
    let forged = ApiKey::mint(&forged);
    assert_eq!(forged.id(), key(1).id());
    let builder = bare(HIT).header("x-api-key", forged.expose());
    stage
        .send(builder, event(""))
        .await
        .refused_on(HIT, 401, "unknown_key");
    stage.works_and_is_clean().await;
}

/// Its resource was deleted: everything is kept, and nothing new is taken until somebody makes it again.
#[tokio::test]
async fn a_retained_tenant_is_suspended_until_it_is_applied_again() {
    use sendry_store::{OperatorStore, Stamp, Written};

    let stage = Stage::new().await;
    let stamp = Stamp {
        epoch: stage.store.claim_epoch().await.unwrap(),
        uid: uuid::Uuid::from_u128(1),
        generation: 1,
    };
    let applied = || async {
        stage
            .store
            .apply_tenant(&stamp, &tenant_record("acme"))
            .await
    };
    assert_eq!(applied().await.unwrap(), Written::Done);
    crate::new_keys::refresh(&stage).await;
    stage.hit().await.accepted();
    let retained = stage
        .store
        .retain_tenant(&stamp, &tenant("acme"), UnixMillis(NOW))
        .await;
    assert_eq!(retained.unwrap(), Written::Done);
    crate::new_keys::refresh(&stage).await;
    for route in ROUTES {
        let builder = bare(route).header("x-api-key", key(1).expose());
        let reply = stage.send(builder, good(route)).await;
        reply.refused_on(route, 503, "suspended");
    }
    assert_eq!(applied().await.unwrap(), Written::Done);
    crate::new_keys::refresh(&stage).await;
    stage.hit().await.accepted();
}

#[tokio::test]
async fn a_key_is_good_until_its_end_and_not_at_it() {
    let stage = Stage::new().await;
    let ends = stage
        .add_key(41, |key| key.not_after = Some(UnixMillis(NOW + 1_000)))
        .await;
    let send = || async {
        let builder = bare(HIT)
            .header("x-api-key", ends.expose())
            .header("content-type", "application/json");
        stage.send(builder, event("")).await
    };
    stage.clock.advance(799);
    send().await.accepted();
    stage.clock.advance(1);
    send().await.refused_on(HIT, 403, "expired_key");
}
