//! What a client knows of every event it ever sent.

use std::collections::HashMap;

/// What the answers to an event's attempts say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// At least one 202: it must be counted exactly once.
    Confirmed,
    /// No 202, and at least one attempt whose end is not known: counted at most once.
    Indeterminate,
    /// Every attempt was surely refused: never counted.
    Refused,
}

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// 202.
    Accepted,
    /// 4xx, or 503 with a code that says nothing was stored.
    Refused,
    /// 503 `unknown`, another 5xx, a broken connection, no answer.
    Unknown,
}

/// Events by the name that the load gave them. Written before sending and after the answer, so that at any moment it
/// says no more than the client could know.
#[derive(Debug, Default)]
pub struct Journal {
    events: HashMap<String, Entry>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    sent: u32,
    accepted: u32,
    refused: u32,
}

impl Journal {
    /// An attempt begins. Until its end is written, it counts as unknown.
    pub fn sending<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            self.events.entry(name.to_owned()).or_default().sent += 1;
        }
    }

    /// An attempt ended.
    pub fn ended<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, end: End) {
        for name in names {
            let entry = self.events.entry(name.to_owned()).or_default();
            match end {
                End::Accepted => entry.accepted += 1,
                End::Refused => entry.refused += 1,
                End::Unknown => {}
            }
        }
    }

    /// Adds what another client wrote down.
    pub fn merge(&mut self, other: Self) {
        for (name, theirs) in other.events {
            let ours = self.events.entry(name).or_default();
            ours.sent += theirs.sent;
            ours.accepted += theirs.accepted;
            ours.refused += theirs.refused;
        }
    }

    /// Every event with its fate.
    pub fn fates(&self) -> impl Iterator<Item = (&str, Fate)> {
        self.events.iter().map(|(name, entry)| {
            let fate = match entry {
                Entry { accepted: 1.., .. } => Fate::Confirmed,
                Entry { sent, refused, .. } if refused == sent => Fate::Refused,
                Entry { .. } => Fate::Indeterminate,
            };
            (name.as_str(), fate)
        })
    }

    /// How many events were ever sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_the_best_of_what_is_known() {
        let mut journal = Journal::default();
        journal.sending(["a", "b", "c", "d"]);
        journal.ended(["a"], End::Unknown);
        journal.ended(["b"], End::Refused);
        journal.ended(["c"], End::Refused);
        journal.sending(["a", "c"]);
        journal.ended(["a"], End::Accepted);
        let fates: HashMap<_, _> = journal.fates().collect();
        assert_eq!(fates["a"], Fate::Confirmed);
        assert_eq!(fates["b"], Fate::Refused);
        assert_eq!(
            fates["c"],
            Fate::Indeterminate,
            "its second attempt has no end"
        );
        assert_eq!(fates["d"], Fate::Indeterminate);
    }
}
