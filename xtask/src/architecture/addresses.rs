//! Addresses that work here and nowhere else. (Put together from halves, or this file would be found.)

use super::{Finding, source::line_of};
use crate::tree::Tree;

/// Hosts that packages come from: which one is the user's own setting.
const HOSTS: [&str; 4] = [
    concat!(":/", "/registry."),
    concat!("registry", ".npmjs"),
    concat!("static", ".crates.io"),
    concat!("index", ".crates.io"),
];
/// Where one machine keeps its files.
const FOLDERS: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

pub(super) fn lock(tree: &Tree) -> Vec<Finding> {
    tree.ending(&["package-lock.json"])
        .flat_map(|file| {
            file.text.match_indices("\"resolved\":").map(|(at, _)| Finding {
                file: file.path.clone(),
                line: line_of(&file.text, at),
                what: "the address a package was loaded from".to_owned(),
                cure: "write the lock with `npm install --package-lock-only --omit-lockfile-registry-resolved`",
            })
        })
        .collect()
}

pub(super) fn find(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for host in HOSTS {
            for (at, _) in file.text.match_indices(host) {
                findings.push(Finding {
                    file: file.path.clone(),
                    line: line_of(&file.text, at),
                    what: format!("a package host: `{host}`"),
                    cure: "leave the host to the user's own settings of cargo and npm",
                });
            }
        }
        for folder in FOLDERS {
            for (at, _) in file
                .text
                .match_indices(folder)
                .filter(|(at, _)| is_start(&file.text[..*at]))
            {
                findings.push(Finding {
                    file: file.path.clone(),
                    line: line_of(&file.text, at),
                    what: format!("a folder of one machine: `{folder}`"),
                    cure: "say it relative to the root of the project, or take it from a setting",
                });
            }
        }
    }
    findings
}

/// Whether a path may begin here: `a/work/` is the middle of one.
fn is_start(before: &str) -> bool {
    !before.ends_with(|c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '~' | '*' | '$')
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ADDRESSES, LOCK, places},
        FOLDERS, HOSTS,
    };

    #[test]
    fn addresses_in_a_lock_are_found() {
        let text = "{\n  \"a\": {\n    \"resolved\": \"https\"\n  }\n}\n";
        assert_eq!(
            places(LOCK, &[("dashboard/package-lock.json", text)]),
            ["dashboard/package-lock.json:3"]
        );
        assert!(places(LOCK, &[("dashboard/other.json", text)]).is_empty());
    }

    #[test]
    fn hosts_and_folders_of_a_machine_are_found() {
        for word in HOSTS.iter().chain(&FOLDERS) {
            assert_eq!(
                places(ADDRESSES, &[("docs/a.md", &format!("x\n see {word}y"))]),
                ["docs/a.md:2"],
                "{word}"
            );
        }
    }

    #[test]
    fn the_middle_of_a_path_is_not() {
        let text = format!("https://example.com{}x and net{}x", FOLDERS[0], FOLDERS[0]);
        assert!(places(ADDRESSES, &[("docs/a.md", &text)]).is_empty());
    }
}
