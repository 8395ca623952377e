//! Log lines: where they go and what their fields are called.
//!
//! Logs go to standard error; standard output belongs to what a command was asked for. On a
//! terminal a line is for a person, elsewhere it is one JSON object for a machine.
//!
//! # Fields
//!
//! A line must read alone: a message that says what happened, and fields that say to whom.
//!
//! | field | meaning |
//! |---|---|
//! | `tenant.id`, `pipeline.id`, `event.id`, `batch.id`, `message.id`, `key.id` | whose; dotted, never a bare `id` |
//! | `request.id` | the id the client was told in `X-Request-Id` |
//! | `queue.name`, `task.name`, `component` | which part of us |
//! | `duration_ms`, `size_bytes`, `events` (a count) | numbers carry their unit in the name |
//! | `error` | the whole chain, once: `error = %chain(&e)` |
//!
//! Levels, by who must act: `error` = somebody now; `warn` = somebody when it goes on; `info` = what
//! changed state; `debug` = per request or per message. Never logged: secrets, API keys (their id
//! is fine), bodies and headers of events, client addresses, e-mail addresses.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// `pretty` where standard error is a terminal, `json` elsewhere.
    #[default]
    Auto,
    /// One JSON object a line, event fields at the top level, the current span under `span`.
    Json,
    /// For a person; coloured on a terminal unless `NO_COLOR` is set.
    Pretty,
}

/// The log settings of every process: flatten it into the process's own arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct LogArgs {
    /// What is logged: a level, or directives such as `info,sendry_worker=debug`
    #[arg(long, value_name = "FILTER", default_value = "info", global = true)]
    pub log: String,
    /// How log lines look
    #[arg(long, value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
}

impl LogArgs {
    /// [`init`] with these settings.
    pub fn init(&self) -> Result<(), TelemetryError> {
        init(self.log_format, &self.log)
    }
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not a list of `level`, `target=level` or `target[span{field}]=level`.
    #[error(
        "failed to read log filter `{filter}` (expected a level such as `info`, or directives \
         such as `info,sendry_worker=debug`)"
    )]
    Filter {
        /// As it was given.
        filter: String,
        /// Where it went wrong.
        source: ParseError,
    },
}

/// Sends this process's log lines to standard error.
///
/// The first call wins; later ones check their filter and change nothing, so that tests in one
/// process may each call it. In JSON a panic becomes a log line too (`panic.location`), for a
/// multi-line message would break the stream.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let filter = read(filter)?;
    let json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Pretty => false,
    };
    let lines = if json {
        json_lines(io::stderr)
    } else {
        pretty_lines(io::stderr)
    };
    let first = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()
        .is_ok();
    if first && json {
        log_panics();
    }
    Ok(())
}

/// Whether `filter` is one, for who hands it on to another process.
///
/// # Errors
/// When it is none.
pub fn check(filter: &str) -> Result<(), TelemetryError> {
    read(filter).map(drop)
}

fn read(filter: &str) -> Result<EnvFilter, TelemetryError> {
    quiet(filter).map_err(|source| TelemetryError::Filter {
        filter: filter.to_owned(),
        source,
    })
}

/// Libraries that would log bodies: lapin warns of every returned message whole, kube's client of every answer that it
/// cannot read, Secrets included.
const TALKATIVE: [(&str, &str); 2] = [
    ("lapin", "lapin=error"),
    ("kube_client", "kube_client::client=off"),
];

/// The filter, with what would log secrets held back, unless it names it.
fn quiet(filter: &str) -> Result<EnvFilter, ParseError> {
    let mut read = EnvFilter::try_new(filter)?;
    for (name, directive) in TALKATIVE {
        if !filter.contains(name) {
            read = read.add_directive(directive.parse()?);
        }
    }
    Ok(read)
}

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

fn json_lines<W>(writer: W) -> Lines
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(writer)
        .boxed()
}

fn pretty_lines<W>(writer: W) -> Lines
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    // Left alone, the layer colours its lines unless NO_COLOR is set.
    if io::stderr().is_terminal() {
        layer.boxed()
    } else {
        layer.with_ansi(false).boxed()
    }
}

fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("(no message)");
        tracing::error!(panic.location = %location, "panicked: {message}");
    }));
}

#[cfg(test)]
mod tests;
