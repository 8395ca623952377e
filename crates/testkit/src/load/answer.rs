//! What an answer says of the events of a request.

use serde_json::Value;

use crate::{
    client::{Answer, NotSent},
    journal::End,
};

/// Whether to send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is settled, as well as it can be.
    Done,
    /// It must be sent again.
    Again,
}

/// An answer, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) end: End,
    /// Places of events refused within an accepted request.
    pub(super) refused: Vec<u32>,
    /// The ids to retry with, by place.
    pub(super) retry_as: Vec<(u32, Option<String>)>,
    /// The same bytes will never be taken.
    pub(super) for_good: bool,
}

impl Answered {
    pub(super) fn read(outcome: anyhow::Result<Answer>) -> Self {
        let mut answered = Self {
            end: End::Unknown,
            refused: Vec::new(),
            retry_as: Vec::new(),
            for_good: false,
        };
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                if error.is::<NotSent>() {
                    answered.end = End::Refused;
                }
                return answered;
            }
        };
        let body = answer.json().unwrap_or_default();
        match answer.status {
            202 => {
                answered.end = End::Accepted;
                let places = body["errors"].as_array().into_iter().flatten();
                answered.refused = places.filter_map(|item| place(&item["index"])).collect();
            }
            503 => match body["code"].as_str() {
                Some("unknown") => {
                    let events = body["events"].as_array().into_iter().flatten();
                    answered.retry_as = events
                        .filter_map(|event| {
                            let id = event["eventId"].as_str().map(str::to_owned);
                            Some((place(&event["index"])?, id))
                        })
                        .collect();
                }
                Some(_) => answered.end = End::Refused,
                None => {}
            },
            status @ 400..500 => {
                answered.end = End::Refused;
                answered.for_good = matches!(status, 400 | 413 | 415 | 422);
            }
            _ => {}
        }
        answered
    }
}

fn place(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Answered {
        Answered::read(Ok(Answer {
            status,
            body: body.to_owned().into(),
        }))
    }

    #[test]
    fn only_a_refusal_that_says_so_is_one() {
        assert_eq!(read(202, "{}").end, End::Accepted);
        assert_eq!(read(503, r#"{"code":"unavailable"}"#).end, End::Refused);
        assert_eq!(read(503, r#"{"code":"unknown"}"#).end, End::Unknown);
        assert_eq!(read(503, "<html>").end, End::Unknown);
        assert_eq!(read(500, "{}").end, End::Unknown);
        assert_eq!(read(429, "{}").end, End::Refused);
        assert!(!read(429, "{}").for_good && read(422, "{}").for_good);
        let cut = || anyhow::anyhow!("cut");
        assert_eq!(Answered::read(Err(cut())).end, End::Unknown);
        assert_eq!(
            Answered::read(Err(cut().context(NotSent))).end,
            End::Refused
        );
    }

    #[test]
    fn places_of_refused_events_and_ids_to_retry_with_are_read() {
        let some = read(202, r#"{"accepted":1,"errors":[{"index":2,"code":"x"}]}"#);
        assert_eq!(some.refused, [2]);
        let body = r#"{"code":"unknown","events":[{"index":0,"eventId":"m.0"},{"index":1,"eventId":null}]}"#;
        assert_eq!(
            read(503, body).retry_as,
            [(0, Some("m.0".to_owned())), (1, None)]
        );
    }
}
