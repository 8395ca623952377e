//! What clients know of every event they ever sent, in a file that outlives them.
//!
//! **Guarantee.** A line is with the operating system before the attempt that it announces begins, and another after its
//! answer. So at any moment, and also when a client is killed, the file says no more than the client could know; a run can
//! be judged again from its files.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

mod entry;

pub use entry::{End, Fate, Known};

/// A request that may be sent many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

/// What must become of an event that is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Counted, and kept raw.
    #[default]
    Healthy,
    /// One dead letter, never counted.
    Poison,
    /// Counted, and refused by the raw store.
    RawRefused,
}

/// What was sent as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whose.
    pub tenant: String,
    /// Events by the name that the load gave them, which each carries as `requestId`.
    pub names: Vec<String>,
    /// Another content under the same identities has another number, which each event carries as `version`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub variant: u32,
    /// What must become of them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: Kind,
    /// Their bytes, for events that no store keeps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bodies: Vec<String>,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Request(u64, Request),
    Sent(u64),
    Ended(
        u64,
        End,
        #[serde(default, skip_serializing_if = "is_default")] Vec<u32>,
    ),
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// All events of a run, or of one client of it.
#[derive(Debug, Default)]
pub struct Journal {
    file: Option<File>,
    requests: BTreeMap<u64, Request>,
    next: u64,
    events: HashMap<String, HashMap<String, Known>>,
    /// The first failure to write: what follows is not to be trusted.
    failure: Option<std::io::Error>,
}

impl Journal {
    /// A journal that is kept in a new file.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::options()
            .create_new(true)
            .append(true)
            .open(path)
            .with_context(|| format!("failed to make the journal {}", path.display()))?;
        Ok(Self {
            file: Some(file),
            ..Self::default()
        })
    }

    /// What a file says. A last line that is cut off was never followed by an attempt.
    ///
    /// # Errors
    /// When it cannot be read or holds something else.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let failed = || format!("failed to read the journal {}", path.display());
        let mut lines = BufReader::new(File::open(path).with_context(failed)?);
        let mut journal = Self::default();
        let mut line = String::new();
        while lines.read_line(&mut line).with_context(failed)? > 0 {
            if line.ends_with('\n') {
                journal.apply(serde_json::from_str(&line).with_context(failed)?);
            }
            line.clear();
        }
        Ok(journal)
    }

    /// Every journal in a folder.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read_all(folder: &Path) -> anyhow::Result<Self> {
        let mut all = Self::default();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "journal") {
                all.merge(Self::read(&path)?);
            }
        }
        Ok(all)
    }

    /// Names what is about to be sent.
    pub fn declare(&mut self, request: Request) -> RequestId {
        let id = self.next;
        self.write(Line::Request(id, request));
        RequestId(id)
    }

    /// An attempt begins. Until its end is written, it counts as unknown.
    pub fn sending(&mut self, request: RequestId) {
        self.write(Line::Sent(request.0));
    }

    /// An attempt ended; the events at the places in `refused` were refused, whatever became of the others.
    pub fn ended(&mut self, request: RequestId, end: End, refused: Vec<u32>) {
        self.write(Line::Ended(request.0, end, refused));
    }

    /// Adds what another client wrote down.
    pub fn merge(&mut self, other: Self) {
        self.failure = self.failure.take().or(other.failure);
        for (tenant, events) in other.events {
            let ours = self.events.entry(tenant).or_default();
            for (name, theirs) in events {
                ours.entry(name).or_default().add(theirs);
            }
        }
    }

    /// Whose events there are.
    #[must_use]
    pub fn tenants(&self) -> BTreeSet<&str> {
        self.events.keys().map(String::as_str).collect()
    }

    /// What is known of a tenant's events, by name.
    #[must_use]
    pub fn events(&self, tenant: &str) -> Option<&HashMap<String, Known>> {
        self.events.get(tenant)
    }

    /// How many events were ever sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.values().map(HashMap::len).sum()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of it was written.
    ///
    /// # Errors
    /// When a line was not.
    pub fn check(&self) -> anyhow::Result<()> {
        match &self.failure {
            Some(error) => anyhow::bail!("the journal could not be written: {error}"),
            None => Ok(()),
        }
    }

    fn write(&mut self, line: Line) {
        if let Some(file) = &mut self.file {
            let written = serde_json::to_vec(&line)
                .map_err(std::io::Error::from)
                .and_then(|mut bytes| {
                    bytes.push(b'\n');
                    file.write_all(&bytes)
                });
            if let Err(error) = written {
                self.failure.get_or_insert(error);
            }
        }
        self.apply(line);
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Request(id, request) => {
                self.next = self.next.max(id + 1);
                self.requests.insert(id, request);
            }
            Line::Sent(id) => self.each(id, |_, known| known.sent += 1),
            Line::Ended(id, end, refused) => {
                let refused: BTreeSet<u32> = refused.into_iter().collect();
                self.each(id, |place, known| match end {
                    _ if refused.contains(&place) => known.refused += 1,
                    End::Accepted => known.accepted += 1,
                    End::Refused => known.refused += 1,
                    End::Unknown => {}
                });
            }
        }
    }

    fn each(&mut self, id: u64, change: impl Fn(u32, &mut entry::Attempts)) {
        let Some(request) = self.requests.get(&id) else {
            return;
        };
        let events = self.events.entry(request.tenant.clone()).or_default();
        for (name, place) in request.names.iter().zip(0..) {
            let known = events.entry(name.clone()).or_default();
            known.kind = request.kind;
            if let Some(body) = request.bodies.get(place as usize) {
                known.body = Some(body.clone());
            }
            change(place, known.variants.entry(request.variant).or_default());
        }
    }
}

#[cfg(test)]
mod tests;
