//! Clients that send, journal and retry, like SDKs that never give up.
//!
//! A request keeps its bytes and its ids over all attempts, and is retried wherever ingest is. In a storm every attempt is
//! several copies at once, side by side at all ingests, some of them with another content under the same ids. Everything
//! that is chosen is chosen by the seed.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use crate::{client::Client, journal::Journal};

mod answer;
mod request;

use answer::{Answered, Next};
use request::{Copies, Sending};

/// Told once to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// No new requests from now on; what is unconfirmed is still retried for a while.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Where ingest is; changes when one comes back on another port.
#[derive(Clone, Debug, Default)]
pub struct Targets(Arc<Mutex<Vec<SocketAddr>>>);

impl Targets {
    /// At these addresses.
    #[must_use]
    pub fn at(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let targets = Self::default();
        targets.set(addresses);
        targets
    }

    /// From now on at these.
    pub fn set(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = addresses.into_iter().collect();
    }

    fn all(&self) -> Vec<SocketAddr> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }
}

/// As whom to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name, for the journal.
    pub name: String,
    /// A key of it.
    pub api_key: String,
}

/// What a client does.
#[derive(Clone, Debug)]
pub struct Options {
    /// As whom; each request is one's.
    pub tenants: Vec<Tenant>,
    /// Which client this is: part of every name.
    pub client: u64,
    /// What all clients of a run share.
    pub seed: u64,
    /// The present: event times lie in the two hours before.
    pub now_ms: i64,
    /// Of all requests, those sent as storms.
    pub storms: f64,
    /// Of the storms, those with another content under the same ids.
    pub conflicts: f64,
    /// Of all requests, those as NDJSON without any id, which can be retried only under the ids of a 503 `unknown`.
    pub unnamed: f64,
    /// Most events in a request.
    pub events: u32,
    /// Pause between two requests: 0 is as fast as it goes.
    pub pause: Duration,
    /// How long to retry after the stop.
    pub patience: Duration,
}

impl Options {
    /// An honest client of one tenant, as fast as it goes.
    #[must_use]
    pub fn new(tenants: Vec<Tenant>, client: u64, seed: u64, now_ms: i64) -> Self {
        Self {
            tenants,
            client,
            seed,
            now_ms,
            storms: 0.0,
            conflicts: 0.0,
            unnamed: 0.0,
            events: 40,
            pause: Duration::ZERO,
            patience: Duration::from_secs(120),
        }
    }
}

/// How long a client waits for an answer before it tries again elsewhere: just longer than ingest takes for one.
const GIVES_UP: Duration = Duration::from_secs(6);
/// Pause after a failed attempt.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends until told to stop and every request has got its 202, was refused for good, or patience ends; returns the
/// journal.
///
/// Half of the named requests are batches under a `batchId`, a quarter single events with their own `eventId`, a quarter
/// batches of events with own ids. Every event carries its name as `requestId`, by which the oracle finds it.
pub async fn run(
    targets: Targets,
    options: Options,
    stop: Stop,
    journal: Journal,
) -> anyhow::Result<Journal> {
    let seed = options.seed ^ options.client.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut client = Loader {
        rng: StdRng::seed_from_u64(seed),
        options,
        targets,
        journal,
        connections: HashMap::new(),
        turn: 0,
    };
    let mut number = 0;
    let mut stopped = None;
    while !stop.is_stopped() {
        number += 1;
        let copies = request::make(&mut client.rng, &client.options, number);
        client.settle(copies, &stop, &mut stopped).await;
        if !client.options.pause.is_zero() {
            tokio::time::sleep(client.options.pause).await;
        }
    }
    client.journal.check()?;
    Ok(client.journal)
}

struct Loader {
    rng: StdRng,
    options: Options,
    targets: Targets,
    journal: Journal,
    /// By place in a storm, since each copy needs one of its own.
    connections: HashMap<(usize, SocketAddr), Client>,
    turn: usize,
}

impl Loader {
    /// Attempts, until one says what became of the request.
    async fn settle(&mut self, mut copies: Copies, stop: &Stop, stopped: &mut Option<Instant>) {
        for sending in &mut copies.all {
            sending.declare(&mut self.journal);
        }
        loop {
            let picks = copies.pick(&mut self.rng);
            match self.attempt(&mut copies, &picks).await {
                Next::Done => return,
                Next::Again => {}
            }
            if stop.is_stopped() {
                let since = stopped.get_or_insert_with(Instant::now);
                if since.elapsed() > self.options.patience {
                    return;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends the picked contents side by side, each to the next ingest.
    async fn attempt(&mut self, copies: &mut Copies, picks: &[usize]) -> Next {
        let targets = self.targets.all();
        if targets.is_empty() {
            return Next::Again;
        }
        let mut attempts = Vec::new();
        for (place, pick) in picks.iter().enumerate() {
            let sending = &copies.all[*pick];
            self.turn = self.turn.wrapping_add(1);
            let address = targets[self.turn % targets.len()];
            let slot = (place, address);
            let connection = self.connections.remove(&slot);
            let mut connection =
                connection.unwrap_or_else(|| Client::new(address).patient_for(GIVES_UP));
            sending.begin(&mut self.journal);
            attempts.push(async move {
                let outcome = sending.send(&mut connection).await;
                (slot, connection, *pick, Answered::read(outcome))
            });
        }
        let ended = join_all(attempts).await;
        let mut next = Next::Again;
        for (slot, connection, pick, answered) in ended {
            self.connections.insert(slot, connection);
            let sending: &mut Sending = &mut copies.all[pick];
            if sending.end(&mut self.journal, answered) == Next::Done {
                next = Next::Done;
            }
        }
        next
    }
}

#[cfg(test)]
mod tests;
