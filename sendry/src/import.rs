//! `sendry import FILE`: an access log becomes history.
//!
//! **Guarantee.** A line's identity is its file's SHA-256 and its place in the file, so the same file imported twice, or
//! an import begun again after it was stopped, counts every line once. A file that has grown is another file: import
//! logs that are closed (rotated).

use std::{
    fs::File,
    io::{IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sendry_runtime::config::SecretString;

use crate::{
    access_log::{self, Batches, Format, LatencyField, Line, Options, Parser, Report},
    cli::DataArgs,
    data_dir::read_credentials,
    send::{As, Sender, Taken},
};

/// Different reasons shown of ingest's refusals.
const SHOWN: usize = 20;

/// `sendry import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Apache or nginx access log (common, combined) or JSON lines; may be gzip'd
    file: PathBuf,
    /// Service the requests are counted under
    #[arg(long)]
    service: String,
    /// Environment the requests are counted under
    #[arg(long)]
    environment: Option<String>,
    /// How lines are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Where a line tells how long its request took
    #[arg(long, value_enum, default_value_t)]
    latency_field: LatencyField,
    /// Count requests whose line tells no latency as if they took so long; without it such lines are skipped
    #[arg(long, value_name = "MS")]
    assume_latency: Option<f64>,
    /// A running Sendry
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Operator's key that may write history (default: the one in the data folder)
    #[arg(long, value_name = "KEY")]
    operator_key: Option<SecretString>,
    #[command(flatten)]
    data: DataArgs,
}

/// Runs the import to its end.
///
/// # Errors
/// When the file is no access log, changes meanwhile, or ingest refuses it or stays away. What was sent is not lost:
/// the same import run again sends the same batches.
pub fn run(args: ImportArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(import(args))
}

async fn import(args: ImportArgs) -> anyhow::Result<()> {
    let ImportArgs {
        file,
        service,
        environment,
        format,
        latency_field,
        assume_latency,
        url,
        operator_key,
        data,
    } = args;
    let assume_latency = match assume_latency {
        None => None,
        Some(ms) => {
            ensure!(
                (0.0..=86_400_000.0).contains(&ms),
                "--assume-latency must be 0 to 86400000 milliseconds"
            );
            Some(Duration::from_secs_f64(ms / 1_000.0))
        }
    };
    let options = Options {
        service,
        environment,
        assume_latency,
    };
    let key = match operator_key {
        Some(key) => key,
        None => SecretString::new(laptop_key(&data)?),
    };
    let sender = Sender::new(&url, key.expose(), As::History)?;
    let open = || File::open(&file).with_context(|| format!("failed to open `{}`", file.display()));
    let survey = access_log::survey(
        open()?,
        Parser {
            format,
            latency_field,
        },
    )
    .with_context(|| format!("failed to read `{}`", file.display()))?;
    survey
        .check(&options)
        .with_context(|| format!("cannot import `{}`", file.display()))?;

    let bar = progress(survey.bytes);
    let mut batches = Batches::new(open()?, &survey, &options)?;
    let mut sent = Sent::default();
    while let Some(batch) = batches.next() {
        let batch = batch?;
        let texts: Vec<String> = batch
            .lines
            .iter()
            .map(|line| {
                line.as_ref()
                    .map_or_else(|_| "null".to_owned(), ToString::to_string)
            })
            .collect();
        let parsed = batch.lines.iter().filter(|line| line.is_ok()).count() as u64;
        if parsed > 0 {
            let taken = sender.send(batch.batch_id, &texts).await?;
            sent.note(taken, parsed, &batch.lines);
        }
        bar.set_position(batches.report().bytes_read);
    }
    bar.finish_and_clear();
    report(batches.report(), &sent);
    Ok(())
}

/// What ingest made of the lines.
#[derive(Debug, Default)]
struct Sent {
    accepted: u64,
    refused: u64,
    reasons: Vec<String>,
}

impl Sent {
    /// Lines that were no events stood as `null` in the batch and are reported with their own reason.
    fn note(&mut self, taken: Taken, parsed: u64, lines: &[Line]) {
        self.accepted += taken.accepted;
        self.refused += parsed - taken.accepted.min(parsed);
        let of_events = taken
            .errors
            .iter()
            .filter(|e| lines.get(e.index).is_some_and(Result::is_ok));
        for error in of_events {
            if self.reasons.len() < SHOWN && !self.reasons.contains(&error.message) {
                self.reasons.push(error.message.clone());
            }
        }
    }
}

fn report(read: &Report, sent: &Sent) {
    let mut text = format!("{} requests sent", sent.accepted);
    if sent.refused > 0 {
        text += &format!(
            ", {} refused by ingest ({})",
            sent.refused,
            sent.reasons.join("; ")
        );
    }
    if read.skipped > 0 {
        text += &format!(", {} lines skipped:", read.skipped);
        for error in &read.errors {
            text += &format!("\n  {error}");
        }
        if read.skipped > read.errors.len() as u64 {
            text += &format!("\n  … and {} more", read.skipped - read.errors.len() as u64);
        }
    }
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn laptop_key(data: &DataArgs) -> anyhow::Result<String> {
    match read_credentials(&data.data)? {
        Some(credentials) => Ok(credentials.operator_key),
        None => bail!(
            "no credentials in `{}` (name the data folder of `sendry up` with --data, or give --operator-key)",
            data.data.display()
        ),
    }
}

fn progress(bytes: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(
        "  import {bar:30} {percent:>3}% {bytes}/{total_bytes}, {eta} left",
    );
    ProgressBar::with_draw_target(Some(bytes), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
