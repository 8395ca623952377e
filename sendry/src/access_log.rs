//! Reads web server access logs, so that Sendry can be tried on real traffic without an SDK.
//!
//! A file is read twice. The first pass ([`survey()`]) hashes it, learns its route templates and finds out whether it
//! holds latencies at all; nothing can be refused half way that the first pass could have seen. The second
//! ([`Batches`]) makes the events. Both passes see the whole file and nothing else, so the same file always gives the
//! same batches with the same ids, and importing it twice counts it once.
//!
//! The identity of a line is (SHA-256 of the inflated file, line): packed or not, under whatever name, a file is the
//! same file. A log that has *grown* is another file, so import logs that are complete (rotated).
//!
//! Times are taken as logged. Apache logs the start of a request, nginx its end.

mod batches;
mod combined;
mod convert;
mod fields;
mod json;
mod latency;
mod lines;
mod parser;
mod request;
mod routes;
mod survey;
mod template;
mod time;

#[cfg(test)]
mod tests;

pub use batches::{Batch, Batches, CHUNK_LINES, Line, ReadError, Report};
pub use convert::{Options, to_event};
pub use latency::LatencyField;
pub use lines::MAX_LINE_BYTES;
pub use parser::{Format, Parser};
pub use routes::{Routes, TemplateLearner};
pub use survey::{Survey, Unusable, survey};
pub use template::template;

/// One request as a log line tells it. Absent means absent: never 0 or "".
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Upper-cased; `_OTHER` where the request line was no HTTP (TLS bytes on a plain port).
    pub method: String,
    /// Without the query, still percent-encoded; starts with `/`. `None` where the request named none.
    pub path: Option<String>,
    /// 100..=599, or 0 when no response was sent.
    pub status: u16,
    /// How long the request took, in microseconds.
    pub latency_us: Option<u64>,
    /// Bytes sent, as the server counts them (nginx: the body; Apache's `%O`: everything).
    pub response_bytes: Option<u64>,
    /// An IPv4 or IPv6 address; host names in its place are not kept.
    pub client_ip: Option<String>,
    /// As logged, escapes resolved.
    pub user_agent: Option<String>,
    /// Lower-cased, without its port.
    pub host: Option<String>,
}

/// A line that gives no event. It keeps its position, so that its neighbours keep theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line_number}: {message}")]
pub struct LineError {
    /// Counted from 1, blank lines included.
    pub line_number: u64,
    /// Stable, for programs.
    pub code: &'static str,
    /// For people; never contains the line, which may hold what nobody wants in a terminal.
    pub message: String,
}

/// Why a line gives no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Over [`MAX_LINE_BYTES`].
    #[error("the line is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// Neither common nor combined format.
    #[error("not a line of the common or combined log format")]
    NotCombined,
    /// Not a JSON object.
    #[error("not one JSON object")]
    NotJson,
    /// A JSON object that describes no request, or not enough of one.
    #[error("the JSON object has no {0} under a known name")]
    Missing(&'static str),
    /// The time is in no known form.
    #[error("the time is neither RFC 3339, nor `10/Oct/2000:13:55:36 -0700`, nor a Unix time")]
    InvalidTime,
    /// The status is no HTTP status.
    #[error("the status is neither `-`, 0 nor 100 to 599")]
    InvalidStatus,
    /// The latency is negative or over a day.
    #[error("the latency is not between 0 and one day")]
    InvalidLatency,
    /// Sendry counts latencies, and this line has none.
    #[error(
        "no latency: log nginx's $request_time or Apache's %D at the end of the line, \
         or give all requests the same one with --assume-latency MS"
    )]
    NoLatency,
}

impl Reason {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "line_too_long",
            Self::NotCombined => "not_combined",
            Self::NotJson => "invalid_json",
            Self::Missing(_) => "missing_field",
            Self::InvalidTime => "invalid_time",
            Self::InvalidStatus => "invalid_status",
            Self::InvalidLatency => "invalid_latency",
            Self::NoLatency => "no_latency",
        }
    }

    fn at(self, line_number: u64) -> LineError {
        LineError {
            line_number,
            code: self.code(),
            message: self.to_string(),
        }
    }
}
