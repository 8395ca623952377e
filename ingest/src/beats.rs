//! How many ingests share the tenants' rates.
//!
//! Each says every [`EVERY`] milliseconds that it is there, and counts who else says so. While the control store is away
//! the last number stands: a number that is a little old limits better than none.

use std::{future::Future, sync::Arc, time::Duration};

use sendry_domain::{
    beat::{Beat, EVERY, Liveness, ProcessRole, Sequence},
    time::UnixMillis,
};
use sendry_runtime::{clock::Clock, error_chain::chain};
use sendry_store::{ControlStore, StoreError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::quota::Quotas;

/// How long the store may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// This ingest among the others.
pub struct Beats {
    control: Arc<dyn ControlStore>,
    clock: Arc<dyn Clock>,
    instance: Uuid,
}

impl Beats {
    /// A new process among the others.
    #[must_use]
    pub fn new(control: Arc<dyn ControlStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            control,
            clock,
            instance: Uuid::now_v7(),
        }
    }

    /// Beats, and divides the rates by the number of ingests alive, until told to stop; then leaves.
    pub async fn keep(&self, quotas: &Quotas, stop: &CancellationToken) {
        let mut peers = Peers::default();
        let mut sequence = Sequence::default();
        loop {
            if let Err(error) = self.beat(&mut sequence).await {
                tracing::warn!(error = %chain(&*error), "failed to tell the other ingests of this one");
            }
            match bounded(self.control.beats()).await {
                Ok(beats) => {
                    let now = self.clock.monotonic_ms();
                    quotas.share(peers.count(self.instance, beats, now));
                }
                Err(error) => {
                    tracing::warn!(error = %chain(&*error), "failed to count the other ingests, keeping the last number");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(EVERY)) => {}
                () = stop.cancelled() => break,
            }
        }
        if let Err(error) = bounded(self.control.leave(self.instance)).await {
            tracing::warn!(error = %chain(&*error), "failed to say goodbye to the other ingests; they notice in ten seconds");
        }
    }

    async fn beat(&self, sequence: &mut Sequence) -> Result<(), Failure> {
        let at = UnixMillis(self.clock.now_ms());
        let beat = Beat {
            instance: self.instance,
            role: ProcessRole::Ingest,
            sequence: sequence.next(at),
            at,
            queues: Vec::new(),
        };
        bounded(self.control.beat(&beat)).await
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn bounded<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
    Ok(timeout(ANSWER_WITHIN, asked).await??)
}

/// The other ingests, as seen so far.
#[derive(Default)]
struct Peers {
    liveness: Liveness,
    /// When beats were read last, and for how long in all somebody was looking. Time in which nobody could look, or
    /// beat, is no sign that a process is gone.
    read_at: Option<u64>,
    watched: u64,
}

impl Peers {
    /// How many ingests are alive at `now`, this one among them.
    fn count(&mut self, own: Uuid, mut beats: Vec<Beat>, now: u64) -> u32 {
        let since = self.read_at.map_or(0, |at| now.saturating_sub(at));
        self.read_at = Some(now);
        self.watched += since.min(2 * EVERY);
        beats.retain(|beat| beat.role == ProcessRole::Ingest && beat.instance != own);
        let others = self.liveness.alive(beats, self.watched).len();
        u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use sendry_domain::beat::STALE_AFTER;

    use super::*;

    const OWN: Uuid = Uuid::from_u128(0);

    fn beat(instance: u128, role: ProcessRole, sequence: u64) -> Beat {
        Beat {
            instance: Uuid::from_u128(instance),
            role,
            sequence,
            at: UnixMillis(0),
            queues: Vec::new(),
        }
    }

    fn ingest(instance: u128, sequence: u64) -> Beat {
        beat(instance, ProcessRole::Ingest, sequence)
    }

    #[test]
    fn only_ingests_count_and_this_one_counts_once() {
        let mut peers = Peers::default();
        assert_eq!(peers.count(OWN, vec![], 0), 1, "its own beat failed");
        let worker = beat(3, ProcessRole::Worker, 1);
        let keeper = beat(4, ProcessRole::Keeper, 1);
        let beats = vec![ingest(0, 1), ingest(1, 1), ingest(2, 1), worker, keeper];
        assert_eq!(peers.count(OWN, beats, 0), 3);
    }

    #[test]
    fn one_that_stopped_beating_is_no_longer_counted() {
        let mut peers = Peers::default();
        let mut now = 0;
        let mut seen = Vec::new();
        while now <= STALE_AFTER + EVERY {
            seen.push(peers.count(OWN, vec![ingest(1, 7)], now));
            now += EVERY;
        }
        assert_eq!(seen, [2, 2, 2, 2, 2, 2, 1]);
        assert_eq!(peers.count(OWN, vec![ingest(1, 8)], now), 2, "and is again");
    }

    #[test]
    fn time_in_which_the_store_was_away_proves_nothing() {
        let mut peers = Peers::default();
        assert_eq!(peers.count(OWN, vec![ingest(1, 7)], 0), 2);
        let back = 100 * STALE_AFTER;
        assert_eq!(peers.count(OWN, vec![ingest(1, 7)], back), 2);
        assert_eq!(peers.count(OWN, vec![ingest(1, 8)], back + EVERY), 2);
    }
}
