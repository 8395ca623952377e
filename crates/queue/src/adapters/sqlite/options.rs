//! What can be set about a queue file.

use std::time::Duration;

/// Limits and waits. The defaults suit one process on one disk.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most messages one queue may hold, waiting or in flight; beyond it publishes are refused as full.
    pub max_messages: Option<u64>,
    /// Most bytes of bodies one queue may hold, waiting or in flight.
    pub max_bytes: Option<u64>,
    /// Most bytes `queue.db` may grow to, beside its write-ahead log; rounded down to whole pages of 4 KiB.
    pub max_file_bytes: Option<u64>,
    /// Most publishes that may wait for the writer. More are refused at once: waiting longer would only hide a slow disk.
    pub inbox_messages: usize,
    /// Most bytes of bodies that may wait for the writer. One message is always let in.
    pub inbox_bytes: usize,
    /// How long a publish may take. Past it the message is taken back if the writer has not started on it, else its fate
    /// is unknown. Below the 5 s in which ingest has to answer.
    pub publish_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_messages: None,
            max_bytes: None,
            max_file_bytes: None,
            inbox_messages: 8_192,
            inbox_bytes: 64 << 20,
            publish_timeout: Duration::from_secs(4),
        }
    }
}
