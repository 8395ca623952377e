//! The images of containers: which there are, and what is in each. The `Dockerfile` makes the same; a test compares.
//!
//! Here they are made of what cargo built on this machine, without Docker: a layer with the libraries that any of them needs,
//! which is loaded once, and on it one program.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use sendry_servers::image::{self, Entry, Image, Layer};

use crate::process::{capture, cargo, run, say};

#[cfg(test)]
mod dockerfile;

/// Who runs what is inside.
pub const USER: u32 = 65532;
/// Where programs are inside.
const FOLDER: &str = "/usr/local/bin";
/// Whom programs trust, on Debian.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// An image.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Of the image, below `sendry/`.
    pub name: &'static str,
    /// What a person reads about it.
    pub title: &'static str,
    /// The package that the program is of, and the program's name.
    pub program: &'static str,
}

/// All of them.
pub const ALL: [Shipped; 5] = [
    Shipped {
        name: "operator",
        title: "Sendry's operator: tenants and pipelines on Kubernetes",
        program: "sendry-operator",
    },
    Shipped {
        name: "ingest",
        title: "Sendry's ingest: events over HTTP into the queue",
        program: "sendry-ingest",
    },
    Shipped {
        name: "worker",
        title: "Sendry's workers and keepers: every event counted once",
        program: "sendry-worker",
    },
    Shipped {
        name: "analytics",
        title: "Sendry's analytics API, without the dashboard",
        program: "sendry-analytics",
    },
    Shipped {
        name: "cli",
        title: "Sendry's command: everything, and the dashboard",
        program: "sendry",
    },
];

impl Shipped {
    /// With its tag, such as `sendry/worker:dev`.
    #[must_use]
    pub fn reference(&self, tag: &str) -> String {
        format!("sendry/{}:{tag}", self.name)
    }

    /// What is run inside.
    #[must_use]
    pub fn entrypoint(&self) -> String {
        format!("{FOLDER}/{}", self.program)
    }

    fn labels(&self) -> Vec<(String, String)> {
        [
            ("title", self.title),
            ("version", env!("CARGO_PKG_VERSION")),
            ("licenses", env!("CARGO_PKG_LICENSE")),
        ]
        .map(|(name, value)| (format!("org.opencontainers.image.{name}"), value.to_owned()))
        .into()
    }
}

/// Builds the programs and writes an archive of each image; where they are.
///
/// # Errors
/// When something does not build, or misses a library.
pub fn make(release: bool, tag: &str) -> anyhow::Result<Vec<PathBuf>> {
    let programs: BTreeSet<&str> = ALL.iter().map(|image| image.program).collect();
    let mut build = cargo(["build", "--locked", "--bins"]);
    if release {
        build.arg("--release");
    }
    for program in &programs {
        build.args(["--package", program]);
    }
    run(&mut build)?;
    let target = target()?;
    let built = target.join(if release { "release" } else { "debug" });
    let folder = target.join("images");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let mut libraries = BTreeSet::new();
    for program in &programs {
        let program = built.join(program);
        libraries.extend(image::libraries(&program)?);
    }
    let below = Layer::of(&foundation(&libraries)?)?;
    let mut archives = Vec::new();
    for image in &ALL {
        let program = stripped(&built.join(image.program), &folder)?;
        let entry = Entry::program(&image.entrypoint(), &program)?;
        let above = Layer::of(&[entry])?;
        let archive = folder.join(format!("{}.tar", image.name));
        Image {
            name: image.reference(tag),
            entrypoint: image.entrypoint(),
            user: Some(format!("{USER}:{USER}")),
            labels: image.labels(),
        }
        .write(&[&below, &above], &archive)?;
        let size = fs::metadata(&archive)?.len() / 1_000_000;
        say(&format!(
            "{:<22} {size:>4} MB  {}",
            image.reference(tag),
            archive.display()
        ));
        archives.push(archive);
    }
    Ok(archives)
}

/// What all of them stand on.
fn foundation(libraries: &BTreeSet<PathBuf>) -> anyhow::Result<Vec<Entry>> {
    let mut entries = vec![
        Entry::folder("/tmp", 0o1777),
        Entry::text(
            "/etc/passwd",
            &format!(
                "root:x:0:0:root:/root:/sbin/nologin\n\
                 nonroot:x:{USER}:{USER}:nonroot:/tmp:/sbin/nologin\n"
            ),
        ),
        Entry::text("/etc/group", &format!("root:x:0:\nnonroot:x:{USER}:\n")),
        Entry::text("/etc/nsswitch.conf", "hosts: files dns\n"),
        Entry::program(AUTHORITIES, Path::new(AUTHORITIES))
            .context("Debian's package `ca-certificates` holds whom programs trust")?,
    ];
    for library in libraries {
        let path = library
            .to_str()
            .with_context(|| format!("{} is no UTF-8", library.display()))?;
        entries.push(Entry::program(path, library)?);
    }
    Ok(entries)
}

/// A copy without what only debuggers read.
fn stripped(program: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let name = program
        .file_name()
        .with_context(|| format!("{} has no name", program.display()))?;
    let copy = folder.join(name);
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&copy).arg(program);
    capture(&mut strip)
        .with_context(|| format!("failed to make a small copy of {}", program.display()))?;
    Ok(copy)
}

/// Where cargo puts what it builds.
fn target() -> anyhow::Result<PathBuf> {
    let text = capture(&mut cargo(["metadata", "--format-version=1", "--no-deps"]))?;
    let told: serde_json::Value =
        serde_json::from_str(&text).context("failed to read what `cargo metadata` says")?;
    let folder = told["target_directory"].as_str();
    folder
        .map(PathBuf::from)
        .context("`cargo metadata` names no target folder")
}
