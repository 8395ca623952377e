//! Compares what clients know with what the stores hold, once nothing is on its way any more.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use anyhow::Context;
use sendry_domain::{
    event,
    id::TenantId,
    query::{Detail, Filter, FoldSpec, GroupBy, Slice},
    rollup::{Cell, Level},
    series::SeriesKind,
    time::{HOUR, UnixMillis},
    window::Window,
};
use sendry_store::{DeadLetterQuery, MetricStore, RawEventStore, RawQuery};

use crate::journal::{Fate, Journal};

/// The comparison. All of `lost` to `residual` must be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Events with a 202.
    pub confirmed: u64,
    /// Events without, one of whose attempts has no known end.
    pub indeterminate: u64,
    /// Of the latter, those that are counted.
    pub landed: u64,
    /// Confirmed, and nowhere.
    pub lost: u64,
    /// Held more than once.
    pub duplicated: u64,
    /// Held, and surely refused or never sent.
    pub unexpected: u64,
    /// Dead letters (none are expected of valid events).
    pub dead: u64,
    /// Conflicts (none are expected of honest clients).
    pub conflicting: i64,
    /// Hours whose buckets differ from the raw events in any integer.
    pub cells_wrong: u64,
    /// What the account does not explain.
    pub residual: i64,
}

impl Verdict {
    /// Whether everything that must be 0 is.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Self {
            lost,
            duplicated,
            unexpected,
            dead,
            conflicting,
            cells_wrong,
            residual,
            ..
        } = self;
        [*lost, *duplicated, *unexpected, *dead, *cells_wrong]
            .iter()
            .all(|n| *n == 0)
            && *conflicting == 0
            && *residual == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            confirmed,
            indeterminate,
            landed,
            lost,
            duplicated,
            unexpected,
            dead,
            conflicting,
            cells_wrong,
            residual,
        } = self;
        write!(
            f,
            "confirmed {confirmed}, indeterminate {indeterminate}, landed {landed}, lost {lost}, duplicated {duplicated}, unexpected {unexpected}, conflicting {conflicting}, dead {dead}, cells_wrong {cells_wrong}, residual {residual}"
        )
    }
}

/// Compares `journal` with the stores for events between `from` and `to`.
///
/// # Errors
/// When a store cannot be read.
pub async fn judge<S: MetricStore + RawEventStore>(
    store: &S,
    tenant: &TenantId,
    journal: &Journal,
    from: UnixMillis,
    to: UnixMillis,
) -> anyhow::Result<Verdict> {
    let raw = read_raw(store, tenant, from, to).await?;
    let mut verdict = Verdict::default();
    let mut held: HashMap<&str, u64> = HashMap::new();
    for event in &raw {
        *held.entry(event.name.as_str()).or_default() += 1;
    }
    let mut fates: HashMap<&str, Fate> = HashMap::new();
    for (name, fate) in journal.fates() {
        fates.insert(name, fate);
        let times = held.get(name).copied().unwrap_or(0);
        match fate {
            Fate::Confirmed => {
                verdict.confirmed += 1;
                verdict.lost += u64::from(times == 0);
            }
            Fate::Indeterminate => {
                verdict.indeterminate += 1;
                verdict.landed += u64::from(times > 0);
            }
            Fate::Refused => {}
        }
    }
    for (name, times) in &held {
        verdict.duplicated += times - 1;
        verdict.unexpected += u64::from(matches!(fates.get(name), None | Some(Fate::Refused)));
    }
    verdict.cells_wrong = wrong_hours(store, tenant, &raw, from, to).await?;
    let ledger = store.ledger(tenant).await?.tally;
    (verdict.residual, verdict.conflicting) = (ledger.residual(), ledger.conflicts);
    let page = DeadLetterQuery {
        state: None,
        after: None,
        limit: 500,
    };
    verdict.dead = store.dead_letters(tenant, &page).await?.letters.len() as u64;
    Ok(verdict)
}

struct Held {
    name: String,
    event: event::Event,
}

async fn read_raw<S: RawEventStore>(
    store: &S,
    tenant: &TenantId,
    from: UnixMillis,
    to: UnixMillis,
) -> anyhow::Result<Vec<Held>> {
    let mut held = Vec::new();
    let mut start = from;
    // By minutes, so that no list is long.
    while start < to {
        let end = start.plus(60_000).min(to);
        let query = RawQuery {
            from: start,
            to: end,
            limit: u32::MAX,
        };
        for raw in store.list(tenant, &query).await? {
            let body: serde_json::Value = serde_json::from_str(&raw.body)?;
            let name = body["requestId"]
                .as_str()
                .context("a raw event without a name")?
                .to_owned();
            let parsed = event::parse(&raw.body, Window::backfill(), to)
                .map_err(|error| anyhow::anyhow!("a raw event is invalid: {error}"))?;
            held.push(Held {
                name,
                event: parsed.event,
            });
        }
        start = end;
    }
    Ok(held)
}

/// Counts hours whose stored total differs from the one made anew from the raw events.
async fn wrong_hours<S: MetricStore>(
    store: &S,
    tenant: &TenantId,
    raw: &[Held],
    from: UnixMillis,
    to: UnixMillis,
) -> anyhow::Result<u64> {
    let mut expected: BTreeMap<UnixMillis, Cell> = BTreeMap::new();
    for held in raw {
        expected
            .entry(Level::Hour.floor(held.event.timestamp))
            .or_default()
            .record(&held.event);
    }
    let mut wrong = 0;
    let mut hour = Level::Hour.floor(from);
    while hour < to {
        for kind in SeriesKind::ALL {
            let spec = FoldSpec {
                kind,
                filter: Filter::default(),
                slices: vec![Slice {
                    level: Level::Hour,
                    from: hour,
                    to: hour.plus(HOUR),
                }],
                group: GroupBy::Total,
                points: [].into(),
                detail: Detail::None,
            };
            let groups = store.fold(tenant, spec).await?;
            let stored = groups.into_iter().next().map(|g| g.total);
            wrong += u64::from(stored.as_ref() != expected.get(&hour));
        }
        hour = hour.plus(HOUR);
    }
    Ok(wrong)
}
