//! What is known of one event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Kind;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// 202.
    Accepted,
    /// 4xx, or 503 with a code that says nothing was stored.
    Refused,
    /// 503 `unknown`, another 5xx, a broken connection, no answer.
    Unknown,
}

/// Attempts with one content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    pub(super) sent: u32,
    pub(super) accepted: u32,
    pub(super) refused: u32,
}

impl Attempts {
    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            accepted: self.accepted + other.accepted,
            refused: self.refused + other.refused,
        }
    }

    fn fate(self) -> Fate {
        match self {
            Self { accepted: 1.., .. } => Fate::Confirmed,
            Self { sent, refused, .. } if refused == sent => Fate::Refused,
            Self { .. } => Fate::Indeterminate,
        }
    }
}

/// One event, with all its contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What must become of it.
    pub kind: Kind,
    /// Its bytes, where no store keeps them.
    pub body: Option<String>,
    pub(super) variants: BTreeMap<u32, Attempts>,
}

impl Known {
    /// The best of what is known.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let all = self.variants.values().copied();
        all.reduce(Attempts::add).unwrap_or_default().fate()
    }

    /// The fate of one content.
    #[must_use]
    pub fn fate_of(&self, variant: u32) -> Fate {
        let attempts = self.variants.get(&variant).copied();
        attempts.unwrap_or_default().fate()
    }

    /// The contents it was sent with.
    pub fn variants(&self) -> impl Iterator<Item = u32> + '_ {
        self.variants.keys().copied()
    }

    /// Whether different contents claim to be it.
    #[must_use]
    pub fn is_contested(&self) -> bool {
        self.variants.len() > 1
    }

    pub(super) fn add(&mut self, other: Self) {
        if other.kind != Kind::Healthy {
            self.kind = other.kind;
        }
        self.body = self.body.take().or(other.body);
        for (variant, theirs) in other.variants {
            let ours = self.variants.entry(variant).or_default();
            *ours = ours.add(theirs);
        }
    }
}
