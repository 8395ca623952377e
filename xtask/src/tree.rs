//! The files of the project: what git tracks, and what it would track.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

/// Folders that hold nothing of ours, where git cannot be asked.
const NOT_OURS: [&str; 6] = [
    ".git",
    "target",
    "node_modules",
    "dist",
    "shots",
    "sendry-data",
];

/// A text file. Paths are relative to the root, with `/`.
#[derive(Clone, Debug)]
pub struct File {
    /// Such as `crates/domain/src/lib.rs`.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// Files, read once. Rules look at this and at nothing else, so tests choose what they see.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// In the order of their paths.
    pub files: Vec<File>,
}

/// The root of the workspace around the current folder.
///
/// Found when asked: a path compiled in would be that of another checkout where two share a target folder.
#[must_use]
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let root = here
            .ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").exists());
        root.unwrap_or(&here).to_owned()
    });
    &ROOT
}

impl Tree {
    /// The text files of the workspace.
    #[must_use]
    pub fn read() -> Self {
        let root = root();
        let mut paths = tracked(root).unwrap_or_else(|| walked(root));
        paths.sort();
        let files = paths
            .into_iter()
            .filter_map(|path| {
                let text = String::from_utf8(fs::read(root.join(&path)).ok()?).ok()?;
                (!text.contains('\0')).then_some(File { path, text })
            })
            .collect();
        Self { files }
    }

    /// A tree of these files alone.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Self {
            files: files.iter().map(file).collect(),
        }
    }

    /// Files whose path ends with one of these, such as `.rs`.
    pub fn ending<'a>(&'a self, ends: &'a [&str]) -> impl Iterator<Item = &'a File> {
        self.files
            .iter()
            .filter(move |file| ends.iter().any(|end| file.path.ends_with(end)))
    }
}

/// What git tracks, and new files that it does not ignore; `None` where there is no git.
fn tracked(root: &Path) -> Option<Vec<String>> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let names = String::from_utf8(listed.stdout).ok()?;
    let paths: Vec<_> = names.split_terminator('\0').map(str::to_owned).collect();
    (listed.status.success() && !paths.is_empty()).then_some(paths)
}

/// All files below the root, for a tree without git (an archive, an image).
fn walked(root: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = folder.join(entry.file_name());
            let kind = entry.file_type();
            if kind.as_ref().is_ok_and(fs::FileType::is_file) {
                found.push(path.to_string_lossy().replace('\\', "/"));
            } else if kind.is_ok_and(|kind| kind.is_dir())
                && !NOT_OURS.iter().any(|name| entry.file_name() == *name)
            {
                folders.push(path);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_holds_this_file_and_nothing_that_is_built() {
        let tree = Tree::read();
        assert!(
            tree.files
                .iter()
                .any(|file| file.path == "xtask/src/tree.rs")
        );
        assert!(
            !tree
                .files
                .iter()
                .any(|file| file.path.starts_with("target/"))
        );
        assert!(
            !tree
                .files
                .iter()
                .any(|file| file.path.contains("node_modules/"))
        );
    }

    #[test]
    fn without_git_a_walk_finds_the_same_sources() {
        let paths = walked(root());
        assert!(paths.iter().any(|path| path == "xtask/src/tree.rs"));
        assert!(!paths.iter().any(|path| path.starts_with("target/")));
    }
}
