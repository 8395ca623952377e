//! Random bodies: refused or accepted, never a 5xx and never a panic.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::{
    client::{BATCH, ROUTES, bare, batch, event, gzip, zstd},
    harness::{Stage, key},
};

const SEED: u64 = 0x5e4d_7201;

/// A good body, what it is, and how it is packed.
type Seed = (Vec<u8>, &'static str, Option<&'static str>);

fn seeds() -> Vec<Seed> {
    let rich = event(
        r#","eventId":"a","requestHeaders":{"Cookie":"k","é":"\ud83d\ude00"},"requestBody":[[{"token":1}]],"path":"/a?b=1&token=2""#,
    );
    let lines = format!("{rich}\n\n{}\n", event(""));
    let (json, nd) = ("application/json", "application/x-ndjson");
    vec![
        (batch(&[event(""), rich.clone()]).into(), json, None),
        (rich.into(), json, None),
        (lines.clone().into(), nd, None),
        (gzip(lines.as_bytes()), nd, Some("gzip")),
        (zstd(batch(&[event("")]).as_bytes(), 17), json, Some("zstd")),
        (vec![], json, None),
    ]
}

/// A good body with a few bytes changed, cut, doubled or put elsewhere; or nothing but noise.
fn garble(rng: &mut StdRng, mut body: Vec<u8>) -> Vec<u8> {
    for _ in 0..rng.random_range(0..4) {
        if body.is_empty() {
            break;
        }
        let (at, to) = (
            rng.random_range(0..body.len()),
            rng.random_range(0..body.len()),
        );
        match rng.random_range(0..6) {
            0 => body[at] = rng.random(),
            1 => body.truncate(at),
            2 => body.swap(at, to),
            3 => body.insert(at, *b"{}[]\",:\\0e-\n".choose(rng).unwrap()),
            4 => body.extend_from_within(at..),
            _ => {
                body.drain(at.min(to)..at.max(to));
            }
        }
    }
    if rng.random_ratio(1, 10) {
        let noise = rng.random_range(0..400);
        body = (0..noise).map(|_| rng.random()).collect();
    }
    body
}

#[tokio::test]
async fn a_thousand_bodies_of_garbage_are_answered() {
    let stage = Stage::new().await;
    let (mut rng, seeds) = (StdRng::seed_from_u64(SEED), seeds());
    let kinds = ["application/json", "application/x-ndjson", "text/html"];
    let encodings = [None, Some("gzip"), Some("zstd"), Some("br")];
    let (mut accepted, mut refused) = (0u64, 0);
    for n in 0..1_000 {
        let route = *ROUTES.choose(&mut rng).unwrap();
        let (seed, mut kind, mut encoding) = seeds.choose(&mut rng).unwrap().clone();
        if rng.random_ratio(1, 10) {
            kind = *kinds.choose(&mut rng).unwrap();
            encoding = *encodings.choose(&mut rng).unwrap();
        }
        let mut builder = bare(route)
            .header("x-api-key", key(1).expose())
            .header("content-type", kind);
        if let Some(encoding) = encoding {
            builder = builder.header("content-encoding", encoding);
        }
        let body = garble(&mut rng, seed);
        let reply = stage.send(builder, body.clone()).await;
        let shown = String::from_utf8_lossy(&body);
        assert!(
            reply.status.as_u16() < 500,
            "request {n} ({shown}): {reply:?}"
        );
        if reply.status == 202 {
            let answer = reply.json();
            accepted += if route == BATCH {
                answer["accepted"].as_u64().unwrap()
            } else {
                1
            };
        } else {
            refused += 1;
            let code = reply.json()["code"].as_str().unwrap().to_owned();
            reply.refused_on(route, reply.status.as_u16(), &code);
        }
    }
    assert!(
        accepted > 100 && refused > 500,
        "{accepted} events accepted, {refused} requests refused"
    );
    let messages = stage.drain("default").await;
    let queued: u64 = messages.iter().map(|m| m.events.len() as u64).sum();
    let elsewhere: u64 = stage
        .drain("pay")
        .await
        .iter()
        .map(|m| m.events.len() as u64)
        .sum();
    assert_eq!(
        queued + elsewhere,
        accepted,
        "what was accepted, and nothing else"
    );
    stage.works_and_is_clean().await;
}
