//! An API on fresh files, and how to talk to it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use http_body_util::BodyExt;
use sendry_analytics::{Access, Analytics, RequestMetrics, router};
use sendry_domain::{
    counting::Arrival,
    id::{MessageId, TenantId},
    message::{Message, Scope},
    time::UnixMillis,
    window::Window,
};
use sendry_queue::{
    EventQueue,
    adapters::sqlite::{Options as QueueOptions, SqliteQueue},
};
use sendry_runtime::{
    clock::ManualClock,
    http::{not_found, standard_layers},
};
use sendry_store::{
    ControlStore, MetricStore, RawEventStore, TenantRecord,
    adapters::sqlite::{Options, SqliteStore},
};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::events;

/// The moment most tests stand at.
pub const NOW: &str = "2026-04-02T10:31:20Z";

pub fn at(text: &str) -> UnixMillis {
    UnixMillis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }
}

pub struct Api {
    pub store: Arc<SqliteStore>,
    pub queue: Arc<SqliteQueue>,
    pub clock: Arc<ManualClock>,
    pub analytics: Analytics,
    router: Router,
    messages: AtomicU32,
    // Dropped last, when the files are closed.
    _dir: tempfile::TempDir,
}

impl Api {
    /// Tenants `default` and `other`, no events, at [`NOW`].
    pub async fn new() -> Self {
        Self::at(NOW).await
    }

    pub async fn at(now: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store.db");
        let store = Arc::new(SqliteStore::open(&store, Options::default()).unwrap());
        let queue = dir.path().join("queue.db");
        let queue = Arc::new(SqliteQueue::open(queue, QueueOptions::default()).unwrap());
        for name in ["default", "other"] {
            let record = TenantRecord {
                id: tenant(name),
                suspended: name == "other",
                rate: None,
                window: Window::default(),
                raw_retention: i64::MAX / 4,
                retained_at: None,
                stamp: None,
            };
            store.put_tenant(&record).await.unwrap();
        }
        let clock = ManualClock::at(at(now).0);
        let analytics = Analytics {
            metrics: store.clone() as Arc<dyn MetricStore>,
            control: store.clone() as Arc<dyn ControlStore>,
            raw: store.clone() as Arc<dyn RawEventStore>,
            queue: queue.clone() as Arc<dyn EventQueue>,
            clock: clock.clone(),
            access: Access::Open,
            telemetry: RequestMetrics::default(),
        };
        let router = served(analytics.clone());
        Self {
            store,
            queue,
            clock,
            analytics,
            router,
            messages: AtomicU32::new(1),
            _dir: dir,
        }
    }

    /// The same files behind other parts.
    pub fn with(mut self, change: impl FnOnce(&mut Analytics)) -> Self {
        change(&mut self.analytics);
        self.router = served(self.analytics.clone());
        self
    }

    /// The message that would bring these events of `name`.
    pub fn message(&self, name: &str, scope: Scope, events: &[Value]) -> Message {
        let number = self.messages.fetch_add(1, Ordering::SeqCst);
        let id = MessageId(Uuid::from_u128(u128::from(number)));
        let now = UnixMillis(sendry_runtime::clock::Clock::now_ms(self.clock.as_ref()));
        events::message(id, tenant(name), scope, now, events)
    }

    /// Counts a message as a worker does.
    pub async fn count_message(&self, message: Message) {
        let accepted_at = message.accepted_at;
        let arrival = Arrival::read(message, Window::live(i64::MAX));
        let metrics = &self.analytics.metrics;
        metrics.count(&[arrival], accepted_at).await.unwrap();
    }

    /// Counts live events of `default`.
    pub async fn count(&self, events: &[Value]) {
        self.count_message(self.message("default", Scope::Live, events))
            .await;
    }

    /// Counts imported events of `default`.
    pub async fn import(&self, events: &[Value]) {
        self.count_message(self.message("default", Scope::Backfill, events))
            .await;
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// A 200 as JSON.
    pub async fn ok(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text);
        reply.json()
    }

    pub async fn post(&self, path: &str, body: Option<&str>) -> Reply {
        let request = Request::builder().method(Method::POST).uri(path);
        let request = match body {
            Some(text) => request
                .header("content-type", "application/json")
                .body(Body::from(text.to_owned())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    /// Asserts that `path` is refused in the one shape of a refusal, and returns it.
    pub async fn refused(&self, path: &str, status: u16, code: &str) -> Value {
        refusal(&self.get(path).await, status, code)
    }
}

/// Asserts the shape of a refusal.
pub fn refusal(reply: &Reply, status: u16, code: &str) -> Value {
    assert_eq!(reply.status.as_u16(), status, "{}", reply.text);
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    let problem = reply.json();
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status);
    for member in ["detail", "hint", "requestId"] {
        let text = problem[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{member} in {problem}");
    }
    problem
}

fn served(analytics: Analytics) -> Router {
    standard_layers(router(analytics).fallback(not_found))
}
