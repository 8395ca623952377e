//! A client that journals what it knows, and ingest's part: sealing, and the ids it answers with.

use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use sendry_domain::{message::Message, time::UnixMillis};
use sendry_queue::{EventQueue, PublishError, Sealed};
use sendry_store::contract::build::{EventBuilder, Request, Sealer, all, event, minted, request};
use sendry_testkit::journal::{self, End, Journal};

use crate::stage::pipeline;

/// How a client makes its events safe to retry.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A `batchId` over all of them.
    Batch,
    /// An `eventId` each.
    Named,
    /// Nothing: only the ids that ingest answers with.
    Nameless,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Batch, Self::Named, Self::Nameless];
}

/// What the client gets to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The queue's, as ingest passes it on.
    Comes,
    /// 503 `unknown`, with the ids to retry under: ingest waited for the confirm in vain.
    Unknown,
}

/// A request the client can send as often as it likes.
#[derive(Clone)]
pub struct Sending {
    batch: Option<u128>,
    events: Vec<Sent>,
}

#[derive(Clone)]
struct Sent {
    name: String,
    event: EventBuilder,
    /// The id that ingest answered with, where the client gave none.
    minted: Option<String>,
}

pub struct Client {
    pub rng: StdRng,
    pub journal: Journal,
    seal: Sealer,
    messages: u32,
    events: u32,
}

impl Client {
    pub fn new(rng: StdRng, seal: Sealer) -> Self {
        Self {
            rng,
            journal: Journal::default(),
            seal,
            messages: 0,
            events: 0,
        }
    }

    /// The time at which ingest accepts from now on.
    pub fn at(&mut self, now: UnixMillis) {
        self.seal.accepted_at = now;
    }

    /// Events that never were before.
    pub fn compose(&mut self, kind: Kind) -> Sending {
        let size = self.rng.random_range(2..=6);
        let events = (0..size).map(|_| self.event(kind)).collect();
        let batch = matches!(kind, Kind::Batch).then(|| self.rng.random());
        Sending { batch, events }
    }

    fn event(&mut self, kind: Kind) -> Sent {
        self.events += 1;
        let name = format!("event-{}", self.events);
        let rng = &mut self.rng;
        let age = rng.random_range(0..7_200_000);
        let event = event()
            .with("requestId", name.as_str())
            .with("latencyMs", f64::from(rng.random_range(1..400_000)) / 1e3)
            .at(self.seal.accepted_at.plus(-age))
            .service(["shop", "pay"][rng.random_range(0..2)])
            .endpoint(["/", "/a", "/b"][rng.random_range(0..3)])
            .status([200, 200, 201, 404, 500][rng.random_range(0..5)]);
        let event = match kind {
            Kind::Named => event.id(&name),
            Kind::Batch | Kind::Nameless => event,
        };
        Sent {
            name,
            event,
            minted: None,
        }
    }

    /// Sends requests, which ingest seals into one message.
    pub async fn send(
        &mut self,
        queue: &dyn EventQueue,
        sendings: &mut [&mut Sending],
        answer: Answer,
    ) {
        let requests: Vec<Request> = sendings.iter().map(|s| s.request()).collect();
        let picks = all(&requests);
        self.messages += 1;
        let message = self.seal.seal(self.messages, &requests, &picks);
        for (position, (number, index)) in picks.into_iter().enumerate() {
            let sent = &mut sendings[number].events[index];
            sent.minted
                .get_or_insert_with(|| minted(&message, position));
        }
        let names = sendings.iter().flat_map(|s| s.names());
        let declared = self.journal.declare(journal::Request {
            tenant: message.tenant.to_string(),
            names: names.map(str::to_owned).collect(),
            ..journal::Request::default()
        });
        self.journal.sending(declared);
        let end = end_of(queue.publish(sealed(&message)).await, answer);
        self.journal.ended(declared, end, Vec::new());
    }

    /// Sends events of earlier requests once more, in a request of their own and in another order, each under its id.
    pub async fn send_regrouped(&mut self, queue: &dyn EventQueue, earlier: &[&Sending]) {
        let mut events: Vec<Sent> = earlier.iter().flat_map(|s| s.loose()).collect();
        events.shuffle(&mut self.rng);
        let mut sending = Sending {
            batch: None,
            events,
        };
        self.send(queue, &mut [&mut sending], Answer::Comes).await;
    }
}

impl Sending {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|sent| sent.name.as_str())
    }

    /// As it goes over the wire this time: what the client never named goes under the ids of the first answer.
    fn request(&self) -> Request {
        match self.batch {
            Some(batch) => request(self.events.iter().map(|s| s.event.clone())).batch(batch),
            None => request(self.loose().map(|sent| sent.event)),
        }
    }

    fn loose(&self) -> impl Iterator<Item = Sent> {
        self.events.iter().cloned().map(|sent| Sent {
            event: match (&sent.minted, sent.event.clone().json().contains("eventId")) {
                (Some(minted), false) => sent.event.id(minted),
                _ => sent.event,
            },
            ..sent
        })
    }
}

fn end_of(published: Result<(), PublishError>, answer: Answer) -> End {
    match (answer, published) {
        (Answer::Unknown, _) | (_, Err(PublishError::Unknown(_))) => End::Unknown,
        (Answer::Comes, Ok(())) => End::Accepted,
        (Answer::Comes, Err(_)) => End::Refused,
    }
}

fn sealed(message: &Message) -> Sealed {
    Sealed {
        queue: pipeline(),
        id: message.id,
        events: message.events.len() as u32,
        accepted_at: message.accepted_at,
        body: message.encode().unwrap(),
    }
}
