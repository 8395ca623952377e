use sendry_domain::dead_letter::{self, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown;

/// What became of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadLetterState {
    /// Waiting for a person.
    Open,
    /// Given up, with a reason.
    Discarded,
    /// Counted after all.
    Replayed,
    /// The same identity with other content: kept to be seen, never counted.
    Conflict,
}

impl From<State> for DeadLetterState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Discarded => Self::Discarded,
            State::Replayed => Self::Replayed,
            State::Conflict => Self::Conflict,
        }
    }
}

/// An event that could not be counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// `<messageId>.<position>`.
    pub id: String,
    /// What became of it.
    pub state: DeadLetterState,
    /// Code of the reason.
    pub reason: String,
    /// The field at fault, if one is.
    #[schema(required)]
    pub field: Option<String>,
    /// A sentence for people; of a discarded one, why it was.
    pub message: String,
    /// Whether it could be counted at all, perhaps corrected.
    pub replayable: bool,
    /// When ingest accepted it, RFC 3339.
    pub accepted_at: String,
    /// When it became a dead letter, RFC 3339.
    pub recorded_at: String,
    /// The message that brought it.
    pub message_id: String,
    /// Its position in the message.
    pub position: u32,
    /// The request it came with, if known.
    #[schema(required)]
    pub request_id: Option<String>,
    /// The client's id for it, if readable.
    #[schema(required)]
    pub event_id: Option<String>,
    /// The service, if readable.
    #[schema(required)]
    pub service: Option<String>,
    /// Length of the stored text.
    pub bytes: usize,
}

impl From<dead_letter::DeadLetter> for DeadLetter {
    fn from(letter: dead_letter::DeadLetter) -> Self {
        Self {
            id: letter.id.to_string(),
            state: letter.state.into(),
            reason: letter.reason,
            field: letter.field,
            message: letter.message,
            replayable: letter.replayable,
            accepted_at: shown(letter.accepted_at),
            recorded_at: shown(letter.recorded_at),
            message_id: letter.id.message.to_string(),
            position: letter.id.position,
            request_id: letter.request_id,
            event_id: letter.event_id,
            service: letter.service,
            bytes: letter.body.len(),
        }
    }
}

/// A dead letter with what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterDetail {
    /// The dead letter.
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// The stored text: the event's JSON or, of an undecodable message, what there is of it.
    pub event: String,
}

impl From<dead_letter::DeadLetter> for DeadLetterDetail {
    fn from(mut letter: dead_letter::DeadLetter) -> Self {
        let event = std::mem::take(&mut letter.body);
        let bytes = event.len();
        let letter = DeadLetter {
            bytes,
            ..letter.into()
        };
        Self { letter, event }
    }
}
