//! Requests, chosen by the seed.

use bytes::Bytes;
use rand::{Rng, rngs::StdRng};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Options,
    answer::{Answered, Next},
};
use crate::{
    client::{Answer, Client},
    journal::{End, Journal, Request, RequestId},
};

/// Most copies of a request at once.
const COPIES: usize = 5;

/// How events of a request are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// A batch, and their places in it.
    Batch(Uuid),
    /// Each by itself.
    Events,
    /// One, on the original platform's route.
    Single,
    /// Lines without a name.
    Nothing,
}

/// The contents of a request, and how often to send them.
pub(super) struct Copies {
    /// One, or two under the same ids.
    pub(super) all: Vec<Sending>,
    storm: bool,
}

impl Copies {
    /// Which contents to send in one attempt, by index.
    pub(super) fn pick(&self, rng: &mut StdRng) -> Vec<usize> {
        let count = if self.storm {
            rng.random_range(1..=COPIES)
        } else {
            1
        };
        (0..count)
            .map(|_| rng.random_range(0..self.all.len()))
            .collect()
    }
}

/// One content of a request.
pub(super) struct Sending {
    request: Request,
    id: Option<RequestId>,
    api_key: String,
    naming: Naming,
    events: Vec<Map<String, Value>>,
    body: Bytes,
}

pub(super) fn make(rng: &mut StdRng, options: &Options, number: u64) -> Copies {
    let naming = if rng.random_bool(options.unnamed) {
        Naming::Nothing
    } else {
        match rng.random_range(0..4) {
            0 | 1 => Naming::Batch(Uuid::from_u128(rng.random())),
            2 => Naming::Events,
            _ => Naming::Single,
        }
    };
    let size = match naming {
        Naming::Single => 1,
        _ => rng.random_range(1..=options.events),
    };
    let client = options.client;
    let names: Vec<String> = (0..size)
        .map(|n| format!("c{client}-{number}-{n}"))
        .collect();
    let events: Vec<_> = names
        .iter()
        .map(|name| event(rng, name, naming, options.now_ms))
        .collect();
    let tenant = &options.tenants[rng.random_range(0..options.tenants.len())];
    // What has no name of its client's cannot be sent twice.
    let storm = naming != Naming::Nothing && rng.random_bool(options.storms);
    let contested = storm && rng.random_bool(options.conflicts);
    let all = (0..=u32::from(contested))
        .map(|variant| {
            let mut events = events.clone();
            if variant > 0 {
                for event in &mut events {
                    event.insert("version".to_owned(), variant.to_string().into());
                    event.insert("latencyMs".to_owned(), json!(rng.random_range(1..90)));
                }
            }
            let mut sending = Sending {
                request: Request {
                    tenant: tenant.name.clone(),
                    names: names.clone(),
                    variant,
                    ..Request::default()
                },
                id: None,
                api_key: tenant.api_key.clone(),
                naming,
                events,
                body: Bytes::new(),
            };
            sending.write();
            sending
        })
        .collect();
    Copies { all, storm }
}

fn event(rng: &mut StdRng, name: &str, naming: Naming, now_ms: i64) -> Map<String, Value> {
    let mut event = Map::new();
    let mut put = |field: &str, value: Value| event.insert(field.to_owned(), value);
    if matches!(naming, Naming::Events | Naming::Single) {
        put("eventId", name.into());
    }
    put("requestId", name.into());
    put(
        "timestamp",
        (now_ms - rng.random_range(0..7_200_000)).into(),
    );
    put("serviceName", format!("s{}", rng.random_range(0..3)).into());
    put("endpoint", format!("/e/{}", rng.random_range(0..20)).into());
    put("method", "GET".into());
    let status = [200, 200, 200, 201, 404, 500][rng.random_range(0..6)];
    put("statusCode", status.into());
    let latency = f64::from(rng.random_range(1..400_000)) / 1_000.0;
    put("latencyMs", latency.into());
    event
}

impl Sending {
    /// Writes the bytes, once and for all but for ids to retry with.
    fn write(&mut self) {
        let events = &self.events;
        self.body = match self.naming {
            Naming::Batch(id) => json!({ "batchId": id, "events": events }).to_string(),
            Naming::Events => json!({ "events": events }).to_string(),
            Naming::Single => json!(events.first()).to_string(),
            Naming::Nothing => {
                let lines = events.iter().map(|event| json!(event).to_string());
                lines.collect::<Vec<_>>().join("\n")
            }
        }
        .into();
    }

    pub(super) fn declare(&mut self, journal: &mut Journal) {
        self.id = Some(journal.declare(self.request.clone()));
    }

    pub(super) fn begin(&self, journal: &mut Journal) {
        if let Some(id) = self.id {
            journal.sending(id);
        }
    }

    pub(super) async fn send(&self, client: &mut Client) -> anyhow::Result<Answer> {
        let (path, kind) = match self.naming {
            Naming::Batch(_) | Naming::Events => ("/api/v1/events", "application/json"),
            Naming::Single => ("/api/hit", "application/json"),
            Naming::Nothing => ("/api/v1/events", "application/x-ndjson"),
        };
        let headers = [("x-api-key", self.api_key.as_str()), ("content-type", kind)];
        client.send("POST", path, &headers, self.body.clone()).await
    }

    /// Writes down how an attempt ended.
    pub(super) fn end(&mut self, journal: &mut Journal, answered: Answered) -> Next {
        let Answered {
            end,
            refused,
            retry_as,
            for_good,
        } = answered;
        if let Some(id) = self.id {
            journal.ended(id, end, refused);
        }
        match (end, self.naming) {
            (End::Accepted, _) => Next::Done,
            (End::Refused, _) if for_good => Next::Done,
            // Without a name, a retry would be another event.
            (End::Unknown, Naming::Nothing) if retry_as.is_empty() => match self.is_named() {
                true => Next::Again,
                false => Next::Done,
            },
            (End::Unknown, Naming::Nothing) => {
                for (place, id) in retry_as {
                    if let (Some(event), Some(id)) = (self.events.get_mut(place as usize), id) {
                        event.insert("eventId".to_owned(), id.into());
                    }
                }
                self.write();
                // Those that got no id were surely not stored.
                Next::Again
            }
            _ => Next::Again,
        }
    }

    /// Whether every event has got an id by now.
    fn is_named(&self) -> bool {
        self.events
            .iter()
            .all(|event| event.contains_key("eventId"))
    }
}

#[cfg(test)]
impl Sending {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
