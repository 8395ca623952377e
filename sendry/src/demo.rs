//! A simulated shop: traffic to look at before any application is connected.
//!
//! Three services (`storefront`, `orders`, `payments`) with 25 endpoints between them, busy in the evening and quiet at
//! night and on weekends (UTC). It has something to find: a payment provider that fails now and then, a search that
//! gets slower week by week, a release of `orders` that begins with errors.
//!
//! Nothing here is random or looks at a clock: the same seed, opening and times give the same events. They have no
//! `eventId`; whoever sends them gives a batch its identity.

mod catalog;
mod clients;
mod curve;
mod event;
mod random;
mod request;
mod story;

#[cfg(test)]
mod tests;

pub use catalog::{ENDPOINT_COUNT, SERVICES};
pub use curve::traffic;
pub use event::DemoEvent;

pub(crate) use random::Random;

use self::{catalog::Catalog, story::Story};

/// Mean over a week; at its peak the shop has about twice as many.
pub const LIVE_PER_SECOND: f64 = 20.0;
/// `environment` of all events.
pub const ENVIRONMENT: &str = "production";

/// Slots are drawn each for itself, so that an interval gives the same events however it is asked for.
const LIVE_SLOT_MS: i64 = 1_000;
const HISTORY_SLOT_MS: i64 = 60_000;

/// The shop.
#[derive(Debug)]
pub struct Shop {
    seed: u64,
    story: Story,
    catalog: Catalog,
}

impl Shop {
    /// The shop of a seed, opened at the epoch.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            story: Story::new(seed, 0),
            catalog: Catalog::new(),
        }
    }

    /// The same shop opened at another time, from which its incidents and releases are counted. Opened 30 days ago, it
    /// has had an outage the day before and has its slowest search now.
    #[must_use]
    pub fn opened_at(self, opened_ms: i64) -> Self {
        Self {
            story: Story::new(self.seed, opened_ms),
            ..self
        }
    }

    /// `total` events in `from_ms..to_ms`, spread by the curve of days and weeks, in order of time. They depend on the
    /// whole interval: two halves do not make the same events (and see [`traffic`] for their totals).
    pub fn history(
        &self,
        from_ms: i64,
        to_ms: i64,
        total: usize,
    ) -> impl Iterator<Item = DemoEvent> + '_ {
        let slots = move || slots(from_ms, to_ms, HISTORY_SLOT_MS);
        let whole: f64 = slots().map(|slot| self.share(&slot)).sum();
        let mut before = 0.0;
        slots().flat_map(move |slot| {
            // Rounded as running sums, so that nothing is lost: the last one is `total`.
            let rounded = |sum: f64| (sum / whole * total as f64).round() as usize;
            let already = rounded(before);
            before += self.share(&slot);
            self.draw(
                &slot,
                rounded(before) - already,
                self.random("history", &slot),
            )
        })
    }

    /// The events in `from_ms..to_ms` of a shop that is open now, in order of time. Meant for a second or so.
    #[must_use]
    pub fn live(&self, from_ms: i64, to_ms: i64) -> Vec<DemoEvent> {
        let first = from_ms.div_euclid(LIVE_SLOT_MS) * LIVE_SLOT_MS;
        slots(first, to_ms, LIVE_SLOT_MS)
            .flat_map(|slot| {
                let whole = Slot {
                    to_ms: slot.from_ms + LIVE_SLOT_MS,
                    ..slot
                };
                let mut random = self.random("live", &whole);
                let mean = LIVE_PER_SECOND * curve::load(whole.from_ms);
                let count = random.poisson(mean);
                self.draw(&whole, count, random)
            })
            .filter(|event| (from_ms..to_ms).contains(&event.timestamp_ms))
            .collect()
    }

    fn draw(&self, slot: &Slot, count: usize, mut random: Random) -> Vec<DemoEvent> {
        let mut times: Vec<i64> = (0..count)
            .map(|_| slot.from_ms + random.below(slot.length()) as i64)
            .collect();
        times.sort_unstable();
        times
            .iter()
            .map(|at| request::draw(&self.catalog, &self.story, *at, &mut random))
            .collect()
    }

    /// How much of the traffic falls into a slot: the curve, with minutes that differ as minutes do.
    fn share(&self, slot: &Slot) -> f64 {
        let noise = 0.9 + 0.2 * self.random("share", slot).unit();
        curve::load(slot.from_ms) * noise * slot.length() as f64
    }

    fn random(&self, purpose: &str, slot: &Slot) -> Random {
        Random::new(self.seed).fork(purpose).fork_at(slot.from_ms)
    }
}

struct Slot {
    from_ms: i64,
    to_ms: i64,
}

impl Slot {
    fn length(&self) -> u64 {
        self.to_ms.abs_diff(self.from_ms)
    }
}

/// Cuts an interval at fixed times; the first and the last slot may be shorter.
fn slots(from_ms: i64, to_ms: i64, length: i64) -> impl Iterator<Item = Slot> {
    let mut next = from_ms;
    std::iter::from_fn(move || {
        let from_ms = next;
        let into_slot = from_ms.rem_euclid(length);
        next = to_ms.min(from_ms.saturating_add(length - into_slot));
        (from_ms < to_ms).then_some(Slot {
            from_ms,
            to_ms: next,
        })
    })
}
