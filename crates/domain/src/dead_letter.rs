//! Events that could not be counted, kept where a person can see, fix and replay them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    event::{EventError, Rule},
    id::{MessageId, TenantId},
    message::Scope,
    time::UnixMillis,
};

/// Names a dead letter: the event's place in its message, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadLetterId {
    /// The message.
    pub message: MessageId,
    /// The event's position in it.
    pub position: u32,
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.message, self.position)
    }
}

impl FromStr for DeadLetterId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "a dead letter's id is `<messageId>.<position>`";
        let (message, position) = text.rsplit_once('.').ok_or(RULE)?;
        Ok(Self {
            message: MessageId(message.parse().map_err(|_| RULE)?),
            position: position.parse().map_err(|_| RULE)?,
        })
    }
}

/// Why an event is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It breaks a rule of the event (a newer or older ingest let it through).
    Invalid(Rule),
    /// It is older than the ledger remembers, so it could be a duplicate; discard only.
    TooLate,
    /// The metric store refused its data.
    StoreRefused,
    /// The message that held it cannot be read.
    Undecodable,
    /// Its identity was counted before with other content; not replayable, and tallied apart.
    Conflict,
}

impl Reason {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid(rule) => rule.code(),
            Self::TooLate => "too_late",
            Self::StoreRefused => "store_refused",
            Self::Undecodable => "undecodable",
            Self::Conflict => "conflict",
        }
    }

    /// Whether counting it later could be right.
    #[must_use]
    pub fn replayable(self) -> bool {
        matches!(self, Self::Invalid(_) | Self::StoreRefused)
    }
}

/// What became of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waiting for a person.
    Open,
    /// Counted after all.
    Replayed,
    /// Given up, with a reason.
    Discarded,
    /// A conflict: kept to be seen, never counted.
    Conflict,
}

impl State {
    /// The stored and shown word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
            Self::Conflict => "conflict",
        }
    }
}

impl FromStr for State {
    type Err = &'static str;
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Open, Self::Replayed, Self::Discarded, Self::Conflict]
            .into_iter()
            .find(|s| s.as_str() == word)
            .ok_or("a dead letter is open, replayed, discarded or conflict")
    }
}

/// A dead letter as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its name.
    pub id: DeadLetterId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What became of it.
    pub state: State,
    /// Code of the reason ([`Reason::code`]).
    pub reason: String,
    /// Whether replay is possible at all ([`Reason::replayable`]).
    pub replayable: bool,
    /// The field at fault, if one is.
    pub field: Option<String>,
    /// A sentence for people; for discarded ones, why.
    pub message: String,
    /// The request it came with, if known.
    pub request_id: Option<String>,
    /// The client's id for it, if readable.
    pub event_id: Option<String>,
    /// The service, if readable.
    pub service: Option<String>,
    /// The event's bytes (or, undecodable, the message's), as text.
    pub body: String,
    /// Live or imported, which decides its levels on replay.
    pub scope: Scope,
    /// How many events it stands for: 1, or all of an undecodable message.
    pub events: u32,
    /// When ingest accepted it.
    pub accepted_at: UnixMillis,
    /// When it became a dead letter.
    pub recorded_at: UnixMillis,
}

/// Why a validated event of a message cannot be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind.
    pub reason: Reason,
    /// The field at fault, if one is.
    pub field: Option<String>,
    /// A sentence for people.
    pub message: String,
}

impl From<EventError> for Refusal {
    fn from(error: EventError) -> Self {
        Self {
            reason: Reason::Invalid(error.rule),
            field: (!error.field.is_empty()).then(|| error.field.into_owned()),
            message: error.message.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip() {
        let id = DeadLetterId {
            message: MessageId(uuid::Uuid::from_u128(3)),
            position: 9,
        };
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("x.1".parse::<DeadLetterId>().is_err() && "".parse::<DeadLetterId>().is_err());
    }
}
