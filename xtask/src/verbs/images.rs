//! Images of containers, without Docker.

use clap::Args;

use super::cluster;
use crate::{
    dashboard, images,
    node::{self, NODE},
    process::say,
};

/// `cargo xtask images`
#[derive(Clone, Debug, Args)]
pub struct ImagesArgs {
    /// Programs as they are shipped: minutes to build, a quarter of the size
    #[arg(long)]
    release: bool,
    /// What comes after the colon in the images' names
    #[arg(long, default_value = "dev")]
    tag: String,
    /// Load them into the cluster that `cargo xtask cluster up` started
    #[arg(long)]
    load: bool,
}

/// Makes all, and loads them if asked to.
///
/// # Errors
/// When something does not build, or no cluster runs to load them into.
pub fn run(args: &ImagesArgs) -> anyhow::Result<()> {
    match node::check() {
        Ok(()) => dashboard::build()?,
        Err(why) => say(&format!(
            "Going on without building the dashboard: {why} (Node {NODE} or later builds it)."
        )),
    }
    let archives = images::make(args.release, &args.tag)?;
    if args.load {
        cluster::load(&archives)?;
    }
    Ok(())
}
