//! What is written down of the servers that run.

use std::{
    fmt::Write,
    fs,
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{Server, folder, install::Part, process::Id, running_file};

/// All that we started.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Whether they stay when nobody uses them.
    pub keep: bool,
    /// Each.
    pub servers: Vec<Running>,
}

/// One server.
#[derive(Clone, Debug)]
pub struct Running {
    /// Which.
    pub part: Part,
    /// Where, in the order of [`Part::servers`].
    pub urls: Vec<String>,
    /// What runs, in the order in which to end it.
    pub processes: Vec<Id>,
    /// Data inside the installed system.
    pub inside: Option<PathBuf>,
}

impl Record {
    /// What was written, if it can be read.
    #[must_use]
    pub fn read() -> Option<Self> {
        let text = fs::read_to_string(file()).ok()?;
        Self::parse(&serde_json::from_str(&text).ok()?)
    }

    /// Writes it, and the addresses for tests.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        replace(&file(), &format!("{:#}\n", self.to_json()))?;
        let mut text = String::new();
        for running in &self.servers {
            for (server, url) in running.part.servers().iter().zip(&running.urls) {
                let _ = writeln!(text, "{}={url}", server.variable());
            }
        }
        replace(&running_file(), &text)
    }

    pub(super) fn remove() {
        let _ = fs::remove_file(running_file());
        let _ = fs::remove_file(file());
    }

    fn to_json(&self) -> Value {
        let servers = self.servers.iter().map(|running| {
            let processes = running.processes.iter();
            json!({
                "part": running.part.name(),
                "urls": running.urls,
                "processes": processes.map(|id| json!([id.pid, id.started])).collect::<Vec<_>>(),
                "inside": running.inside.as_ref().map(|path| path.to_string_lossy()),
            })
        });
        json!({ "keep": self.keep, "servers": servers.collect::<Vec<_>>() })
    }

    fn parse(value: &Value) -> Option<Self> {
        let servers = value["servers"].as_array()?.iter().map(|server| {
            let urls = server["urls"].as_array()?.iter();
            let processes = server["processes"].as_array()?.iter();
            Some(Running {
                part: *Part::ALL
                    .iter()
                    .find(|part| server["part"] == part.name())?,
                urls: urls
                    .map(|url| url.as_str().map(str::to_owned))
                    .collect::<Option<_>>()?,
                processes: processes
                    .map(|id| {
                        Some(Id {
                            pid: u32::try_from(id[0].as_u64()?).ok()?,
                            started: id[1].as_u64()?,
                        })
                    })
                    .collect::<Option<_>>()?,
                inside: server["inside"].as_str().map(PathBuf::from),
            })
        });
        Some(Self {
            keep: value["keep"].as_bool()?,
            servers: servers.collect::<Option<_>>()?,
        })
    }
}

/// The address of a server in the text of `running.env`.
#[must_use]
pub fn address_in(text: &str, server: Server) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(server.variable())?;
        rest.strip_prefix('=').map(str::to_owned)
    })
}

/// Host and port of `scheme://user:password@host:port/path`.
pub(super) fn socket(url: &str) -> anyhow::Result<SocketAddr> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    host.to_socket_addrs()
        .ok()
        .and_then(|mut found| found.next())
        .with_context(|| format!("there is no host with port in `{host}`"))
}

fn file() -> PathBuf {
    folder().join("running.json")
}

/// Whole or not at all: tests read while we write.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let record = Record {
            keep: true,
            servers: vec![Running {
                part: Part::Mongodb,
                urls: vec!["mongodb://127.0.0.1:1/".to_owned()],
                processes: vec![Id { pid: 7, started: 9 }],
                inside: Some("/tmp/x".into()),
            }],
        };
        let read = Record::parse(&record.to_json()).unwrap();
        assert!(read.keep);
        assert_eq!(read.servers[0].part, Part::Mongodb);
        assert_eq!(read.servers[0].processes, [Id { pid: 7, started: 9 }]);
        assert_eq!(read.servers[0].inside, Some("/tmp/x".into()));
    }

    #[test]
    fn a_variable_is_not_taken_for_one_that_begins_like_it() {
        let text = "SENDRY_TEST_POSTGRES_URL_OLD=a\nSENDRY_TEST_POSTGRES_URL=b=c\n";
        assert_eq!(address_in(text, Server::Postgres).as_deref(), Some("b=c"));
        assert_eq!(address_in(text, Server::Amqp), None);
    }

    #[test]
    fn the_socket_of_an_address() {
        for url in [
            "amqp://u:p@127.0.0.1:5/%2f",
            "http://127.0.0.1:5",
            "postgres://u@127.0.0.1:5/db?x=y",
        ] {
            assert_eq!(socket(url).unwrap(), ([127, 0, 0, 1], 5).into(), "{url}");
        }
        assert!(socket("mongodb://").is_err());
    }
}
