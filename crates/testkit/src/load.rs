//! A client that sends, journals and retries, like an SDK that never gives up.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use crate::{
    client::Client,
    journal::{End, Journal},
    process::Ready,
};

/// Told once to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// No new requests from now on; what is unconfirmed is still retried.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Where to send; changes when the server comes back on another port.
pub type Target = Arc<Mutex<Ready>>;

/// Pause after a failed attempt.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends until told to stop and every request has got its 202; returns the journal.
///
/// Half of the requests are batches under a `batchId`, a quarter single events with their own `eventId`, a quarter
/// batches of events with own ids. Every event carries its name as `requestId`, by which the oracle finds it.
pub async fn run(target: Target, client: u64, seed: u64, stop: Stop, now_ms: i64) -> Journal {
    let mut rng = StdRng::seed_from_u64(seed ^ client.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut journal = Journal::default();
    let mut connection: Option<(String, Client)> = None;
    let mut number = 0u64;
    while !stop.is_stopped() {
        number += 1;
        let request = request(&mut rng, client, number, now_ms);
        loop {
            journal.sending(request.names.iter().map(String::as_str));
            let end = attempt(&target, &mut connection, &request).await;
            journal.ended(request.names.iter().map(String::as_str), end);
            if end == End::Accepted {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    journal
}

struct Request {
    path: &'static str,
    body: Bytes,
    names: Vec<String>,
}

fn request(rng: &mut StdRng, client: u64, number: u64, now_ms: i64) -> Request {
    let mode = rng.random_range(0..4);
    let size = if mode == 3 {
        1
    } else {
        rng.random_range(1..=40)
    };
    let names: Vec<String> = (0..size)
        .map(|i| format!("c{client}-{number}-{i}"))
        .collect();
    let events: Vec<String> = names
        .iter()
        .map(|name| {
            let id = if mode >= 2 { format!("\"eventId\":\"{name}\",") } else { String::new() };
            format!(
                "{{{id}\"requestId\":\"{name}\",\"timestamp\":{},\"serviceName\":\"s{}\",\"endpoint\":\"/e/{}\",\"method\":\"GET\",\"statusCode\":{},\"latencyMs\":{}}}",
                now_ms - rng.random_range(0..7_200_000),
                rng.random_range(0..3),
                rng.random_range(0..20),
                [200, 200, 200, 201, 404, 500][rng.random_range(0..6)],
                rng.random_range(1..400_000) as f64 / 1_000.0,
            )
        })
        .collect();
    let events = events.join(",");
    let (path, body) = match mode {
        0 | 1 => {
            let id = Uuid::from_u128(rng.random());
            (
                "/api/v1/events",
                format!("{{\"batchId\":\"{id}\",\"events\":[{events}]}}"),
            )
        }
        2 => ("/api/v1/events", format!("{{\"events\":[{events}]}}")),
        _ => ("/api/hit", events),
    };
    Request {
        path,
        body: body.into(),
        names,
    }
}

async fn attempt(
    target: &Target,
    connection: &mut Option<(String, Client)>,
    request: &Request,
) -> End {
    let ready = target
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let Ok(address) = ready.address() else {
        return End::Refused;
    };
    if connection
        .as_ref()
        .is_none_or(|(to, _)| *to != ready.dashboard)
    {
        *connection = Some((ready.dashboard.clone(), Client::new(address)));
    }
    let Some((_, client)) = connection else {
        return End::Refused;
    };
    let headers = [
        ("x-api-key", ready.api_key.as_str()),
        ("content-type", "application/json"),
    ];
    match client
        .send("POST", request.path, &headers, request.body.clone())
        .await
    {
        Ok(answer) if answer.status == 202 => End::Accepted,
        Ok(answer) if answer.status == 503 => match answer.json() {
            Ok(problem) if problem["code"] == "unknown" => End::Unknown,
            Ok(_) => End::Refused,
            Err(_) => End::Unknown,
        },
        Ok(answer) if answer.status < 500 => End::Refused,
        Ok(_) | Err(_) => End::Unknown,
    }
}
