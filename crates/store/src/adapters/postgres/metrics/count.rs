//! The counting transaction: claim identities, judge, write what is counted.
//!
//! A dozen statements whatever the number of events. All transactions lock in one order – tenants, messages, sources,
//! events, dead letters, services, series, buckets, marks, tallies, each by key – so that none waits for another that
//! waits for it; the few orders that cannot be foreseen are retried by [`Database`](super::super::database::Database).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use sendry_domain::{
    counting::{Arrival, Verdict},
    event::Event,
    id::TenantId,
    ledger::{Tally, shard},
    rollup::{self, BucketKey, Cell, MINUTE_RETENTION},
    series::{Series, SeriesKind},
    time::UnixMillis,
};
use sqlx::PgConnection;

use super::{
    super::{
        failure::Failure,
        names::{Learned, Shared},
    },
    buckets::{self, Place, shard_of},
    dead_letters, dirty, floor,
    ledger::Claim,
    naming::{self, Naming},
    tallies,
};
use crate::Counted;

/// Messages to count at one moment.
pub struct Batch {
    /// The messages.
    pub arrivals: Vec<Arrival>,
    /// The names of their tenants.
    pub names: HashMap<TenantId, Shared>,
    /// The moment.
    pub at: UnixMillis,
}

/// What a count did.
pub struct Done {
    /// By arrival.
    pub counted: Vec<Counted>,
    /// Names to remember once it is committed.
    pub learned: Vec<(Shared, Learned)>,
}

impl Batch {
    /// Counts them.
    pub async fn count(&self, connection: &mut PgConnection) -> Result<Done, Failure> {
        let Some(first) = self.arrivals.first() else {
            return Ok(Done {
                counted: Vec::new(),
                learned: Vec::new(),
            });
        };
        let shard = shard(first.id);
        let known = floor::stand(connection, &self.names).await?;
        let claim = Claim {
            names: &self.names,
            arrivals: &self.arrivals,
            at: self.at,
            minute_floor: self.minute_floor(),
        };
        let mut verdict = claim.run(connection, known).await?;
        dead_letters::keep(connection, &self.names, &mut verdict).await?;
        let (folded, learned) = self.count_buckets(connection, &verdict, shard).await?;
        let sums = self.sums(&verdict)?;
        tallies::add(connection, shard, &sums).await?;
        let counted = verdict.won.into_iter().zip(folded);
        let counted = counted.map(|(won, folded)| Counted { won, folded });
        Ok(Done {
            counted: counted.collect(),
            learned,
        })
    }

    fn minute_floor(&self) -> UnixMillis {
        self.at.plus(-MINUTE_RETENTION)
    }

    fn sums(&self, verdict: &Verdict) -> Result<BTreeMap<i32, Tally>, Failure> {
        let mut sums = BTreeMap::<i32, Tally>::new();
        for ((tenant, _), tally) in &verdict.tallies {
            let names = self.names.get(tenant);
            let names =
                names.ok_or_else(|| Failure::damaged("a tenant's names were not loaded"))?;
            sums.entry(names.no).or_default().add(tally);
        }
        Ok(sums)
    }

    /// Resolves the endpoints of everything won, now or earlier, and adds what is won now to the buckets.
    async fn count_buckets(
        &self,
        connection: &mut PgConnection,
        verdict: &Verdict,
        shard: u8,
    ) -> Result<(Folded, Vec<(Shared, Learned)>), Failure> {
        let tenants: BTreeMap<&TenantId, usize> = self.names.keys().zip(0..).collect();
        let mut naming: Vec<Naming> = self.names.values().cloned().map(Naming::new).collect();
        let mut won = vec![Vec::new(); naming.len()];
        for (number, (arrival, of_arrival)) in self.arrivals.iter().zip(&verdict.won).enumerate() {
            let Some(tenant) = tenants.get(&arrival.tenant) else {
                continue;
            };
            for position in of_arrival.positions.iter() {
                let event = arrival.events.get(position as usize);
                if let Some(Ok(event)) = event.map(|e| e.parsed.as_ref()) {
                    won[*tenant].push((number, position, event));
                }
            }
        }
        admit(connection, &mut naming, &won).await?;
        let mut folded: Folded = vec![Vec::new(); self.arrivals.len()];
        let mut cells = Vec::with_capacity(naming.len());
        for (naming, won) in naming.iter_mut().zip(&won) {
            let mut events = Vec::with_capacity(won.len());
            for (number, position, event) in won {
                let event = naming.resolve(event)?;
                if let std::borrow::Cow::Owned(event) = &event {
                    folded[*number].push((*position, event.endpoint.clone()));
                }
                if !verdict.won[*number].redelivered {
                    events.push(event);
                }
            }
            let events = events.iter().map(AsRef::as_ref);
            cells.push(rollup::fold(events, self.minute_floor()));
        }
        add_cells(connection, &mut naming, cells, shard).await?;
        Ok((folded, naming.into_iter().map(Naming::learned).collect()))
    }
}

