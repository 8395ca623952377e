//! The outer form of a request: where its events stand in the text.

use sendry_domain::fingerprint::Fingerprint;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Events of one batch.
pub const MAX_EVENTS: usize = 1_000;

/// A client's batch, its events not looked into yet.
#[derive(Debug)]
pub struct ClientBatch<'a> {
    /// The client's name for it.
    pub id: Option<Uuid>,
    /// The events in the client's order.
    pub events: Vec<SentEvent<'a>>,
}

/// The text of one event; `Err` where not even a JSON value stands (a bad line of NDJSON).
pub type SentEvent<'a> = Result<&'a RawValue, &'a str>;

/// Why a request is no batch.
#[derive(Debug, PartialEq, Eq)]
pub enum BatchError {
    /// Not JSON; where, and why.
    Malformed(String),
    /// JSON of another form.
    Form(&'static str),
    /// `batchId` is no UUID.
    BatchId,
    /// No event at all.
    Empty,
    /// More than [`MAX_EVENTS`].
    TooMany(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, default)]
    batch_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    events: Option<&'a RawValue>,
}

impl<'a> ClientBatch<'a> {
    /// Reads `{batchId?, events: […]}`.
    ///
    /// # Errors
    /// When the whole is not of that form; single events are judged later.
    pub fn from_json(text: &'a str) -> Result<Self, BatchError> {
        let no_object =
            || BatchError::Form("the body must be an object {\"batchId\"?, \"events\": [...]}");
        let whole: &RawValue =
            serde_json::from_str(text).map_err(|error| BatchError::Malformed(error.to_string()))?;
        // serde would take an array's items for the fields, one by one.
        if !whole.get().starts_with('{') {
            return Err(no_object());
        }
        let wire: Wire<'a> = serde_json::from_str(whole.get()).map_err(|_| no_object())?;
        let id = match wire.batch_id.map(RawValue::get) {
            None | Some("null") => None,
            Some(json) => {
                let text: String = serde_json::from_str(json).map_err(|_| BatchError::BatchId)?;
                Some(parse_id(&text)?)
            }
        };
        let events = wire
            .events
            .ok_or(BatchError::Form("`events` is required"))?;
        let events: Vec<&RawValue> = serde_json::from_str(events.get())
            .map_err(|_| BatchError::Form("`events` must be an array"))?;
        Self {
            id,
            events: events.into_iter().map(Ok).collect(),
        }
        .bounded()
    }

    /// Reads one event a line; blank lines do not count. The batch's id comes in a header.
    ///
    /// # Errors
    /// When there is no event, too many, or the id is none.
    pub fn from_ndjson(text: &'a str, id: Option<&str>) -> Result<Self, BatchError> {
        let id = id.map(parse_id).transpose()?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let events = lines
            .map(|line| serde_json::from_str(line).map_err(|_| line))
            .collect();
        Self { id, events }.bounded()
    }

    /// Over all events as sent; what identifies the content of a named batch.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_batch(self.events.iter().map(|event| match event {
            Ok(json) => json.get().as_bytes(),
            Err(line) => line.as_bytes(),
        }))
    }

    fn bounded(self) -> Result<Self, BatchError> {
        match self.events.len() {
            0 => Err(BatchError::Empty),
            n if n > MAX_EVENTS => Err(BatchError::TooMany(n)),
            _ => Ok(self),
        }
    }
}

fn parse_id(text: &str) -> Result<Uuid, BatchError> {
    Uuid::try_parse(text).map_err(|_| BatchError::BatchId)
}
