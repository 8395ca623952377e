//! Query parameters, read strictly: a name nobody reads is an answer to another question than was asked.

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use sendry_domain::{query::Filter, time::UnixMillis};
use utoipa::IntoParams;

use crate::{
    error::ApiError,
    range::{Asked, Range},
};

/// The parameters of a request as they were sent, percent-decoded.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|rejection| {
            let hint = "write it as `name=value&name=value`, percent-encoded";
            ApiError::invalid("invalid_query", rejection.body_text(), hint)
        })?;
        Ok(Self(pairs))
    }
}

impl Params {
    /// Fails where a parameter is not one of `known`, stands twice or is empty.
    pub(crate) fn only(&self, known: &[&[&str]]) -> Result<&Self, ApiError> {
        let known = || known.iter().flat_map(|names| names.iter());
        for (at, (name, value)) in self.0.iter().enumerate() {
            let shown: String = name.chars().take(64).collect();
            if !known().any(|k| k == name) {
                let hint = format!("this route takes {}", join(known().copied()));
                let detail = format!("there is no parameter `{shown}`");
                return Err(ApiError::invalid("unknown_parameter", detail, hint));
            }
            if self.0[..at].iter().any(|(earlier, _)| earlier == name) {
                let detail = format!("`{shown}` stands twice");
                let hint = "give each parameter once";
                return Err(ApiError::invalid("duplicate_parameter", detail, hint));
            }
            if value.is_empty() {
                let detail = format!("`{shown}` is empty");
                let hint = "leave a parameter out to get its default";
                return Err(ApiError::invalid("empty_parameter", detail, hint));
            }
        }
        Ok(self)
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(n, _)| n == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// A number from 1 to `max`.
    pub(crate) fn limit(&self, default: u32, max: u32) -> Result<u32, ApiError> {
        let Some(text) = self.get("limit") else {
            return Ok(default);
        };
        let limit = text.parse().ok().filter(|n| (1..=max).contains(n));
        limit.ok_or_else(|| {
            let detail = "`limit` is out of range";
            ApiError::invalid("invalid_limit", detail, format!("use 1 to {max}"))
        })
    }

    /// The tenant asked for.
    pub(crate) fn tenant(&self) -> &str {
        self.get("tenant").unwrap_or("default")
    }

    /// The range asked for at `now`.
    pub(crate) fn range(&self, now: UnixMillis) -> Result<Range, ApiError> {
        let asked = Asked {
            from: self.get("from"),
            to: self.get("to"),
            tz: self.get("tz"),
            step: self.get("step"),
        };
        Ok(Range::resolve(asked, now)?)
    }

    /// The series asked for.
    pub(crate) fn filter(&self) -> Result<Filter, ApiError> {
        let text = |name| self.get(name).map(str::to_owned);
        let filter = Filter {
            service: text("service"),
            environment: text("environment"),
            endpoint: text("endpoint"),
            // Stored in upper case, whatever the client sent.
            method: self.get("method").map(str::to_ascii_uppercase),
        };
        let narrow = filter.endpoint.is_some() || filter.method.is_some();
        if narrow && filter.service.is_none() {
            return Err(ApiError::invalid(
                "service_required",
                "`endpoint` and `method` need `service`",
                "add the service whose endpoint is meant; GET /api/v1/services lists them",
            ));
        }
        Ok(filter)
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<_> = names.collect();
    if all.is_empty() {
        return "no parameters".to_owned();
    }
    all.join(", ")
}

/// Names of [`TenantParam`].
pub(crate) const TENANT: &[&str] = &["tenant"];
/// Names of [`ReadParams`].
pub(crate) const READ: &[&str] = &[
    "tenant",
    "from",
    "to",
    "tz",
    "step",
    "service",
    "environment",
    "endpoint",
    "method",
];

/// Whose data; for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "read by name, so that every mistake gets its own code"
)]
pub(crate) struct TenantParam {
    /// Whose data; an unknown tenant is 404.
    #[param(default = "default")]
    tenant: Option<String>,
}

/// What every analytics read takes; for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "read by name, so that every mistake gets its own code"
)]
pub(crate) struct ReadParams {
    /// Whose data; an unknown tenant is 404.
    #[param(default = "default")]
    tenant: Option<String>,
    /// RFC 3339, epoch milliseconds, `now`, or `now-<n><m|h|d>`. Moved down to the start of a step.
    #[param(default = "now-24h")]
    from: Option<String>,
    /// As `from`; exclusive. Moved up to the end of a bucket.
    #[param(default = "now")]
    to: Option<String>,
    /// IANA time zone of days and months.
    #[param(default = "UTC")]
    tz: Option<String>,
    /// Width of a point: `auto`, `1m`, `5m`, `15m`, `1h`, `1d` or `1mo`; at most 1,500 points.
    #[param(default = "auto")]
    step: Option<String>,
    /// Only this service.
    service: Option<String>,
    /// Only this environment.
    environment: Option<String>,
    /// Only this route template; needs `service`.
    endpoint: Option<String>,
    /// Only this method; needs `service`.
    method: Option<String>,
}

#[cfg(test)]
mod tests {
    use utoipa::IntoParams as _;

    use super::*;

    #[test]
    fn the_document_names_what_is_read() {
        let names = |params: Vec<utoipa::openapi::path::Parameter>| -> Vec<String> {
            params.into_iter().map(|p| p.name).collect()
        };
        assert_eq!(names(ReadParams::into_params(|| None)), READ);
        assert_eq!(names(TenantParam::into_params(|| None)), TENANT);
    }
}
