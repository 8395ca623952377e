//! Covering points with buckets, none of which belongs to two points.

use sendry_domain::{
    query::{Slice, cover},
    rollup::Level,
    time::UnixMillis,
};

/// Covers from the first of `starts` to `end` exactly once, in order of time. No bucket lies across one of `starts`, so
/// each belongs to one point. From `by_hours` on, nothing wider than an hour is used.
///
/// Starts and end must lie on borders of `finest`; where they do not, `cover` widens what it is asked for.
#[must_use]
pub fn slices(
    starts: &[UnixMillis],
    end: UnixMillis,
    finest: Level,
    by_hours: Option<UnixMillis>,
) -> Vec<Slice> {
    let mut slices = Vec::<Slice>::new();
    let ends = starts.iter().skip(1).copied().chain([end]);
    for (from, to) in starts.iter().copied().zip(ends) {
        let to = to.min(end);
        // A month or day cut in two is read by what it is made of.
        let cut = by_hours.unwrap_or(to).clamp(from, to.max(from));
        append(&mut slices, cover_part(from, cut, finest, Level::Month));
        append(&mut slices, cover_part(cut, to, finest, Level::Hour));
    }
    slices
}

fn cover_part(from: UnixMillis, to: UnixMillis, finest: Level, coarsest: Level) -> Vec<Slice> {
    if from >= to {
        return Vec::new();
    }
    cover(from, to, finest.min(coarsest), coarsest)
}

/// Joins what is adjacent: a slice is a range scan, and few long ones are faster than many short ones.
fn append(slices: &mut Vec<Slice>, more: Vec<Slice>) {
    for slice in more {
        match slices.last_mut() {
            Some(last) if last.level == slice.level && last.to == slice.from => last.to = slice.to,
            _ => slices.push(slice),
        }
    }
}
