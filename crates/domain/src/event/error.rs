//! Why an event is refused: a stable `code` for programs, the field, and a sentence for people.

use std::{borrow::Cow, fmt};

/// The kinds of refusal. [`Rule::code`] is part of the HTTP contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Not a JSON object, or not JSON.
    InvalidJson,
    /// The JSON of one event is over [`super::limits::EVENT_BYTES`].
    EventTooLarge,
    /// A required field is absent or null.
    MissingField,
    /// A field stands twice.
    DuplicateField,
    /// Another JSON type than the field has.
    InvalidType,
    /// The right type, with characters or a form that the field does not have.
    InvalidValue,
    /// Longer than the field may be.
    TooLong,
    /// A number outside the field's range.
    OutOfRange,
    /// Before the tenant's window.
    TimestampTooOld,
    /// More than ten minutes ahead.
    TimestampInFuture,
    /// The API key may not write for this service.
    ServiceNotAllowed,
}

impl Rule {
    /// The stable code of the HTTP contract.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::EventTooLarge => "event_too_large",
            Self::MissingField => "missing_field",
            Self::DuplicateField => "duplicate_field",
            Self::InvalidType => "invalid_type",
            Self::InvalidValue => "invalid_value",
            Self::TooLong => "too_long",
            Self::OutOfRange => "out_of_range",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TimestampInFuture => "timestamp_in_future",
            Self::ServiceNotAllowed => "service_not_allowed",
        }
    }
}

/// One refused event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventError {
    /// The kind.
    pub rule: Rule,
    /// Path of the field (`requestHeaders.x-id`), empty when the event as a whole is meant.
    pub field: Cow<'static, str>,
    /// What is wrong and what would be right; never contains the refused value.
    pub message: Cow<'static, str>,
}

impl EventError {
    /// A refusal of `field`.
    pub fn new(
        rule: Rule,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            rule,
            field: field.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule.code(), self.message)
    }
}

impl std::error::Error for EventError {}
