//! One request to the management API, and its answer.

use std::sync::Arc;

use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{RabbitManagement, client::Live, error, forms::Refusal};
use crate::topology::TopologyError;

/// A part of a path. Each is encoded whole: a virtual host may be called `/`.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// Our virtual host.
    Vhost,
    /// This text.
    Is(&'a str),
}

/// An answer that is a success.
pub(super) struct Answer {
    body: Vec<u8>,
    live: Arc<Live>,
}

impl Answer {
    pub fn read<T: DeserializeOwned>(&self, doing: String) -> Result<T, TopologyError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| error::unreadable(doing, &self.live.connection, &error))
    }
}

/// What is asked of the API.
pub(super) struct Call<'a> {
    pub doing: String,
    pub method: Method,
    pub path: &'a [Part<'a>],
    pub query: &'a [(&'a str, &'a str)],
    pub form: Option<Value>,
}

impl<'a> Call<'a> {
    pub fn new(doing: impl Into<String>, method: Method, path: &'a [Part<'a>]) -> Self {
        Self {
            doing: doing.into(),
            method,
            path,
            query: &[],
            form: None,
        }
    }
}

impl RabbitManagement {
    /// All things of a kind.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &[Part<'_>],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, TopologyError> {
        let doing = format!("list {what}");
        let call = Call {
            query,
            ..Call::new(doing.as_str(), Method::GET, path)
        };
        self.send(call).await?.read(doing)
    }

    pub(super) async fn put(
        &self,
        doing: String,
        path: &[Part<'_>],
        form: Value,
    ) -> Result<(), TopologyError> {
        let form = Some(form);
        let call = Call::new(doing, Method::PUT, path);
        self.send(Call { form, ..call }).await.map(drop)
    }

    /// Asks, and asks again where the connection was exchanged in the meantime: every request here may be repeated.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Answer, TopologyError> {
        let live = self.source.current().await;
        match once(&live, &call).await {
            Err(error) if error.category.is_of_everything() => {
                match self.source.instead_of(&live).await {
                    Some(other) => once(&other, &call).await,
                    None => Err(error),
                }
            }
            done => done,
        }
    }
}

/// The address of these parts below `base`.
pub(in crate::adapters) fn at<'a>(base: &Url, parts: impl Iterator<Item = &'a str>) -> Url {
    let mut path = format!("{}/api", base.path().trim_end_matches('/'));
    for part in parts {
        path.push('/');
        path.push_str(&encoded(part));
    }
    let mut url = base.clone();
    url.set_path(&path);
    url
}

/// Everything but what is never anything else in an address. A browser's rules, which a `Url` follows, leave more as it
/// is, `|` for example, and the broker's server refuses that.
pub(in crate::adapters) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

async fn once(live: &Arc<Live>, call: &Call<'_>) -> Result<Answer, TopologyError> {
    let connection = &live.connection;
    let parts = call.path.iter().map(|part| match part {
        Part::Vhost => &connection.vhost,
        Part::Is(text) => *text,
    });
    let mut url = at(&live.base, parts);
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(call.query);
    }
    let mut request = live
        .client
        .request(call.method.clone(), url)
        .basic_auth(&connection.username, Some(connection.password.expose()));
    if let Some(form) = &call.form {
        request = request.json(form);
    }
    let unreachable = |source| error::unreachable(call.doing.clone(), connection, source);
    let answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(unreachable)?.to_vec();
    if status.is_success() {
        let live = live.clone();
        return Ok(Answer { body, live });
    }
    let reason = match serde_json::from_slice::<Refusal>(&body) {
        Ok(Refusal {
            reason: Value::String(reason),
        }) => reason,
        Ok(refusal) => refusal.reason.to_string(),
        Err(_) => "no reason given".to_owned(),
    };
    Err(error::refused(
        call.doing.clone(),
        connection,
        status,
        &reason,
    ))
}
