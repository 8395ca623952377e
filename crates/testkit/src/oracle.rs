//! Compares what clients know with what the stores hold, once nothing is on its way any more.
//!
//! Every event is looked for by name among raw events and dead letters, of every tenant of the journal. Every
//! series' buckets are made anew from the raw events, by minute and by hour, and must be equal in each integer. The account must close, and
//! say of each column what can be counted.

use std::collections::HashMap;

use sendry_domain::{
    dead_letter::{DeadLetter, State},
    id::TenantId,
    time::UnixMillis,
};
use sendry_store::{DeadLetterQuery, MetricStore, RawEventStore};

use crate::journal::{Fate, Journal, Kind, Known};

mod buckets;
mod held;
mod verdict;

use held::Held;
pub use verdict::Verdict;

/// Compares `journal` with the stores. All its events must have times in `from..to`, and the stores hold nothing else.
///
/// # Errors
/// When a store cannot be read, or the journal was not written.
pub async fn judge(
    metrics: &dyn MetricStore,
    raw: &dyn RawEventStore,
    journal: &Journal,
    from: UnixMillis,
    to: UnixMillis,
) -> anyhow::Result<Verdict> {
    journal.check()?;
    let mut verdict = Verdict::default();
    for name in journal.tenants() {
        let tenant = TenantId::new(name)?;
        let events = journal.events(name).into_iter().flatten();
        let known: HashMap<&str, &Known> =
            events.map(|(name, known)| (name.as_str(), known)).collect();
        let held = held::read(raw, &tenant, from, to).await?;
        let letters = letters(metrics, &tenant).await?;
        let tally = metrics.ledger(&tenant).await?.tally;
        let places = Places::of(&held, &letters);
        let missing_before = verdict.missing();

        for (name, known) in &known {
            places.judge(name, known, &mut verdict);
        }
        places.strangers(&known, &mut verdict);
        let refused: Vec<&Known> = known
            .values()
            .copied()
            .filter(|known| known.kind == Kind::RawRefused && known.fate() == Fate::Confirmed)
            .collect();
        let wrong = buckets::wrong(metrics, &tenant, &held, &refused, from, to).await?;
        verdict.cells_wrong += wrong;
        verdict.account(&tally, held.len(), &letters, refused.len());
        // What is counted again under the same place writes its raw event where it is already, so these do not show it.
        // What was counted and has no raw event is at most each of the missing ones once; all beyond was counted again.
        let explained = held.len() as u64 + (verdict.missing() - missing_before);
        let counted = (tally.counted - tally.raw_refused).unsigned_abs();
        verdict.duplicated += counted.saturating_sub(explained);
    }
    Ok(verdict)
}

async fn letters(metrics: &dyn MetricStore, tenant: &TenantId) -> anyhow::Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    let mut after = None;
    loop {
        let query = DeadLetterQuery {
            state: None,
            after,
            limit: 500,
        };
        let page = metrics.dead_letters(tenant, &query).await?;
        letters.extend(page.letters);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(letters),
        }
    }
}

/// Where events of a tenant are, by name.
struct Places<'a> {
    raw: HashMap<&'a str, Vec<&'a Held>>,
    letters: HashMap<String, Vec<&'a DeadLetter>>,
    conflicts: HashMap<String, Vec<&'a DeadLetter>>,
}

impl<'a> Places<'a> {
    fn of(held: &'a [Held], letters: &'a [DeadLetter]) -> Self {
        let mut places = Self {
            raw: HashMap::new(),
            letters: HashMap::new(),
            conflicts: HashMap::new(),
        };
        for event in held {
            places.raw.entry(&event.name).or_default().push(event);
        }
        for letter in letters {
            let list = match letter.state {
                State::Conflict => &mut places.conflicts,
                State::Open | State::Replayed | State::Discarded => &mut places.letters,
            };
            list.entry(held::name_of(letter)).or_default().push(letter);
        }
        places
    }

    /// One event of the journal.
    fn judge(&self, name: &str, known: &Known, verdict: &mut Verdict) {
        let raw = self.raw.get(name).map_or(&[][..], Vec::as_slice);
        let letters = self.letters.get(name).map_or(&[][..], Vec::as_slice);
        let counted = raw.len() as u64;
        let dead = letters.len() as u64;
        let replayed = letters.iter().filter(|l| l.state == State::Replayed);
        let replayed = replayed.count() as u64;
        let mut wrong = |count: &mut u64, by: u64, what: &str| {
            if by > 0 {
                *count += by;
                verdict.examples.push(format!("{what}: {name}"));
            }
        };
        // A replayed letter stands in both places, and is one.
        let places = match known.kind {
            Kind::Healthy => {
                wrong(&mut verdict.dead, dead - replayed, "dead and innocent");
                counted + dead - replayed
            }
            Kind::Poison => {
                let unasked = counted.saturating_sub(replayed);
                wrong(&mut verdict.unexpected, unasked, "poison counted");
                dead
            }
            Kind::RawRefused => {
                wrong(&mut verdict.unexpected, counted, "refused and yet kept");
                // Its count is seen in the buckets and in the account alone.
                match known.fate() {
                    Fate::Confirmed => 1,
                    Fate::Indeterminate | Fate::Refused => 0,
                }
            }
        };
        wrong(
            &mut verdict.duplicated,
            places.saturating_sub(1),
            "held more than once",
        );
        match known.fate() {
            Fate::Confirmed => {
                verdict.confirmed += 1;
                wrong(&mut verdict.lost, u64::from(places == 0), "lost");
            }
            Fate::Indeterminate => {
                verdict.indeterminate += 1;
                verdict.landed += u64::from(places > 0);
            }
            Fate::Refused => {
                let there = u64::from(places > 0);
                wrong(&mut verdict.unexpected, there, "refused and yet held");
            }
        }
        verdict.poisoned += u64::from(known.kind == Kind::Poison && dead > 0);
        self.contest(name, known, raw, verdict);
    }

    /// What is kept of other contents of an event must be another content than the one counted, and must be kept if it
    /// was confirmed.
    fn contest(&self, name: &str, known: &Known, raw: &[&Held], verdict: &mut Verdict) {
        let kept = self.conflicts.get(name).map_or(&[][..], Vec::as_slice);
        verdict.contested += u64::from(known.is_contested() && !kept.is_empty());
        if known.kind != Kind::Healthy {
            return;
        }
        let Some(winner) = raw.first().map(|held| held.variant) else {
            return;
        };
        let kept: Vec<u32> = kept.iter().map(|letter| held::variant_of(letter)).collect();
        let same = kept.iter().filter(|variant| **variant == winner).count();
        let missing = known.variants().filter(|variant| {
            *variant != winner
                && known.fate_of(*variant) == Fate::Confirmed
                && !kept.contains(variant)
        });
        let refused = u64::from(known.fate_of(winner) == Fate::Refused);
        let wrong = same as u64 + missing.count() as u64 + refused;
        if wrong > 0 {
            verdict.conflicting += wrong;
            verdict
                .examples
                .push(format!("contents {winner} counted, {kept:?} kept: {name}"));
        }
    }

    /// Whatever is held and was never sent.
    fn strangers(&self, known: &HashMap<&str, &Known>, verdict: &mut Verdict) {
        let raw = self.raw.keys().copied();
        let letters = self.letters.keys().chain(self.conflicts.keys());
        for name in raw.chain(letters.map(String::as_str)) {
            if !known.contains_key(name) {
                verdict.unexpected += 1;
                verdict.examples.push(format!("never sent: {name}"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
