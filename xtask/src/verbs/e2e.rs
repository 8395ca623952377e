//! Sendry where pods really run.

use clap::Args;
use sendry_servers::install::{self, Part};

use crate::{
    images,
    process::{cargo, run as start, say},
};

/// What has to be on this machine.
const PARTS: [Part; 5] = [
    Part::RabbitMq,
    Part::Postgres,
    Part::Mongodb,
    Part::Kubernetes,
    Part::Node,
];
/// Of the images: another one than people's, whose cluster may run beside.
const TAG: &str = "e2e";

/// `cargo xtask e2e`
#[derive(Clone, Copy, Debug, Args)]
pub struct E2eArgs {
    /// Programs as they are shipped: minutes to build
    #[arg(long)]
    release: bool,
    /// How often to go from five workers to one and back under load
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// How long the operator is away while traffic flows, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    away: u32,
    /// As before a release: 20 rounds, and the operator away for five minutes
    #[arg(long, conflicts_with_all = ["rounds", "away"])]
    long: bool,
}

impl Default for E2eArgs {
    /// What CI runs.
    fn default() -> Self {
        Self {
            release: false,
            rounds: 3,
            away: 30,
            long: false,
        }
    }
}

/// Installs what is missing, makes the images, and plays the story.
///
/// # Errors
/// When something does not build, or the story ends otherwise than it must.
pub fn run(args: E2eArgs) -> anyhow::Result<()> {
    let E2eArgs {
        release,
        rounds,
        away,
        long,
    } = args;
    let (rounds, away) = if long { (20, 300) } else { (rounds, away) };
    install::install(&PARTS, &say)?;
    let archives = images::make(release, TAG)?;
    let mut story = cargo([
        "run",
        "--quiet",
        "--package",
        "sendry-e2e",
        "--example",
        "pods",
    ]);
    story.args(["--", "--tag", TAG]);
    if let Some(folder) = archives.first().and_then(|archive| archive.parent()) {
        story.arg("--images").arg(folder);
    }
    story.args(["--rounds", &rounds.to_string(), "--away", &away.to_string()]);
    start(&mut story)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: E2eArgs,
    }

    #[test]
    fn ci_runs_what_a_person_does_who_says_nothing() {
        let said = Cli::parse_from(["e2e"]).args;
        assert_eq!(format!("{said:?}"), format!("{:?}", E2eArgs::default()));
    }
}
