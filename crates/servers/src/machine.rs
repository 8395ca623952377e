//! What kind of machine this is, and who runs on it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// A user of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Number of the user.
    pub uid: u32,
    /// Number of its group.
    pub gid: u32,
}

/// A variable of the environment, unless it is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no settings of their own"
)]
pub(crate) fn environment(variable: &str) -> Option<String> {
    std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty())
}

/// Whether we may install packages and become other users.
#[must_use]
pub fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    line.and_then(|line| line.split_whitespace().nth(1)) == Some("0")
}

/// Whether packages are Debian's.
#[must_use]
pub fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && find("apt-get").is_some()
}

/// A program on the search path, or where administrators' programs are.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = environment("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The user of this name, in the `passwd` file below `root`.
///
/// # Errors
/// When there is none.
pub fn user(root: &Path, name: &str) -> anyhow::Result<User> {
    let file = root.join("etc/passwd");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("failed to read the users in {}", file.display()))?;
    let numbers = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        Some(User {
            uid: fields.nth(1)?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    });
    numbers.with_context(|| format!("there is no user `{name}` in {}", file.display()))
}

/// A folder for data of servers: in the temporary one, because the users that servers run as must get into it.
#[must_use]
pub fn data_folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_a_root_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        let passwd = "root:x:0:0:root:/:/bin/sh\npostgres:x:101:104:,,,:/var/lib:/bin/sh\n";
        fs::write(root.path().join("etc/passwd"), passwd).unwrap();
        assert_eq!(
            user(root.path(), "postgres").unwrap(),
            User { uid: 101, gid: 104 }
        );
        let error = user(root.path(), "rabbitmq").unwrap_err().to_string();
        assert!(error.contains("no user `rabbitmq`"), "{error}");
    }

    #[test]
    fn a_program_is_found_or_not() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program"), None);
    }
}
