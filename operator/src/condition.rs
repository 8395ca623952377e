//! Conditions as values: what is said now, merged into what was said before.
//!
//! A time moves only when a status does, so saying the same again is no change, and no change is no write.

use std::borrow::Cow;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use sendry_crds::condition::{READY, RECONCILING, STALLED};

/// Longest message, in bytes; the API server takes 32 KiB, a person a line or two.
const MAX_MESSAGE: usize = 1_024;

/// What is true now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The condition's type.
    pub kind: &'static str,
    /// `None` = unknown.
    pub status: Option<bool>,
    /// Why, in one word.
    pub reason: Cow<'static, str>,
    /// Why, for a person; and what to do.
    pub message: String,
}

impl Said {
    /// It is so.
    #[must_use]
    pub fn yes(
        kind: &'static str,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(kind, Some(true), reason, message)
    }

    /// It is not so.
    #[must_use]
    pub fn no(
        kind: &'static str,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(kind, Some(false), reason, message)
    }

    /// Nobody can tell.
    #[must_use]
    pub fn unknown(
        kind: &'static str,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(kind, None, reason, message)
    }

    fn new(
        kind: &'static str,
        status: Option<bool>,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// Whether it is so.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.status == Some(true)
    }
}

/// What became of a pass, for the three conditions that everybody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asked for is there.
    Ready,
    /// Not yet; it is tried again.
    Working {
        /// Why, in one word.
        reason: Cow<'static, str>,
        /// Why, for a person.
        message: String,
    },
    /// Not until somebody changes something.
    Stalled {
        /// Why, in one word.
        reason: Cow<'static, str>,
        /// What to do.
        message: String,
    },
}

impl Outcome {
    /// `Ready`, `Reconciling` and `Stalled`, which never contradict each other.
    #[must_use]
    pub fn said(&self) -> [Said; 3] {
        match self {
            Self::Ready => [
                Said::yes(
                    READY,
                    "Ready",
                    "everything asked for is there and in effect",
                ),
                Said::no(RECONCILING, "Settled", ""),
                Said::no(STALLED, "Settled", ""),
            ],
            Self::Working { reason, message } => [
                Said::no(READY, reason.clone(), message.clone()),
                Said::yes(RECONCILING, reason.clone(), message.clone()),
                Said::no(STALLED, "Working", ""),
            ],
            Self::Stalled { reason, message } => [
                Said::no(READY, reason.clone(), message.clone()),
                Said::no(RECONCILING, "Stalled", ""),
                Said::yes(STALLED, reason.clone(), message.clone()),
            ],
        }
    }
}

/// What was said before with what is said now in its place. Types that nobody speaks of now stay as they are.
#[must_use]
pub fn merge(
    before: &[Condition],
    said: &[Said],
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let mut conditions = before.to_vec();
    for said in said {
        let status = match said.status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let known = conditions.iter_mut().find(|c| c.type_ == said.kind);
        let since = match &known {
            Some(known) if known.status == status => known.last_transition_time.clone(),
            _ => Time(now),
        };
        let condition = Condition {
            type_: said.kind.to_owned(),
            status: status.to_owned(),
            reason: said.reason.clone().into_owned(),
            message: cut(&said.message, MAX_MESSAGE),
            observed_generation: Some(generation),
            last_transition_time: since,
        };
        match known {
            Some(known) => *known = condition,
            None => conditions.push(condition),
        }
    }
    conditions
}

/// The beginning of a text, whole characters, with an ellipsis where something is left out.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn saying_the_same_again_changes_nothing() {
        let said = Outcome::Ready.said();
        let first = merge(&[], &said, 1, at(1));
        assert_eq!(merge(&first, &said, 1, at(2)), first);
    }

    #[test]
    fn a_time_moves_with_the_status_alone() {
        let working = |message: &str| Outcome::Working {
            reason: "BrokerUnavailable".into(),
            message: message.to_owned(),
        };
        let first = merge(&[], &working("a").said(), 1, at(1));
        let second = merge(&first, &working("b").said(), 2, at(2));
        assert_ne!(second, first);
        assert!(second.iter().all(|c| c.last_transition_time == Time(at(1))));
        assert!(second.iter().all(|c| c.observed_generation == Some(2)));
        let third = merge(&second, &Outcome::Ready.said(), 2, at(3));
        let ready = third.iter().find(|c| c.type_ == READY).unwrap();
        assert_eq!(ready.last_transition_time, Time(at(3)));
        let stalled = third.iter().find(|c| c.type_ == STALLED).unwrap();
        assert_eq!(stalled.last_transition_time, Time(at(1)));
    }

    #[test]
    fn what_nobody_speaks_of_stays() {
        let first = merge(&[], &[Said::yes("Other", "Because", "")], 1, at(1));
        let second = merge(&first, &Outcome::Ready.said(), 2, at(2));
        assert_eq!(second[0], first[0]);
        assert_eq!(second.len(), 4);
    }

    #[test]
    fn ready_reconciling_and_stalled_never_contradict_each_other() {
        let (reason, message) = (Cow::Borrowed("Why"), String::new());
        let all = [
            Outcome::Ready,
            Outcome::Working {
                reason: reason.clone(),
                message: message.clone(),
            },
            Outcome::Stalled { reason, message },
        ];
        for outcome in all {
            let yes = outcome.said().iter().filter(|s| s.is_true()).count();
            assert_eq!(yes, 1, "{outcome:?}");
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let message = "ü".repeat(2_000);
        let cut = cut(&message, MAX_MESSAGE);
        assert!(cut.len() <= MAX_MESSAGE && cut.ends_with("ü…"));
    }
}
