//! As much of a Cargo.toml as the rules need.

use crate::tree::{File, Tree};

/// Which of the dependency tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Dev,
    Build,
}

/// One line of a dependency table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub name: String,
    pub kind: Kind,
    pub line: usize,
}

/// A package.
#[derive(Clone, Debug)]
pub(super) struct Manifest<'a> {
    pub file: &'a File,
    pub package: String,
    pub dependencies: Vec<Dependency>,
    pub workspace_lints: bool,
}

/// All packages of the tree; a manifest without a package is a workspace's.
pub(super) fn all(tree: &Tree) -> impl Iterator<Item = Manifest<'_>> {
    tree.files
        .iter()
        .filter(|file| file.path == "Cargo.toml" || file.path.ends_with("/Cargo.toml"))
        .filter_map(read)
}

fn read(file: &File) -> Option<Manifest<'_>> {
    let (mut table, mut package) = (Vec::new(), None);
    let (mut dependencies, mut workspace_lints) = (Vec::new(), false);
    for (line, text) in (1..).zip(file.text.lines().map(str::trim)) {
        if let Some(name) = text
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            table = name
                .split('.')
                .map(|part| part.trim_matches(['"', '\'', ' ']))
                .collect();
            if let (Some(kind), Some(name)) = (kind(&table[..table.len() - 1]), table.last()) {
                dependencies.push(Dependency {
                    name: (*name).to_owned(),
                    kind,
                    line,
                });
            }
            continue;
        }
        let Some((key, value)) = text.split_once('=').filter(|_| !text.starts_with('#')) else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        match (table.as_slice(), key) {
            (["package"], "name") => package = Some(string(value)),
            (["lints"], "workspace") => workspace_lints = value == "true",
            (table, _) => {
                if let Some(kind) = kind(table) {
                    let written = key.split('.').next().unwrap_or(key).trim_matches('"');
                    let name = renamed(value).unwrap_or_else(|| written.to_owned());
                    dependencies.push(Dependency { name, kind, line });
                }
            }
        }
    }
    package.map(|package| Manifest {
        file,
        package,
        dependencies,
        workspace_lints,
    })
}

/// The kind of a dependency table, of a target's, too; `[workspace.dependencies]` is none.
fn kind(table: &[&str]) -> Option<Kind> {
    let last = match table {
        [last] => last,
        ["target", .., last] => last,
        _ => return None,
    };
    match *last {
        "dependencies" => Some(Kind::Normal),
        "dev-dependencies" => Some(Kind::Dev),
        "build-dependencies" => Some(Kind::Build),
        _ => None,
    }
}

/// The real name behind `{ package = "name" }`.
fn renamed(value: &str) -> Option<String> {
    let (_, rest) = value.split_once("package")?;
    Some(string(rest.trim_start().strip_prefix('=')?))
}

fn string(value: &str) -> String {
    value.trim().split('"').nth(1).unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_dependency_is_read() {
        let text = r#"
[package]
name = "a"
[dependencies]
# not = "this"
b.workspace = true
c = { package = "real", version = "1" }
[target.'cfg(unix)'.dev-dependencies]
d = "1"
[build-dependencies.e]
version = "1"
[lints]
workspace = true
"#;
        let tree = Tree::of(&[
            ("x/Cargo.toml", text),
            ("Cargo.toml", "[workspace.dependencies]\nz = \"1\"\n"),
        ]);
        let manifests: Vec<_> = all(&tree).collect();
        let [manifest] = manifests.as_slice() else {
            panic!("{manifests:?}")
        };
        assert_eq!(manifest.package, "a");
        assert!(manifest.workspace_lints);
        let read: Vec<_> = manifest
            .dependencies
            .iter()
            .map(|d| (d.name.as_str(), d.kind, d.line))
            .collect();
        assert_eq!(
            read,
            [
                ("b", Kind::Normal, 6),
                ("real", Kind::Normal, 7),
                ("d", Kind::Dev, 9),
                ("e", Kind::Build, 10)
            ]
        );
    }
}
