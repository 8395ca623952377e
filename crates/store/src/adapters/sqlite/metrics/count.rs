//! The counting transaction: load what the ledger knows, judge, write the verdict.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rusqlite::Connection;
use sendry_domain::{
    counting::{Arrival, Lookups, Verdict, judge},
    event::Event,
    id::TenantId,
    ledger::shard,
    rollup::{self, MINUTE_RETENTION},
    time::UnixMillis,
};

use super::{
    super::{
        failure::Failure,
        names::{Names, TenantNames},
    },
    buckets, dead_letters, dirty, ledger, tallies,
};
use crate::Counted;

/// Messages to count at one moment, with what can be made ready before the writer's turn.
pub struct Batch {
    arrivals: Vec<Arrival>,
    lookups: Lookups,
    at: UnixMillis,
}

impl Batch {
    /// Copies what the writer's thread will need.
    pub fn of(arrivals: &[Arrival], at: UnixMillis) -> Self {
        Self {
            arrivals: arrivals.to_vec(),
            lookups: Lookups::of(arrivals),
            at,
        }
    }

    /// Counts them.
    pub fn count(
        self,
        transaction: &Connection,
        names: &mut Names,
    ) -> Result<Vec<Counted>, Failure> {
        let Self {
            arrivals,
            lookups,
            at,
        } = self;
        let known = ledger::load(transaction, names, &lookups)?;
        let minute_floor = at.plus(-MINUTE_RETENTION);
        let mut verdict = judge(&arrivals, &known, at, minute_floor);
        let folded = count_buckets(transaction, names, &arrivals, &verdict, minute_floor)?;
        ledger::write(transaction, names, &verdict, at)?;
        dead_letters::keep(transaction, names, &mut verdict)?;
        for ((tenant, message), tally) in &verdict.tallies {
            let no = names.of(transaction, tenant)?.no;
            tallies::add(transaction, no, shard(*message), tally)?;
        }
        let counted = verdict.won.into_iter().zip(folded);
        Ok(counted
            .map(|(won, folded)| Counted { won, folded })
            .collect())
    }
}

/// By arrival: positions counted under another endpoint than their own.
type Folded = Vec<Vec<(u32, Arc<str>)>>;

/// Resolves the endpoints of everything won, now or earlier, and adds what is won now to the buckets.
fn count_buckets(
    transaction: &Connection,
    names: &mut Names,
    arrivals: &[Arrival],
    verdict: &Verdict,
    minute_floor: UnixMillis,
) -> Result<Folded, Failure> {
    let mut folded: Folded = vec![Vec::new(); arrivals.len()];
    let mut events = BTreeMap::<&TenantId, Vec<Cow<'_, Event>>>::new();
    for (number, (arrival, won)) in arrivals.iter().zip(&verdict.won).enumerate() {
        let of_tenant = names.of(transaction, &arrival.tenant)?;
        for position in won.positions.iter() {
            let event = arrival.events.get(position as usize);
            let Some(Ok(event)) = event.map(|e| e.parsed.as_ref()) else {
                continue;
            };
            let event = resolve(of_tenant, event);
            if let Cow::Owned(event) = &event {
                folded[number].push((position, event.endpoint.clone()));
            }
            if !won.redelivered {
                events.entry(&arrival.tenant).or_default().push(event);
            }
        }
    }
    for (tenant, events) in events {
        let cells = rollup::fold(events.iter().map(AsRef::as_ref), minute_floor);
        let version = names.next_version(transaction)?;
        let of_tenant = names.of(transaction, tenant)?;
        buckets::add_all(transaction, of_tenant, &cells)?;
        let starts: BTreeSet<_> = cells.keys().map(|key| key.start).collect();
        dirty::mark(transaction, of_tenant.no, starts, version)?;
    }
    Ok(folded)
}

/// The event as it counts: its own, or a copy under the endpoint that stands for those past the limit.
pub fn resolve<'a>(names: &mut TenantNames, event: &'a Event) -> Cow<'a, Event> {
    let endpoint = names.endpoint(&event.service, &event.endpoint);
    if endpoint == event.endpoint {
        return Cow::Borrowed(event);
    }
    Cow::Owned(Event {
        endpoint,
        ..event.clone()
    })
}
