//! A client of ingest for history: batches under fixed ids, sent again until their fate is known.
//!
//! **Guarantee.** A batch's id and bytes never change, so however often it is sent, it counts once.

use std::time::Duration;

use anyhow::{Context, bail};
use sendry_runtime::{backoff::Backoff, config::SecretString};
use serde::Deserialize;
use uuid::Uuid;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// Tries before giving up: with the pauses above, about a minute.
const TRIES: u32 = 20;

/// Whose history, or live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// An app's events, inside the tenant's window.
    Live,
    /// Imported history.
    History,
}

/// The client.
#[derive(Clone, Debug)]
pub struct Sender {
    http: reqwest::Client,
    url: String,
    key: SecretString,
    scope: As,
}

/// What became of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// Events on the queue.
    #[serde(default)]
    pub accepted: u64,
    /// Events refused.
    #[serde(default)]
    pub rejected: u64,
    /// The first refusals.
    #[serde(default)]
    pub errors: Vec<Refused>,
}

/// One refused event.
#[derive(Debug, Deserialize)]
pub struct Refused {
    /// Its position in the batch.
    pub index: usize,
    /// Why.
    pub message: String,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    hint: String,
}

impl Sender {
    /// A client of the ingest at `base` (`http://127.0.0.1:8080`).
    ///
    /// # Errors
    /// When the system's TLS roots cannot be loaded.
    pub fn new(base: &str, key: &str, scope: As) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()?;
        let url = format!("{}/api/v1/events", base.trim_end_matches('/'));
        Ok(Self {
            http,
            url,
            key: SecretString::new(key),
            scope,
        })
    }

    /// Sends `events` (JSON texts) as the batch `id`, until ingest takes or refuses it.
    ///
    /// # Errors
    /// When ingest refuses the request as a whole, or stays away for about a minute.
    pub async fn send(&self, id: Uuid, events: &[impl AsRef<str>]) -> anyhow::Result<Taken> {
        let texts: Vec<&str> = events.iter().map(AsRef::as_ref).collect();
        let body = format!("{{\"batchId\":\"{id}\",\"events\":[{}]}}", texts.join(","));
        let mut attempt = 0;
        loop {
            let failure = match self.try_once(body.clone()).await? {
                Ok(taken) => return Ok(taken),
                Err(failure) => failure,
            };
            attempt += 1;
            if attempt >= TRIES {
                bail!(
                    "{failure} (tried {TRIES} times; is `sendry up` running at {}?)",
                    self.url
                );
            }
            tokio::time::sleep(BACKOFF.delay(attempt, rand::random())).await;
        }
    }

    /// `Ok(Err(…))` is worth another try.
    async fn try_once(&self, body: String) -> anyhow::Result<Result<Taken, String>> {
        let mut request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-api-key", self.key.expose())
            .body(body);
        if self.scope == As::History {
            request = request.header("sendry-scope", "backfill");
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(format!("no answer from {}: {error}", self.url))),
        };
        let status = response.status();
        let text = match response.text().await {
            Ok(text) => text,
            Err(error) => return Ok(Err(format!("the answer broke off: {error}"))),
        };
        if status.is_success() {
            return serde_json::from_str(&text)
                .map(Ok)
                .context("ingest answered 202 without JSON");
        }
        let Problem { code, detail, hint } = serde_json::from_str(&text).unwrap_or(Problem {
            code: String::new(),
            detail: text.clone(),
            hint: String::new(),
        });
        match status.as_u16() {
            408 | 429 | 500.. => Ok(Err(format!("ingest answers {status} {code}: {detail}"))),
            // Every event of the batch was refused: that is an answer, not a failure.
            422 if code == "all_events_rejected" => Ok(Ok(serde_json::from_str(&text)?)),
            _ => bail!("ingest refuses: {status} {code}: {detail} ({hint})"),
        }
    }
}
