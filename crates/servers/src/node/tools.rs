//! What is done to a node from outside: images loaded, charts installed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use super::{config, house};
use crate::{
    image::{self, Image},
    install::kubernetes::Program,
    process::Id,
};

/// `helm` for the cluster of a file, which keeps its own things in `folder`; what it printed.
///
/// # Errors
/// With what it said, when it does not succeed.
pub fn helm(kubeconfig: &Path, folder: &Path, args: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(Program::Helm.path());
    command
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .env("HELM_CACHE_HOME", folder)
        .env("HELM_CONFIG_HOME", folder)
        .env("HELM_DATA_HOME", folder);
    let output = command
        .output()
        .context("failed to start helm: `cargo xtask cluster up` installs it")?;
    ensure!(
        output.status.success(),
        "helm {} failed: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Loads an image into the node that `house` is the first process of, as [`Node::outlive`] told it.
///
/// # Errors
/// When it is no archive of an image, or the node is gone.
pub fn load_image(house: Id, archive: &Path) -> anyhow::Result<()> {
    ensure!(
        house.is_running(),
        "the node is gone: `cargo xtask cluster up`"
    );
    let family = house.family();
    let inside = family.get(1).context("the node has no process inside")?;
    let mut command = house::enter(inside.pid, Path::new("ctr"));
    load(&mut command, archive)
}

pub(super) fn load(command: &mut Command, archive: &Path) -> anyhow::Result<()> {
    let archive = archive
        .canonicalize()
        .with_context(|| format!("there is no archive {}", archive.display()))?;
    let command = ctr(command).args(["images", "import"]);
    house::run(command.arg(&archive))
        .with_context(|| format!("failed to load the image in {}", archive.display()))
}

/// As the kubelet sees it.
pub(super) fn ctr(command: &mut Command) -> &mut Command {
    command.args(["--address", config::CONTAINERD, "--namespace", "k8s.io"])
}

/// The archive with the image of the first process of every pod.
pub(super) fn pause(folder: &Path) -> anyhow::Result<PathBuf> {
    let archive = folder.join("pause.tar");
    let program = Program::Pause.path();
    let layer = image::Layer::of(&[image::Entry::program("/pause", &program)?])?;
    Image {
        name: config::PAUSE.to_owned(),
        entrypoint: "/pause".to_owned(),
        user: None,
        labels: Vec::new(),
    }
    .write(&[&layer], &archive)?;
    Ok(archive)
}
