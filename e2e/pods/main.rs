//! All of Sendry where pods really run: a cluster of one node, the chart, `kubectl` and what a team does with them.
//!
//! One story in chapters, each of which says in a line what was seen, how long it took, and what was proven. What it fails
//! on is a state that does not come, one that must not be, or a verdict of the oracle: every event that was confirmed is
//! counted once, and no worker that left in order gave one back. Times are told, never held to.

#![expect(clippy::print_stdout, reason = "a program: its page is what it is for")]

mod chapters;
mod given;
mod kubernetes;
mod page;
mod pipeline;
mod stage;
mod traffic;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;

use crate::{page::Page, stage::Stage};

/// Run Sendry from install to scaling, killing and draining on a cluster of one node, and check every event
///
/// Needs what `cargo xtask e2e` brings: the servers and the node that it installs, and the images that it builds.
#[derive(Clone, Debug, Parser)]
#[command(name = "pods")]
pub struct Options {
    /// Folder of the images' archives
    #[arg(long, value_name = "DIR", default_value = "target/images")]
    images: PathBuf,
    /// Tag of the images
    #[arg(long, value_name = "TAG", default_value = "dev")]
    tag: String,
    /// How often to go from five workers to one and back under load
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// How long the operator is away while traffic flows, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    away: u64,
}

impl Options {
    fn away(&self) -> Duration {
        Duration::from_secs(self.away)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    match runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(tell(&options)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pods: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn tell(options: &Options) -> anyhow::Result<()> {
    let mut page = Page::new();
    let folder = tempfile::tempdir()?;
    let stage = page
        .line(
            "a node, three stores, five images",
            Stage::set(folder.path(), options),
        )
        .await?;
    let told = chapters::tell(&mut page, &stage, options).await;
    if told.is_err() {
        stage.show();
    }
    page.end();
    told
}
