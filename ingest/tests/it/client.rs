//! Requests and answers.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header::HeaderName, request::Builder},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::harness::{NOW, Stage, key};

pub const BATCH: &str = "/api/v1/events";
pub const INGEST: &str = "/api/v1/ingest";
pub const HIT: &str = "/api/hit";
pub const ROUTES: [&str; 3] = [BATCH, INGEST, HIT];
/// Who asks, unless a test says otherwise.
pub const PEER: &str = "192.0.2.10";

/// A good event; `extra` is more of its fields.
pub fn event(extra: &str) -> String {
    format!(
        r#"{{"timestamp":{NOW},"serviceName":"shop","endpoint":"/a","method":"GET","statusCode":200,"latencyMs":1{extra}}}"#
    )
}

pub fn batch(events: &[String]) -> String {
    format!(r#"{{"events":[{}]}}"#, events.join(","))
}

/// A good body for a route.
pub fn good(route: &str) -> String {
    if route == BATCH {
        batch(&[event("")])
    } else {
        event("")
    }
}

/// A POST without any header.
pub fn bare(path: &str) -> Builder {
    Request::post(path)
}

/// A POST of JSON with `acme`'s key.
pub fn post(path: &str) -> Builder {
    let key = key(1);
    bare(path)
        .header("x-api-key", key.expose())
        .header("content-type", "application/json")
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(plain: &[u8], window_log: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(window_log).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: impl Into<String>) -> Option<&str> {
        let name = HeaderName::try_from(name.into()).unwrap();
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The answer of a success.
    #[track_caller]
    pub fn accepted(&self) -> Value {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{self:?}");
        self.json()
    }

    /// The problem, whose form is checked.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.json();
        let got = (self.status.as_u16(), problem["code"].as_str());
        assert_eq!(got, (status, Some(code)), "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["requestId"].as_str(), self.header("x-request-id"));
        for member in ["title", "detail", "requestId"] {
            let text = problem[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{member} in {problem}");
        }
        let waits = matches!(status, 429 | 503);
        assert_eq!(self.header("retry-after").is_some(), waits, "{self:?}");
        problem
    }

    /// The problem of a route; the original's have one member more.
    #[track_caller]
    pub fn refused_on(&self, route: &str, status: u16, code: &str) -> Value {
        let problem = self.refused(status, code);
        let success = (route != BATCH).then_some(&Value::Bool(false));
        assert_eq!(problem.get("success"), success, "{route}: {problem}");
        problem
    }
}

impl Stage {
    pub async fn send(&self, builder: Builder, body: impl Into<Body>) -> Reply {
        self.send_from(PEER, builder.body(body.into()).unwrap())
            .await
    }

    pub async fn send_from(&self, peer: &str, mut request: Request<Body>) -> Reply {
        let peer: IpAddr = peer.parse().unwrap();
        let peer = ConnectInfo(SocketAddr::new(peer, 40_000));
        request.extensions_mut().insert(peer);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// A good event, and the id it got.
    pub async fn hit(&self) -> Reply {
        self.send(post(HIT), event("")).await
    }

    /// Ingest still works, and exactly the event this sends is in its queue: nothing of what came before.
    pub async fn works_and_is_clean(&self) {
        self.hit().await.accepted();
        let messages = self.drain("default").await;
        let events: usize = messages.iter().map(|m| m.events.len()).sum();
        assert_eq!((messages.len(), events), (1, 1), "{messages:?}");
        assert!(self.drain("pay").await.is_empty());
    }
}
