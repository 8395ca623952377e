//! Everything is looked at once in every interval, each name at a moment of its own.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use tokio::time::Instant;

use super::Names;
use crate::work::WorkQueue;

/// Adds names when it is their time, until dropped. `each` is called at every look.
pub(super) async fn run(queue: &WorkQueue, names: &Names, interval: Duration, each: impl Fn()) {
    let tick = (interval / 64).clamp(Duration::from_millis(50), Duration::from_secs(5));
    let start = Instant::now();
    let mut from = Duration::ZERO;
    loop {
        tokio::time::sleep(tick).await;
        let to = start.elapsed();
        for name in names() {
            if falls_into(&name, interval, from, to) {
                queue.resync(&name);
            }
        }
        from = to;
        each();
    }
}

/// Whether the moment of `name`, which comes once in every interval, lies in (from, to].
fn falls_into(name: &str, interval: Duration, from: Duration, to: Duration) -> bool {
    let interval = interval.as_millis().max(1);
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    // Counted from one interval before the start, so that nothing goes below zero.
    let shift = interval - u128::from(hasher.finish()) % interval;
    let times = |until: Duration| (until.as_millis() + shift) / interval;
    times(to) > times(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_once_an_interval_and_they_are_spread() {
        let interval = Duration::from_secs(600);
        let tick = Duration::from_secs(5);
        let mut most = 0;
        let mut times = vec![0; 500];
        for round in 0..240 {
            let (from, to) = (tick * round, tick * (round + 1));
            let now: Vec<usize> = (0..500)
                .filter(|n| falls_into(&format!("tenant-{n}"), interval, from, to))
                .collect();
            most = most.max(now.len());
            for n in now {
                times[n] += 1;
            }
        }
        assert!(
            times.iter().all(|times| *times == 2),
            "twice in two intervals: {times:?}"
        );
        assert!(
            most < 20,
            "{most} of 500 at once, though 120 ticks share them"
        );
    }

    #[test]
    fn a_look_that_comes_late_misses_nobody() {
        let interval = Duration::from_secs(10);
        for n in 0..100 {
            assert!(falls_into(
                &format!("t{n}"),
                interval,
                Duration::from_secs(3),
                Duration::from_secs(13)
            ));
        }
    }
}
