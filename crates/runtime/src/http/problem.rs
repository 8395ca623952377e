//! The one shape of a refusal: RFC 9457 problem details.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::RequestId;

/// The media type of a problem.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An RFC 9457 problem, as a handler returns it.
///
/// Members, in this order: `type`, `title`, `status`, `detail`, `code`, `hint`, `requestId`, then
/// those added with [`member`](Self::member). Programs decide by `code` (stable, `snake_case`);
/// people read `detail` (what is wrong with this request) and `hint` (what to do). Under the
/// [`request_id`](super::request_id()) layer, `requestId` fills itself in.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a problem does nothing until it is returned"]
pub struct Problem(Box<Members>);

#[derive(Debug, Clone, PartialEq)]
struct Members {
    status: StatusCode,
    code: Cow<'static, str>,
    type_uri: Cow<'static, str>,
    title: Option<Cow<'static, str>>,
    detail: Option<Cow<'static, str>>,
    hint: Option<Cow<'static, str>>,
    request_id: Option<RequestId>,
    retry_after: Option<Duration>,
    extra: Map<String, Value>,
}

impl Problem {
    /// A problem whose type is `about:blank` and whose title is the status's usual phrase.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Members {
            status,
            code: code.into(),
            type_uri: Cow::Borrowed("about:blank"),
            title: None,
            detail: None,
            hint: None,
            request_id: None,
            retry_after: None,
            extra: Map::new(),
        }))
    }

    /// The page that documents this kind of problem.
    pub fn type_uri(mut self, uri: impl Into<Cow<'static, str>>) -> Self {
        self.0.type_uri = uri.into();
        self
    }

    /// What this kind of problem is called, the same for every occurrence.
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.0.title = Some(title.into());
        self
    }

    /// What is wrong this time.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// What the client can do about it.
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The request's id, where the layer does not fill it in.
    pub fn request_id(mut self, id: RequestId) -> Self {
        self.0.request_id = Some(id);
        self
    }

    /// When trying again makes sense: a `Retry-After` header in whole seconds, rounded up, at
    /// least 1.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds a member of one's own. The standard members keep their values whatever is added.
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.extra.insert(name.into(), value.into());
        self
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Whether it still lacks its request's id.
    pub(super) fn is_anonymous(&self) -> bool {
        self.0.request_id.is_none()
    }

    /// The JSON document.
    pub(super) fn document(&self) -> Map<String, Value> {
        let Members {
            status,
            code,
            type_uri,
            title,
            detail,
            hint,
            request_id,
            extra,
            ..
        } = &*self.0;
        let text = |text: &Cow<'static, str>| Value::from(text.as_ref());
        let usual = || Value::from(status.canonical_reason().unwrap_or("Unknown"));
        let standard = [
            ("type", Some(text(type_uri))),
            ("title", Some(title.as_ref().map_or_else(usual, text))),
            ("status", Some(Value::from(status.as_u16()))),
            ("detail", detail.as_ref().map(text)),
            ("code", Some(text(code))),
            ("hint", hint.as_ref().map(text)),
            (
                "requestId",
                request_id.as_ref().map(|id| Value::from(id.as_str())),
            ),
        ];
        let mut document = Map::new();
        for (name, value) in standard {
            document.extend(value.map(|value| (name.to_owned(), value)));
        }
        for (name, value) in extra {
            document
                .entry(name.as_str())
                .or_insert_with(|| value.clone());
        }
        document
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if let Some(wait) = self.0.retry_after {
            let rounded_up = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(rounded_up.max(1)));
        }
        if self.is_anonymous() {
            // For the request-id layer, which knows the missing member.
            response.extensions_mut().insert(self);
        }
        response
    }
}
