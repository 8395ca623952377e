//! The dashboard: packages installed and pages built only when what they are made of has changed.
//!
//! Changed means by content, not by time: a fresh clone, a branch switched to and fro or a touched file must not decide.
//! What was used is written down in `node_modules`, which goes away together with what it describes.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{
    process::{program, run, say},
    tree,
};

/// What the pages are made of, beside the installed packages.
const SOURCES: [&str; 6] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "tsconfig.json",
    "vite.config.ts",
];

/// The dashboard's folder.
#[must_use]
pub fn folder() -> PathBuf {
    tree::root().join("dashboard")
}

/// `npm ci`, unless the packages in place are those of package-lock.json.
///
/// # Errors
/// When npm fails.
pub fn install() -> anyhow::Result<()> {
    let folder = folder();
    let stamp = Stamp::of(&folder, "packages", &["package.json", "package-lock.json"])?;
    if stamp.is_current() {
        say("packages are those of package-lock.json");
        return Ok(());
    }
    npm(&["ci", "--no-audit", "--no-fund"])?;
    stamp.write()
}

/// `npm run build`, unless dist/ was built from the sources that stand there.
///
/// # Errors
/// When npm fails.
pub fn build() -> anyhow::Result<()> {
    install()?;
    let folder = folder();
    let mut made_of = SOURCES.to_vec();
    made_of.push("package-lock.json");
    let stamp = Stamp::of(&folder, "build", &made_of)?;
    if stamp.is_current() && folder.join("dist/index.html").exists() {
        say("dashboard/dist is built from the sources that stand there");
        return Ok(());
    }
    npm(&["run", "build"])?;
    stamp.write()
}

/// `npm` with these arguments in the dashboard's folder.
///
/// # Errors
/// When npm fails.
pub fn npm(args: &[&str]) -> anyhow::Result<()> {
    run(&mut program("npm", &folder(), args))
}

/// The content of some files, and where it was noted the last time.
#[derive(Debug)]
struct Stamp {
    file: PathBuf,
    content: String,
}

impl Stamp {
    fn of(folder: &Path, name: &str, inputs: &[&str]) -> anyhow::Result<Self> {
        let mut hasher = DefaultHasher::new();
        for input in inputs {
            digest(&folder.join(input), &mut hasher)
                .with_context(|| format!("failed to read dashboard/{input}"))?;
        }
        Ok(Self {
            file: folder.join(format!("node_modules/.sendry-{name}")),
            content: format!("{:016x}\n", hasher.finish()),
        })
    }

    fn is_current(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|noted| noted == self.content)
    }

    fn write(&self) -> anyhow::Result<()> {
        fs::write(&self.file, &self.content)
            .with_context(|| format!("failed to write {}", self.file.display()))
    }
}

/// Names and bytes of everything at `path`; nothing where there is nothing.
fn digest(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    path.file_name().hash(hasher);
    if path.is_dir() {
        let entries: Result<Vec<_>, _> = fs::read_dir(path)?.collect();
        let mut paths: Vec<_> = entries?.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        paths.len().hash(hasher);
        return paths.iter().try_for_each(|path| digest(path, hasher));
    }
    match fs::read(path) {
        Ok(bytes) => bytes.hash(hasher),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_follows_content_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("sendry-xtask-{}", std::process::id()));
        fs::create_dir_all(folder.join("src/ui")).unwrap();
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        fs::write(folder.join("src/ui/a.ts"), "one").unwrap();
        let stamp = || Stamp::of(&folder, "build", &["src", "absent.json"]).unwrap();

        assert!(!stamp().is_current(), "nothing was noted yet");
        stamp().write().unwrap();
        assert!(stamp().is_current());
        fs::write(folder.join("src/ui/a.ts"), "one").unwrap();
        assert!(stamp().is_current(), "written again, the same");
        fs::write(folder.join("src/ui/a.ts"), "two").unwrap();
        assert!(!stamp().is_current(), "changed");
        fs::write(folder.join("src/ui/a.ts"), "one").unwrap();
        fs::rename(folder.join("src/ui/a.ts"), folder.join("src/ui/b.ts")).unwrap();
        assert!(!stamp().is_current(), "renamed");
        fs::rename(folder.join("src/ui/b.ts"), folder.join("src/ui/a.ts")).unwrap();
        assert!(stamp().is_current());
        fs::remove_dir_all(folder.join("node_modules")).unwrap();
        assert!(!stamp().is_current(), "the note went with the packages");
        fs::remove_dir_all(&folder).unwrap();
    }
}