/// By arrival: positions counted under another endpoint than their own.
type Folded = Vec<Vec<(u32, Arc<str>)>>;

/// By tenant: (index of the arrival, position, event).
type WonEvents<'a> = Vec<(usize, u32, &'a Event)>;

/// Takes the locks under which new endpoints are admitted, where there are any.
async fn admit(
    connection: &mut PgConnection,
    naming: &mut [Naming],
    won: &[WonEvents<'_>],
) -> Result<(), Failure> {
    let growing = growing(naming, won);
    if growing.iter().all(BTreeSet::is_empty) {
        return Ok(());
    }
    let mut services = Vec::new();
    for (naming, growing) in naming.iter().zip(&growing) {
        services.extend(growing.iter().map(|service| (naming.no(), service.clone())));
    }
    naming::lock(connection, services).await?;
    for (naming, services) in naming.iter_mut().zip(&growing) {
        if !services.is_empty() {
            naming.load(connection, services).await?;
        }
    }
    Ok(())
}

/// By tenant: services that would be given an endpoint they are not known by.
fn growing(naming: &[Naming], won: &[WonEvents<'_>]) -> Vec<BTreeSet<Arc<str>>> {
    let grow = |(naming, won): (&Naming, &WonEvents<'_>)| {
        naming.growing(won.iter().map(|(.., event)| *event))
    };
    naming.iter().zip(won).map(grow).collect()
}

/// Adds each tenant's cells to its buckets and marks what that touches.
pub async fn add_cells(
    connection: &mut PgConnection,
    naming: &mut [Naming],
    cells: Vec<BTreeMap<BucketKey, Cell>>,
    shard: u8,
) -> Result<(), Failure> {
    let asked = asked(&cells);
    naming::number_all(connection, naming, &asked).await?;
    let (mut placed, mut starts) = (Vec::new(), BTreeMap::new());
    for (naming, cells) in naming.iter().zip(cells) {
        let of_tenant: BTreeSet<_> = cells.keys().map(|key| key.start).collect();
        starts.insert(naming.no(), of_tenant);
        for (key, cell) in cells {
            let series = naming.series(key.kind, &key.series)?;
            let shard = shard_of(key.kind, shard);
            let place = Place::new(naming.no(), (key.level, key.kind), key.start, series, shard);
            placed.push((place, cell));
        }
    }
    placed.sort_unstable_by_key(|(place, _)| *place);
    buckets::add_all(connection, &placed).await?;
    dirty::mark(connection, &starts).await
}

/// By tenant: the series of its cells.
fn asked(cells: &[BTreeMap<BucketKey, Cell>]) -> Vec<BTreeSet<(SeriesKind, Series)>> {
    let series = |cells: &BTreeMap<BucketKey, Cell>| {
        let keys = cells.keys();
        keys.map(|key| (key.kind, key.series.clone())).collect()
    };
    cells.iter().map(series).collect()
}

/// Takes the lock under which the endpoint of one event is admitted, where it is new, and resolves it.
pub async fn admit_one<'a>(
    connection: &mut PgConnection,
    naming: &mut [Naming; 1],
    event: &'a Event,
) -> Result<std::borrow::Cow<'a, Event>, Failure> {
    admit(connection, naming, &[vec![(0, 0, event)]]).await?;
    let [naming] = naming;
    naming.resolve(event)
}
