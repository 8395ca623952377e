//! The control groups below which a node puts its pods: one of its own in each hierarchy, so that two nodes on one
//! machine do not take each other's pods for orphans.
//!
//! They are all that outlives a node that was killed; the next one to start takes them away.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;

use super::network::{self, Network};
use crate::process;

const ROOT: &str = "/sys/fs/cgroup";
/// How long the kernel may take to let go of the dead.
const GONE: Duration = Duration::from_secs(10);

/// Makes them.
pub(super) fn make(name: &str) -> anyhow::Result<()> {
    for hierarchy in hierarchies() {
        let folder = hierarchy.join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make the control group {}", folder.display()))?;
        // Version 1 starts without any processor, and without memory.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(value) = fs::read(hierarchy.join(file)) {
                let _ = fs::write(folder.join(file), value);
            }
        }
        // Version 2 has controllers where they are asked for.
        for controller in fs::read_to_string(hierarchy.join("cgroup.controllers"))
            .unwrap_or_default()
            .split_whitespace()
        {
            for group in [&hierarchy, &folder] {
                let _ = fs::write(
                    group.join("cgroup.subtree_control"),
                    format!("+{controller}"),
                );
            }
        }
    }
    Ok(())
}

/// Removes them, with whatever is below.
pub(super) fn remove(name: &str) -> anyhow::Result<()> {
    for hierarchy in hierarchies() {
        let folder = hierarchy.join(name);
        process::wait(GONE, &format!("{} to be empty", folder.display()), || {
            Ok((remove_tree(&folder).is_ok() || !folder.exists()).then_some(()))
        })?;
    }
    Ok(())
}

/// Removes those of nodes that are no more: whose network nobody holds.
pub(super) fn sweep() -> anyhow::Result<()> {
    for hierarchy in hierarchies() {
        for entry in fs::read_dir(&hierarchy).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(number) = network::number(&name)
                && let Some(_held) = Network::hold(number)?
            {
                remove(&name)?;
            }
        }
    }
    Ok(())
}

/// The one of version 2, or those of version 1.
fn hierarchies() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    if root.join("cgroup.controllers").exists() {
        return vec![root.to_owned()];
    }
    let folders = fs::read_dir(root).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = folders
        // Beside them are links by other names.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
}

/// Innermost first; the files in a group are not ours to remove.
fn remove_tree(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}
