//! Wrong ways to remember what was counted.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use sendry_domain::{
    bitmap::Bitmap,
    counting::{Arrival, ArrivedEvent, Won},
    id::{EventId, MessageId},
    identity::Identity,
    time::{DAY, UnixMillis},
};
use sendry_store::{Counted, MetricStore, StoreError};
use uuid::Uuid;

use crate::{
    ports::{Counting, Counts},
    stage::Mutant,
};

/// The raw events of whoever brings an event are stored, also when another has won it.
pub struct RawOfLosers;

impl Mutant for RawOfLosers {
    fn counts(&self, inner: Arc<dyn MetricStore>) -> Arc<dyn MetricStore> {
        Counts::before(inner, Arc::new(EveryoneWins))
    }
}

struct EveryoneWins;

#[async_trait]
impl Counting for EveryoneWins {
    async fn count(
        &self,
        inner: &dyn MetricStore,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut counted = inner.count(arrivals, at).await?;
        for (counted, arrival) in counted.iter_mut().zip(arrivals) {
            for position in 0..arrival.events.len() as u32 {
                counted.won.positions.insert(position);
            }
        }
        Ok(counted)
    }
}

/// The ledger's rows belong to the day on which ingest accepted the message.
pub struct LedgerByArrival;

impl Mutant for LedgerByArrival {
    fn counts(&self, inner: Arc<dyn MetricStore>) -> Arc<dyn MetricStore> {
        Counts::before(inner, Arc::new(ByDay))
    }
}

struct ByDay;

#[async_trait]
impl Counting for ByDay {
    async fn count(
        &self,
        inner: &dyn MetricStore,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut arrivals = arrivals.to_vec();
        for arrival in &mut arrivals {
            let day = arrival.accepted_at.0.div_euclid(DAY);
            for event in &mut arrival.events {
                event.identity = match &event.identity {
                    Identity::Event(id) => {
                        Identity::Event(EventId::new(&format!("{day}:{id}")).unwrap())
                    }
                    Identity::Indexed { source, index } => Identity::Indexed {
                        source: Uuid::from_u128(source.as_u128() ^ day as u128),
                        index: *index,
                    },
                };
            }
        }
        inner.count(&arrivals, at).await
    }
}

/// Counts in one transaction, and remembers what was counted in another one after it.
#[derive(Default)]
pub struct LedgerOutside(Arc<TwoSteps>);

impl Mutant for LedgerOutside {
    fn counts(&self, inner: Arc<dyn MetricStore>) -> Arc<dyn MetricStore> {
        Counts::before(inner, self.0.clone())
    }
}

/// The ledger of its own survives a crash, as a second database would.
#[derive(Default)]
struct TwoSteps(Mutex<Remembered>);

#[derive(Clone, Default)]
struct Remembered {
    identities: HashSet<Identity>,
    messages: HashMap<MessageId, Bitmap>,
}

#[async_trait]
impl Counting for TwoSteps {
    async fn count(
        &self,
        inner: &dyn MetricStore,
        arrivals: &[Arrival],
        at: UnixMillis,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut after = self.0.lock().unwrap().clone();
        let mut fresh = Vec::new();
        let mut counted = Vec::new();
        for arrival in arrivals {
            let known = after.messages.get(&arrival.id).cloned();
            let redelivered = known.is_some();
            let positions = known.unwrap_or_else(|| {
                let positions = new_positions(arrival, &mut after.identities);
                fresh.push(under_fresh_names(arrival, &positions));
                after.messages.insert(arrival.id, positions.clone());
                positions
            });
            counted.push(Counted {
                won: Won {
                    message: arrival.id,
                    redelivered,
                    positions,
                },
                // No client of the scenario has so many endpoints.
                folded: Vec::new(),
            });
        }
        // The first transaction: all that the product's own ledger would have recognised has a name it never saw.
        inner.count(&fresh, at).await?;
        // The second.
        *self.0.lock().unwrap() = after;
        Ok(counted)
    }
}

fn new_positions(arrival: &Arrival, identities: &mut HashSet<Identity>) -> Bitmap {
    let mut positions = Bitmap::default();
    for (event, position) in arrival.events.iter().zip(0u32..) {
        if identities.insert(event.identity.clone()) {
            positions.insert(position);
        }
    }
    positions
}

fn under_fresh_names(arrival: &Arrival, positions: &Bitmap) -> Arrival {
    let source = Uuid::now_v7();
    let renamed = |position: u32| ArrivedEvent {
        identity: Identity::Indexed {
            source,
            index: position,
        },
        content: None,
        ..arrival.events[position as usize].clone()
    };
    Arrival {
        id: MessageId(source),
        events: positions.iter().map(renamed).collect(),
        ..arrival.clone()
    }
}
