//! Keys that the directory has not heard of: looked up at once, one at a time, and not too often.

use std::sync::atomic::Ordering::SeqCst;

use axum::http::request::Builder;
use futures_util::future::join_all;
use sendry_domain::api_key::ApiKey;

use crate::{
    client::{HIT, Reply, bare, event},
    harness::{Stage, key},
};

fn with(key: &ApiKey) -> Builder {
    bare(HIT)
        .header("x-api-key", key.expose())
        .header("content-type", "application/json")
}

/// Makes ingest read the settings again, by asking with a key nobody has.
pub async fn refresh(stage: &Stage) {
    stage.clock.advance(200);
    let reply = stage.send(with(&key(255)), event("")).await;
    reply.refused(401, "unknown_key");
}

#[tokio::test]
async fn a_key_made_a_moment_ago_works_at_once_for_everybody() {
    let stage = Stage::new().await;
    let fresh = stage.add_key(30, |_| ()).await;
    let before = stage.control.asked.load(SeqCst);
    let replies = join_all((0..20).map(|_| stage.send(with(&fresh), event("")))).await;
    for reply in replies {
        reply.accepted();
    }
    let asked = stage.control.asked.load(SeqCst) - before;
    // The poll, every two seconds, may fall into it.
    assert!((1..=2).contains(&asked), "one look-up for all, not {asked}");
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_store_five_times_a_second() {
    let stage = Stage::new().await;
    refresh(&stage).await;
    let before = stage.control.asked.load(SeqCst);
    for round in 0..5u8 {
        stage.clock.advance(200);
        let keys: Vec<_> = (100..140).map(|n| key(n + round * 10)).collect();
        let replies: Vec<Reply> =
            join_all(keys.iter().map(|k| stage.send(with(k), event("")))).await;
        let answers = replies.iter().map(|reply| reply.status.as_u16());
        let (asked, not): (Vec<_>, Vec<_>) = answers.partition(|status| *status == 401);
        assert!(
            !asked.is_empty(),
            "the first of them is known to be unknown"
        );
        assert!(
            not.iter().all(|status| *status == 503),
            "never 401 without asking: {not:?}"
        );
        for reply in replies.iter().filter(|reply| reply.status == 503) {
            reply.refused_on(HIT, 503, "unavailable");
        }
    }
    let asked = stage.control.asked.load(SeqCst) - before;
    assert!(
        (5..=7).contains(&asked),
        "{asked} look-ups in a second, the poll included"
    );
    stage.works_and_is_clean().await;
}

#[tokio::test]
async fn a_good_key_is_served_from_memory_during_a_flood() {
    let stage = Stage::new().await;
    refresh(&stage).await;
    for n in 100..150 {
        let (flood, good) = (key(n), key(1));
        let (_, reply) = tokio::join!(
            stage.send(with(&flood), event("")),
            stage.send(with(&good), event("")),
        );
        reply.accepted();
    }
}
