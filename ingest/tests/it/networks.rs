//! Where a key may be used from, and how fast its revocation acts.

use axum::body::Body;
use sendry_domain::time::UnixMillis;

use crate::{
    client::{BATCH, HIT, PEER, bare, event, good, post},
    harness::{NOW, Stage, key, tenant},
    new_keys::refresh,
};

#[tokio::test]
async fn a_key_of_a_network_works_from_there_alone() {
    let stage = Stage::new().await;
    let inside = stage
        .add_key(20, |key| key.networks = vec!["10.0.0.0/8".to_owned()])
        .await;
    refresh(&stage).await;
    // 172.16.0.0/12 are the trusted proxies.
    let cases = [
        ("10.1.2.3", None, true),
        ("::ffff:10.1.2.3", None, true),
        (PEER, None, false),
        (PEER, Some("10.1.2.3"), false),
        ("172.16.0.1", Some("10.1.2.3"), true),
        ("::ffff:172.16.0.1", Some("10.1.2.3"), true),
        ("172.16.0.1", Some("10.1.2.3:5000, 172.16.0.2"), true),
        ("172.16.0.1", Some("10.1.2.3, 192.0.2.1"), false),
        ("172.16.0.1", Some("unknown"), false),
        ("172.16.0.1", None, false),
    ];
    for (peer, forwarded, allowed) in cases {
        let mut builder = bare(HIT)
            .header("x-api-key", inside.expose())
            .header("content-type", "application/json");
        if let Some(forwarded) = forwarded {
            builder = builder.header("x-forwarded-for", forwarded);
        }
        let request = builder.body(Body::from(event(""))).unwrap();
        let reply = stage.send_from(peer, request).await;
        if allowed {
            reply.accepted();
        } else {
            let problem = reply.refused_on(HIT, 403, "address_not_allowed");
            assert!(
                problem["hint"]
                    .as_str()
                    .unwrap()
                    .contains("--trusted-proxies")
            );
        }
    }
}

#[tokio::test]
async fn a_network_that_cannot_be_read_admits_nobody() {
    let stage = Stage::new().await;
    let broken = stage
        .add_key(21, |key| key.networks = vec!["10.0.0.0".to_owned()])
        .await;
    let builder = bare(HIT).header("x-api-key", broken.expose());
    let request = builder.body(Body::from(event(""))).unwrap();
    let reply = stage.send_from("10.0.0.0", request).await;
    reply.refused_on(HIT, 403, "address_not_allowed");
}

#[tokio::test]
async fn a_revocation_acts_by_itself_within_five_seconds() {
    let stage = Stage::new().await;
    stage.hit().await.accepted();
    let store: &dyn sendry_store::ControlStore = &*stage.store;
    assert!(
        store
            .revoke_key(&tenant("acme"), key(1).id(), UnixMillis(NOW))
            .await
            .unwrap()
    );
    let started = tokio::time::Instant::now();
    loop {
        let reply = stage.send(post(BATCH), good(BATCH)).await;
        if reply.status == 403 {
            reply.refused(403, "revoked_key");
            break;
        }
        let took = started.elapsed();
        assert!(took.as_secs() < 5, "after {took:?}: {reply:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
