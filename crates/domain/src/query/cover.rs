//! Covering a range of time with as few buckets as possible.

use crate::{rollup::Level, time::UnixMillis};

/// Buckets of one level whose start lies in `from..to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Width of the buckets.
    pub level: Level,
    /// First start, inclusive.
    pub from: UnixMillis,
    /// Exclusive end.
    pub to: UnixMillis,
}

/// Covers `from..to` exactly once with buckets from `finest` to `coarsest`, in order of time.
///
/// `from` is moved down and `to` up to the borders of `finest`.
#[must_use]
pub fn cover(from: UnixMillis, to: UnixMillis, finest: Level, coarsest: Level) -> Vec<Slice> {
    let from = finest.floor(from);
    let to = if finest.floor(to) == to {
        to
    } else {
        finest.next(to)
    };
    if from >= to {
        return Vec::new();
    }
    // The widest level of which at least one whole bucket fits.
    let widest = Level::ALL
        .into_iter()
        .rev()
        .filter(|l| (finest..=coarsest).contains(l))
        .find_map(|level| {
            let start = if level.floor(from) == from {
                from
            } else {
                level.next(from)
            };
            let end = level.floor(to);
            (start < end).then_some(Slice {
                level,
                from: start,
                to: end,
            })
        });
    let Some(middle) = widest else {
        return Vec::new();
    };
    if middle.level == finest {
        return vec![middle];
    }
    let mut slices = cover(from, middle.from, finest, coarsest);
    slices.push(middle);
    slices.extend(cover(middle.to, to, finest, coarsest));
    slices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::{DAY, HOUR, MINUTE};

    proptest! {
        #[test]
        fn every_moment_is_covered_once(start in 0i64..1_000_000, length in 1i64..60_000, finest in 0usize..3, span in 0usize..3) {
            let (from, to) = (UnixMillis(start * MINUTE), UnixMillis((start + length) * MINUTE));
            let finest_level = Level::ALL[finest];
            let coarsest = Level::ALL[(finest + span).min(3)];
            let slices = cover(from, to, finest_level, coarsest);
            let end = if finest_level.floor(to) == to { to } else { finest_level.next(to) };
            prop_assert_eq!(slices.first().unwrap().from, finest_level.floor(from));
            prop_assert_eq!(slices.last().unwrap().to, end);
            for pair in slices.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
            for s in &slices {
                prop_assert!(s.from < s.to && s.level.floor(s.from) == s.from && s.level.floor(s.to) == s.to);
            }
        }
    }

    #[test]
    fn a_month_reads_days_between_edges_of_hours() {
        let day = |n: i64| UnixMillis(20_000 * DAY + n * DAY);
        let slices = cover(
            day(0).plus(5 * HOUR),
            day(31).plus(2 * HOUR),
            Level::Hour,
            Level::Day,
        );
        let levels: Vec<_> = slices
            .iter()
            .map(|s| (s.level, s.to.since(s.from) / HOUR))
            .collect();
        assert_eq!(
            levels,
            [(Level::Hour, 19), (Level::Day, 30 * 24), (Level::Hour, 2)]
        );
        assert!(cover(day(1), day(1), Level::Hour, Level::Day).is_empty());
    }
}
