//! The queue itself: pure, the time and the dice are brought.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use sendry_runtime::backoff::Backoff;

/// So many changes in a row, then one resync if one waits.
const STREAK: u32 = 16;

/// Time since the queue was made.
type Moment = Duration;

/// Which of two waiting names is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Time to look, nothing more.
    Resync,
    /// Somebody changed something, or a time that was waited for has come.
    Change,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to do until something changes.
    AtRest,
    /// Time alone changes something, then.
    After(Duration),
    /// It failed: to be tried again, later and later.
    Failed(Backoff),
}

/// Names to work on.
#[derive(Debug, Default)]
pub struct Queue {
    entries: HashMap<String, Entry>,
    change: VecDeque<String>,
    resync: VecDeque<String>,
    /// Names with the moment at which they enter their lane.
    due: BTreeSet<(Moment, String)>,
    working: usize,
    streak: u32,
}

/// What is known of a name. One that is at rest and did not fail last has none.
#[derive(Clone, Copy, Debug)]
struct Entry {
    place: Place,
    /// Failed passes in a row.
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a lane.
    Waiting(Lane),
    /// In `due`.
    Due(Moment, Lane),
    /// With a worker, that took it from a lane; and what was asked for meanwhile.
    Working(Lane, Option<Lane>),
}

impl Queue {
    /// `name` is to be worked on once more, from now on.
    pub fn add(&mut self, name: &str, lane: Lane) {
        let Some(Entry { place, failures }) = self.entries.get(name).copied() else {
            let entry = Entry {
                place: Place::Waiting(lane),
                failures: 0,
            };
            self.entries.insert(name.to_owned(), entry);
            self.lane(lane).push_back(name.to_owned());
            return;
        };
        let place = match place {
            Place::Waiting(Lane::Resync) if lane == Lane::Change => {
                self.resync.retain(|waiting| waiting != name);
                self.change.push_back(name.to_owned());
                Place::Waiting(Lane::Change)
            }
            // It is tried again soon anyway, and a resync is no reason to hurry.
            Place::Due(..) if lane == Lane::Resync && failures > 0 => place,
            Place::Due(at, _) => {
                self.due.remove(&(at, name.to_owned()));
                self.lane(lane).push_back(name.to_owned());
                Place::Waiting(lane)
            }
            Place::Working(from, again) => Place::Working(from, again.max(Some(lane))),
            Place::Waiting(_) => place,
        };
        self.entries
            .insert(name.to_owned(), Entry { place, failures });
    }

    /// The next name, which is the caller's until [`Self::done`].
    pub fn next(&mut self, now: Moment) -> Option<String> {
        self.fall_due(now);
        let patient = self.streak >= STREAK && !self.resync.is_empty();
        let (name, lane) = match self.change.pop_front() {
            Some(name) if patient => {
                self.change.push_front(name);
                (self.resync.pop_front()?, Lane::Resync)
            }
            Some(name) => (name, Lane::Change),
            None => (self.resync.pop_front()?, Lane::Resync),
        };
        self.streak = match lane {
            Lane::Change => self.streak.saturating_add(1),
            Lane::Resync => 0,
        };
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.place = Place::Working(lane, None);
        }
        self.working += 1;
        Some(name)
    }

    /// The caller is through with `name`; `random` is uniform in `[0, 1)`. Returns how long it is until the name comes
    /// again, if it does by itself.
    pub fn done(
        &mut self,
        name: &str,
        outcome: Outcome,
        now: Moment,
        random: f64,
    ) -> Option<Duration> {
        let entry = self.entries.get(name).copied()?;
        let Place::Working(from, again) = entry.place else {
            return None;
        };
        self.working -= 1;
        let (after, failures) = match outcome {
            Outcome::AtRest => (None, 0),
            // A time that was waited for is as good as a change.
            Outcome::After(delay) => (Some((delay, Lane::Change)), 0),
            Outcome::Failed(backoff) => {
                let delay = backoff.delay(entry.failures, random);
                (Some((delay, from)), entry.failures.saturating_add(1))
            }
        };
        let place = match (again, after) {
            // What changed may be what was missing: no waiting.
            (Some(Lane::Change), _) | (Some(Lane::Resync), None) => {
                let lane = again.unwrap_or(Lane::Resync);
                self.lane(lane).push_back(name.to_owned());
                Place::Waiting(lane)
            }
            (_, Some((delay, lane))) => {
                let at = now.saturating_add(delay);
                self.due.insert((at, name.to_owned()));
                Place::Due(at, lane)
            }
            (None, None) => {
                self.entries.remove(name);
                return None;
            }
        };
        self.entries
            .insert(name.to_owned(), Entry { place, failures });
        match place {
            Place::Due(at, _) => Some(at.saturating_sub(now)),
            _ => Some(Duration::ZERO),
        }
    }

    /// When the next name falls due; `None` when none will by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        self.due.first().map(|(at, _)| *at)
    }

    /// How many passes of `name` failed in a row.
    #[must_use]
    pub fn failures(&self, name: &str) -> u32 {
        self.entries.get(name).map_or(0, |entry| entry.failures)
    }

    /// How many wait in a lane.
    #[must_use]
    pub fn depth(&self, lane: Lane) -> usize {
        match lane {
            Lane::Change => self.change.len(),
            Lane::Resync => self.resync.len(),
        }
    }

    /// How many wait in the lanes.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.change.len() + self.resync.len()
    }

    /// How many are not due yet.
    #[must_use]
    pub fn later(&self) -> usize {
        self.due.len()
    }

    /// How many are worked on.
    #[must_use]
    pub fn working(&self) -> usize {
        self.working
    }

    /// Names that something is kept of.
    #[cfg(test)]
    pub(super) fn entries(&self) -> Vec<&String> {
        self.entries.keys().collect()
    }

    fn fall_due(&mut self, now: Moment) {
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, name)) = self.due.pop_first() else {
                return;
            };
            if let Some(entry) = self.entries.get_mut(&name)
                && let Place::Due(_, lane) = entry.place
            {
                entry.place = Place::Waiting(lane);
                self.lane(lane).push_back(name);
            }
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut VecDeque<String> {
        match lane {
            Lane::Change => &mut self.change,
            Lane::Resync => &mut self.resync,
        }
    }
}
