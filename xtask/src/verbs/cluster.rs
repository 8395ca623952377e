//! A Kubernetes cluster of one node for people: where pods run as they do in tests.
//!
//! Each checkout has at most one; what runs is written down below its `target`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use sendry_servers::{
    install::{self, Part, kubernetes::Program},
    kube, machine,
    node::{self, Node},
    process::Id,
};
use serde_json::{Value, json};

use crate::{process::say, tree};

/// `cargo xtask cluster`
#[derive(Clone, Debug, Args)]
pub struct ClusterArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Install what is missing (as root on Debian, with Go) and start a cluster; it stays until `down`
    Up,
    /// Stop it with all its pods, and remove its data
    Down,
    /// Whether it runs, and how to get in
    Status,
    /// Load images from archives, as `cargo xtask images` writes them to target/images
    Load {
        /// Archives as `docker save` writes them
        #[arg(required = true, value_name = "ARCHIVE")]
        archives: Vec<PathBuf>,
    },
}

/// Starts, stops, fills or tells.
///
/// # Errors
/// When the cluster cannot be had or does not end.
pub fn run(args: &ClusterArgs) -> anyhow::Result<()> {
    match &args.what {
        What::Up => up(),
        What::Down => down(),
        What::Status => {
            match Record::read() {
                Some(record) => record.tell(),
                None => say("no cluster runs: `cargo xtask cluster up` starts one"),
            }
            Ok(())
        }
        What::Load { archives } => load(archives),
    }
}

/// Loads images into the cluster that runs.
///
/// # Errors
/// When none runs, or an archive is none.
pub fn load(archives: &[PathBuf]) -> anyhow::Result<()> {
    let Some(record) = Record::read() else {
        bail!("no cluster runs to load images into: `cargo xtask cluster up` starts one");
    };
    for archive in archives {
        node::load_image(record.house()?, archive)?;
        say(&format!("loaded {}", archive.display()));
    }
    Ok(())
}

fn up() -> anyhow::Result<()> {
    if let Some(record) = Record::read() {
        say("it runs already");
        record.tell();
        return Ok(());
    }
    install::install(&[Part::Kubernetes, Part::Node], &say)?;
    let data = machine::data_folder(&format!("sendry-cluster-{}", std::process::id()));
    fs::create_dir_all(&data).with_context(|| format!("failed to make {}", data.display()))?;
    let began = Instant::now();
    let node = Node::start(&data, &kube::Options::default())?;
    say(&format!("up after {:.0} s", began.elapsed().as_secs_f64()));
    let (kubeconfig, host) = (node.kubeconfig(), node.host().to_string());
    let record = Record {
        kubeconfig,
        host,
        data,
        ids: node.ids(),
    };
    record.write()?;
    // Only what is written down is left alone.
    let _ = node.outlive();
    record.tell();
    Ok(())
}

fn down() -> anyhow::Result<()> {
    let Some(record) = Record::read() else {
        say("no cluster runs");
        return Ok(());
    };
    record.ids.iter().try_for_each(|id| id.kill())?;
    node::sweep()?;
    // What the folder holds may be removed: nothing is mounted here.
    fs::remove_dir_all(&record.data)
        .with_context(|| format!("failed to remove {}", record.data.display()))?;
    fs::remove_file(file()).context("failed to forget the cluster")?;
    say("stopped");
    Ok(())
}

/// What runs.
#[derive(Debug)]
struct Record {
    kubeconfig: PathBuf,
    host: String,
    data: PathBuf,
    /// The node's first process, then the others.
    ids: Vec<Id>,
}

impl Record {
    /// Of the cluster that runs; one whose node is gone does not.
    fn read() -> Option<Self> {
        let record = Self::parse(&fs::read_to_string(file()).ok()?)?;
        record.ids.first()?.is_running().then_some(record)
    }

    fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let path = |name: &str| value[name].as_str().map(PathBuf::from);
        let ids = value["ids"].as_array()?.iter().map(|id| {
            Some(Id {
                pid: u32::try_from(id["pid"].as_u64()?).ok()?,
                started: id["started"].as_u64()?,
            })
        });
        Some(Self {
            kubeconfig: path("kubeconfig")?,
            host: value["host"].as_str()?.to_owned(),
            data: path("data")?,
            ids: ids.collect::<Option<_>>()?,
        })
    }

    fn text(&self) -> String {
        let id = |id: &Id| json!({ "pid": id.pid, "started": id.started });
        let ids: Vec<Value> = self.ids.iter().map(id).collect();
        let value = json!({
            "kubeconfig": self.kubeconfig,
            "host": self.host,
            "data": self.data,
            "ids": ids,
        });
        format!("{value:#}\n")
    }

    fn write(&self) -> anyhow::Result<()> {
        let file = file();
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, self.text()).with_context(|| format!("failed to write {}", file.display()))
    }

    fn house(&self) -> anyhow::Result<Id> {
        let house = self.ids.first().copied();
        let house = house.context("nothing is written down of the node")?;
        ensure!(house.is_running(), "the node is gone");
        Ok(house)
    }

    fn tell(&self) {
        let folder = |program: &Path| {
            let folder = program.parent().unwrap_or(program);
            folder.display().to_string()
        };
        say(&format!(
            "  export KUBECONFIG={}\n  \
               export PATH={}:$PATH   # kubectl and helm\n  \
               cargo xtask images --load   # sendry/operator:dev and the others\n\
             Pods reach servers of this machine that listen at {}.",
            self.kubeconfig.display(),
            folder(&Program::Helm.path()),
            self.host,
        ));
    }
}

fn file() -> PathBuf {
    tree::root().join("target/cluster.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let id = Id::of(std::process::id()).unwrap();
        let record = Record {
            kubeconfig: PathBuf::from("/data/admin.kubeconfig"),
            host: "10.64.0.1".to_owned(),
            data: PathBuf::from("/data"),
            ids: vec![id, Id { pid: 1, started: 2 }],
        };
        let read = Record::parse(&record.text()).unwrap();
        assert_eq!(read.text(), record.text());
        assert_eq!(read.house().unwrap(), id);
        assert!(Record::parse("{}").is_none());
    }
}
