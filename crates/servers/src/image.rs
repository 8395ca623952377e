//! Images of containers, made from files without a registry or a daemon: the archive that `docker load` and
//! `ctr images import` read.
//!
//! The same files give the same bytes: no times, no owners, in the order of their paths. Two images that share a layer
//! share it where they are loaded.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};

mod tar;

use tar::Tar;

/// One thing in a layer, at an absolute path.
#[derive(Clone, Debug)]
pub struct Entry {
    path: String,
    mode: u32,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Folder,
    File(Vec<u8>),
}

impl Entry {
    /// A folder with these rights.
    #[must_use]
    pub fn folder(path: &str, mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            mode,
            what: What::Folder,
        }
    }

    /// A text that all may read.
    #[must_use]
    pub fn text(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            mode: 0o644,
            what: What::File(text.as_bytes().to_vec()),
        }
    }

    /// A file of this machine, which all may read, and run if anybody may.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn program(path: &str, from: &Path) -> anyhow::Result<Self> {
        let read = || anyhow::Ok((fs::read(from)?, fs::metadata(from)?.permissions().mode()));
        let (bytes, mode) = read().with_context(|| format!("failed to read {}", from.display()))?;
        Ok(Self {
            path: path.to_owned(),
            mode: if mode & 0o111 == 0 { 0o644 } else { 0o755 },
            what: What::File(bytes),
        })
    }
}

/// Files of an image, one upon the other.
#[derive(Clone, Debug)]
pub struct Layer {
    archive: Vec<u8>,
    sum: String,
}

impl Layer {
    /// One of these; folders on the way are added.
    ///
    /// # Errors
    /// When a path is too long for an archive.
    pub fn of(entries: &[Entry]) -> anyhow::Result<Self> {
        let mut entries: Vec<Entry> = entries.to_vec();
        let there: BTreeSet<String> = entries.iter().map(|entry| entry.path.clone()).collect();
        let mut ways = BTreeSet::new();
        for path in &there {
            let above = Path::new(path).ancestors().skip(1);
            ways.extend(above.filter_map(Path::to_str).map(str::to_owned));
        }
        ways.remove("/");
        entries.extend(ways.difference(&there).map(|way| Entry::folder(way, 0o755)));
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        entries.dedup_by(|one, other| one.path == other.path);
        let mut tar = Tar::new(Vec::new());
        for Entry { path, mode, what } in &entries {
            let path = path.trim_start_matches('/');
            match what {
                What::Folder => tar.folder(path, *mode),
                What::File(bytes) => tar.file(path, *mode, bytes),
            }
            .with_context(|| format!("failed to put {path} into a layer"))?;
        }
        let archive = tar.finish()?;
        let sum = sum(&archive);
        Ok(Self { archive, sum })
    }
}

/// An image, but for its files.
#[derive(Clone, Debug)]
pub struct Image {
    /// With its tag, such as `sendry/worker:dev`.
    pub name: String,
    /// The program.
    pub entrypoint: String,
    /// Who runs it; without, root.
    pub user: Option<String>,
    /// What people and programs are told of it.
    pub labels: Vec<(String, String)>,
}

impl Image {
    /// Writes the archive, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, layers: &[&Layer], to: &Path) -> anyhow::Result<()> {
        let context = || format!("failed to write {}", to.display());
        let sums: Vec<String> = layers
            .iter()
            .map(|layer| format!("sha256:{}", layer.sum))
            .collect();
        let labels: serde_json::Map<String, serde_json::Value> = self
            .labels
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "Entrypoint": [self.entrypoint],
                "User": self.user.as_deref().unwrap_or_default(),
                "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
                "WorkingDir": "/",
                "Labels": labels,
            },
            "rootfs": { "type": "layers", "diff_ids": sums },
        });
        let config = config.to_string().into_bytes();
        let config_name = format!("{}.json", sum(&config));
        let layer_name = |layer: &Layer| format!("{}/layer.tar", layer.sum);
        let manifest = json!([{
            "Config": config_name,
            "RepoTags": [self.name],
            "Layers": layers.iter().map(|layer| layer_name(layer)).collect::<Vec<_>>(),
        }]);

        let beside = to.with_extension("part");
        let file = File::create(&beside).with_context(context)?;
        let mut tar = Tar::new(BufWriter::new(file));
        tar.file(&config_name, 0o644, &config)?;
        for layer in layers {
            tar.file(&layer_name(layer), 0o644, &layer.archive)
                .with_context(context)?;
        }
        tar.file("manifest.json", 0o644, manifest.to_string().as_bytes())?;
        tar.finish()?.flush().with_context(context)?;
        fs::rename(&beside, to).with_context(context)
    }
}

