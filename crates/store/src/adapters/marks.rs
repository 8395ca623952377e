//! Reading around days and months whose rows lag behind their hours.
//!
//! Counting writes minutes and hours only and marks the days and months it touched in the same transaction; a reader
//! takes a marked month from its days and a marked day from its hours. So an answer is exact however late the derivation
//! is, and the derivation is only what makes it cheap.

use std::collections::BTreeSet;

use sendry_domain::{query::Slice, rollup::Level, time::UnixMillis};

/// A tenant's marks, as of a snapshot.
#[derive(Debug, Default)]
pub struct Marks {
    days: BTreeSet<UnixMillis>,
    months: BTreeSet<UnixMillis>,
}

impl Marks {
    /// Adds a mark from its columns.
    pub fn insert(&mut self, level: u8, start: UnixMillis) {
        if level == Level::Month as u8 {
            self.months.insert(start);
        } else {
            self.days.insert(start);
        }
    }

    /// The same time in slices that hold no marked bucket, in order of time.
    pub fn avoid(&self, slices: &[Slice]) -> Vec<Slice> {
        let mut avoided = Vec::with_capacity(slices.len());
        for slice in slices {
            self.split(*slice, &mut avoided);
        }
        avoided
    }

    fn split(&self, slice: Slice, out: &mut Vec<Slice>) {
        let (marked, finer) = match slice.level {
            Level::Minute | Level::Hour => return push(slice, out),
            Level::Day => (&self.days, Level::Hour),
            Level::Month => (&self.months, Level::Day),
        };
        let mut from = slice.from;
        for start in marked.range(slice.from..slice.to) {
            let (level, next) = (slice.level, slice.level.next(*start));
            let clean = Slice {
                level,
                from,
                to: *start,
            };
            push(clean, out);
            let instead = Slice {
                level: finer,
                from: *start,
                to: next,
            };
            self.split(instead, out);
            from = next;
        }
        push(Slice { from, ..slice }, out);
    }
}

/// Appends a slice, to the one before it where they are one run.
fn push(slice: Slice, out: &mut Vec<Slice>) {
    if slice.from >= slice.to {
        return;
    }
    match out.last_mut() {
        Some(last) if last.level == slice.level && last.to == slice.from => last.to = slice.to,
        _ => out.push(slice),
    }
}

/// The days and months of buckets that were written: what a counting transaction marks.
pub fn touched(starts: impl IntoIterator<Item = UnixMillis>) -> Vec<(Level, UnixMillis)> {
    let days: BTreeSet<_> = starts.into_iter().map(|s| Level::Day.floor(s)).collect();
    let months: BTreeSet<_> = days.iter().map(|d| Level::Month.floor(*d)).collect();
    let days = days.into_iter().map(|start| (Level::Day, start));
    let months = months.into_iter().map(|start| (Level::Month, start));
    days.chain(months).collect()
}

#[cfg(test)]
mod tests {
    use sendry_domain::{
        query::cover,
        time::{DAY, HOUR},
    };

    use super::*;

    fn at(text: &str) -> UnixMillis {
        let days = |y: i64, m: i64, d: i64| {
            // Days since the epoch by the civil calendar.
            let (y, m) = if m > 2 { (y, m - 3) } else { (y - 1, m + 9) };
            365 * y + y.div_euclid(4) - y.div_euclid(100)
                + y.div_euclid(400)
                + (153 * m + 2) / 5
                + d
                - 719_469
        };
        let mut parts = text.split('-').map(|p| p.parse::<i64>().unwrap());
        let mut next = || parts.next().unwrap();
        UnixMillis(days(next(), next(), next()) * DAY)
    }

    #[test]
    fn marked_months_are_read_from_days_and_marked_days_from_hours() {
        let marks = Marks {
            days: [at("2026-02-03"), at("2026-02-04"), at("2026-04-01")].into(),
            months: [at("2026-02-01")].into(),
        };
        let slices = cover(
            at("2026-01-01"),
            at("2026-04-02"),
            Level::Hour,
            Level::Month,
        );
        let read: Vec<_> = marks
            .avoid(&slices)
            .iter()
            .map(|s| (s.level, s.from, s.to))
            .collect();
        let expected = [
            (Level::Month, at("2026-01-01"), at("2026-02-01")),
            (Level::Day, at("2026-02-01"), at("2026-02-03")),
            (Level::Hour, at("2026-02-03"), at("2026-02-05")),
            (Level::Day, at("2026-02-05"), at("2026-03-01")),
            (Level::Month, at("2026-03-01"), at("2026-04-01")),
            (Level::Hour, at("2026-04-01"), at("2026-04-02")),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn without_marks_nothing_changes() {
        let (from, to) = (at("2025-06-15"), at("2026-04-02").plus(5 * HOUR));
        let slices = cover(from, to, Level::Minute, Level::Month);
        assert_eq!(Marks::default().avoid(&slices), slices);
    }
}
