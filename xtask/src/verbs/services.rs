//! The real servers that tests use, for people who run tests one by one.

use std::fmt::Write;

use clap::{Args, Subcommand};
use sendry_servers::shared::{self, Status};

use crate::process::say;

/// `cargo xtask services`
#[derive(Clone, Copy, Debug, Args)]
pub struct ServicesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum What {
    /// Install what is missing (on Debian, as root) and start all on free ports; they stay until `down`
    Up,
    /// Stop what was started, by process id
    Down,
    /// Which run, and where
    Status {
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

/// Starts, stops or tells.
///
/// # Errors
/// When a server cannot be had or does not end.
pub fn run(args: ServicesArgs) -> anyhow::Result<()> {
    match args.what {
        What::Up => {
            shared::up(true, &say)?;
            say(&table(&shared::status()));
        }
        What::Down => shared::down(&say)?,
        What::Status { json: true } => say(&json(&shared::status())),
        What::Status { json: false } => say(&table(&shared::status())),
    }
    Ok(())
}

fn table(all: &[Status]) -> String {
    let mut text = String::new();
    for status in all {
        let state = match &status.failure {
            None if status.named => "named by its variable, answers".to_owned(),
            None => "answers".to_owned(),
            Some(failure) => failure.clone(),
        };
        let url = status.url.as_deref().unwrap_or("-");
        let server = format!("{:?}", status.server);
        let _ = writeln!(text, "{server:<17} {url:<50} {state}");
    }
    text.trim_end().to_owned()
}

fn json(all: &[Status]) -> String {
    let one = |status: &Status| {
        serde_json::json!({
            "server": format!("{:?}", status.server),
            "variable": status.server.variable(),
            "url": status.url,
            "named": status.named,
            "pids": status.pids,
            "answers": status.failure.is_none(),
            "failure": status.failure,
        })
    };
    let all: Vec<_> = all.iter().map(one).collect();
    format!("{:#}", serde_json::Value::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendry_servers::Server;

    #[test]
    fn a_server_that_is_away_says_why() {
        let status = Status {
            server: Server::Amqp,
            url: Some("amqp://127.0.0.1:1".to_owned()),
            named: false,
            pids: vec![7],
            failure: Some("no connection".to_owned()),
        };
        assert!(table(std::slice::from_ref(&status)).ends_with("no connection"));
        let read: serde_json::Value = serde_json::from_str(&json(&[status])).unwrap();
        assert_eq!(read[0]["variable"], "SENDRY_TEST_AMQP_URL");
        assert_eq!(read[0]["answers"], false);
    }
}
