//! Are the buckets those of the raw events?

use std::collections::BTreeMap;

use sendry_domain::{
    event::Event,
    id::TenantId,
    query::{Detail, Filter, FoldSpec, Group, GroupBy, PointValues, Slice},
    rollup::{Cell, Level},
    series::{Series, SeriesKind},
    time::UnixMillis,
};
use sendry_store::MetricStore;

use super::held::{self, Held};
use crate::journal::Known;

/// Cells of a kind and level, by series and start.
type Cells = BTreeMap<(Series, UnixMillis), Cell>;

/// Counts buckets of every series, by minute and by hour, that differ from those made anew. `refused` were counted and are
/// not among the raw events.
pub(super) async fn wrong(
    store: &dyn MetricStore,
    tenant: &TenantId,
    raw: &[Held],
    refused: &[&Known],
    from: UnixMillis,
    to: UnixMillis,
) -> anyhow::Result<u64> {
    let bodies = refused.iter().filter_map(|known| known.body.as_deref());
    let others = bodies.map(|body| held::parse(body, to));
    let others = others.collect::<anyhow::Result<Vec<_>>>()?;
    let events: Vec<&Event> = raw.iter().map(|held| &held.event).chain(&others).collect();
    let mut wrong = 0;
    for level in [Level::Minute, Level::Hour] {
        for kind in SeriesKind::ALL {
            let expected = expected(&events, kind, level);
            let stored = stored(store, tenant, kind, level, from, to).await?;
            wrong += differing(&expected, &stored);
        }
    }
    Ok(wrong)
}

/// Event by event, by nothing but what a cell makes of one.
fn expected(events: &[&Event], kind: SeriesKind, level: Level) -> Cells {
    let mut cells = Cells::new();
    for event in events {
        let key = (
            Series::of(event).as_kind(kind),
            level.floor(event.timestamp),
        );
        cells.entry(key).or_default().record(event);
    }
    cells
}

async fn stored(
    store: &dyn MetricStore,
    tenant: &TenantId,
    kind: SeriesKind,
    level: Level,
    from: UnixMillis,
    to: UnixMillis,
) -> anyhow::Result<Cells> {
    let first = level.floor(from);
    let starts: Vec<UnixMillis> = std::iter::successors(Some(first), |at| Some(level.next(*at)))
        .take_while(|at| *at < to)
        .collect();
    let end = starts.last().map_or(first, |last| level.next(*last));
    let spec = FoldSpec {
        kind,
        filter: Filter::default(),
        slices: vec![Slice {
            level,
            from: first,
            to: end,
        }],
        group: GroupBy::Series,
        points: starts.clone().into(),
        detail: Detail::Cells,
    };
    let mut cells = Cells::new();
    for Group { series, points, .. } in store.fold(tenant, spec).await? {
        let PointValues::Cells(points) = points else {
            anyhow::bail!("asked for cells, the store answers {points:?}");
        };
        for (start, cell) in starts.iter().zip(points) {
            if cell.count > 0 {
                cells.insert((series.clone(), *start), cell);
            }
        }
    }
    Ok(cells)
}

fn differing(expected: &Cells, stored: &Cells) -> u64 {
    let missing_or_other = expected
        .iter()
        .filter(|(key, cell)| stored.get(key) != Some(cell))
        .count();
    let more = stored.keys().filter(|key| !expected.contains_key(key));
    (missing_or_other + more.count()) as u64
}