/// What a program needs of this machine to run elsewhere: its libraries and what loads them.
///
/// # Errors
/// When `ldd` cannot say, or misses one.
pub fn libraries(program: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .context("failed to start `ldd`, which comes with Linux's C library")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let missing = said.lines().find(|line| line.contains("not found"));
    ensure!(
        missing.is_none(),
        "{} misses a library here: {}",
        program.display(),
        missing.unwrap_or_default().trim()
    );
    // One that needs none says so, and fails.
    Ok(named(&said))
}

/// The paths in what `ldd` said.
fn named(said: &str) -> BTreeSet<PathBuf> {
    let words = said.split_whitespace();
    words
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

/// As images call this machine's.
#[must_use]
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        Image {
            name: "it:1".to_owned(),
            entrypoint: "/bin/it".to_owned(),
            user: Some("65532".to_owned()),
            labels: vec![("a".to_owned(), "b".to_owned())],
        }
    }

    /// What an archive holds, as the system's own `tar` reads it.
    fn listed(archive: &Path, args: &[&str]) -> String {
        let output = Command::new("tar")
            .args(args)
            .arg("--file")
            .arg(archive)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn an_archive_is_read_by_others_and_holds_the_way_to_each_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, inner) = (
            folder.path().join("it.tar"),
            folder.path().join("layer.tar"),
        );
        let entries = [
            Entry::folder("/tmp", 0o1777),
            Entry::program("/usr/bin/it", Path::new("/bin/sh")).unwrap(),
            Entry::text("/etc/passwd", "it"),
        ];
        let layer = Layer::of(&entries).unwrap();
        fs::write(&inner, &layer.archive).unwrap();
        let said = listed(&inner, &["--list", "--verbose", "--numeric-owner"]);
        let lines: Vec<&str> = said.lines().collect();
        let names: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.split(' ').next_back())
            .collect();
        let expected = [
            "etc/",
            "etc/passwd",
            "tmp/",
            "usr/",
            "usr/bin/",
            "usr/bin/it",
        ];
        assert_eq!(names, expected, "{said}");
        assert!(lines[2].starts_with("drwxrwxrwt 0/0"), "{said}");
        assert!(lines[5].starts_with("-rwxr-xr-x 0/0"), "{said}");

        image().write(&[&layer], &file).unwrap();
        let manifest = listed(&file, &["--extract", "--to-stdout", "manifest.json"]);
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        assert_eq!(manifest[0]["RepoTags"][0], "it:1");
        let config = manifest[0]["Config"].as_str().unwrap();
        let config = listed(&file, &["--extract", "--to-stdout", config]);
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        assert_eq!(config["config"]["User"], "65532");
        assert_eq!(
            config["rootfs"]["diff_ids"][0],
            format!("sha256:{}", layer.sum)
        );
    }

    #[test]
    fn the_same_files_give_the_same_bytes_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (Entry::text("/a/b", "b"), Entry::text("/a/c", "c"));
        let write = |name: &str, entries: &[Entry]| {
            let file = folder.path().join(name);
            image()
                .write(&[&Layer::of(entries).unwrap()], &file)
                .unwrap();
            fs::read(file).unwrap()
        };
        assert_eq!(
            write("one.tar", &[one.clone(), two.clone()]),
            write("two.tar", &[two, one])
        );
    }

    #[test]
    fn libraries_are_read_from_what_ldd_says() {
        let said = "\tlinux-vdso.so.1 (0x00007ffd)\n\
            \tlibgcc_s.so.1 => /lib/x86_64-linux-gnu/libgcc_s.so.1 (0x00007f)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let paths = [
            "/lib/x86_64-linux-gnu/libgcc_s.so.1",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(named(said), paths.map(PathBuf::from).into());
        assert!(!libraries(Path::new("/bin/sh")).unwrap().is_empty());
    }
}
