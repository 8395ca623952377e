//! An application that sends events, and what it is answered.

use std::{fmt, net::SocketAddr};

use bytes::Bytes;
use sendry_testkit::client::Client;
use serde_json::json;

/// What ingest answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    pub status: u16,
    /// Of a problem.
    pub code: String,
}

impl Answer {
    pub fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.code == code
    }

    /// It leaves open what became of the event: the broker did not confirm in the time that ingest has, as it happens now
    /// and then on a busy machine.
    pub fn is_unsure(&self) -> bool {
        self.is(503, "unknown")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

/// So many events in a request.
pub fn events(count: usize) -> Bytes {
    let event = json!({
        "serviceName": "checkout",
        "endpoint": "/orders/:id",
        "method": "GET",
        "statusCode": 200,
        "latencyMs": 12.5,
    });
    Bytes::from(json!({"events": vec![event; count]}).to_string())
}

/// One event, on a connection of its own.
pub async fn post(to: SocketAddr, key: &str) -> Answer {
    send(&mut Client::new(to), key, events(1)).await.unwrap()
}

/// A request on a connection that is kept.
pub async fn send(client: &mut Client, key: &str, body: Bytes) -> anyhow::Result<Answer> {
    let headers = [("content-type", "application/json"), ("x-api-key", key)];
    let answer = client
        .send("POST", "/api/v1/events", &headers, body)
        .await?;
    let code = match answer.status {
        202 => String::new(),
        _ => answer.json()?["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    };
    Ok(Answer {
        status: answer.status,
        code,
    })
}
