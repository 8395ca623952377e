//! How to reach the server.

use std::{fmt, time::Duration};

use mongodb::options::ClientOptions;
use sendry_domain::time::DAY;

/// How to reach the server, and how long it keeps events.
#[derive(Clone)]
pub struct MongoOptions {
    /// `mongodb://` or `mongodb+srv://`, with credentials. Its path names the database ([`super::DATABASE`] where it has
    /// none); what its parameters set wins over the fields here.
    pub uri: String,
    /// Connections at most.
    pub pool: u32,
    /// How long a call looks for a server that can take it.
    pub server_selection: Duration,
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// The longest that one command may take.
    pub time_out: Duration,
    /// After what time the server drops events; whole seconds, at most 68 years.
    pub retention: Duration,
}

impl MongoOptions {
    /// Everything as usual, for the server at `uri`.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            pool: 8,
            server_selection: Duration::from_secs(3),
            connect: Duration::from_secs(3),
            time_out: Duration::from_secs(10),
            retention: Duration::from_millis(30 * DAY.unsigned_abs()),
        }
    }

    /// Sets what the address leaves open.
    pub(super) fn complete(&self, client: &mut ClientOptions) {
        client.app_name.get_or_insert_with(|| "sendry".to_owned());
        client.max_pool_size.get_or_insert(self.pool);
        client
            .server_selection_timeout
            .get_or_insert(self.server_selection);
        client.connect_timeout.get_or_insert(self.connect);
        // A connection that a firewall forgot would cost a whole time-out.
        client
            .max_idle_time
            .get_or_insert(Duration::from_secs(2 * 60));
    }
}

impl fmt::Debug for MongoOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoOptions")
            .field("uri", &redacted(&self.uri))
            .field("pool", &self.pool)
            .field("server_selection", &self.server_selection)
            .field("connect", &self.connect)
            .field("time_out", &self.time_out)
            .field("retention", &self.retention)
            .finish()
    }
}

/// The address without what could be secret: credentials, and parameters (pass phrases of key files are such).
fn redacted(uri: &str) -> String {
    let (address, parameters) = uri.split_once('?').map_or((uri, ""), |(a, _)| (a, "?***"));
    let Some((scheme, rest)) = address.split_once("://") else {
        return "***".to_owned();
    };
    // A password that was not escaped may hold any character, so what stands before the last `@` goes.
    let credentials = if rest.contains('@') { "***@" } else { "" };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{credentials}{place}{parameters}")
}

/// Why no store was made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not one, sets something that is not possible, or its name cannot be resolved.
    #[error(
        "failed to understand the address of MongoDB: write it as mongodb://USER:PASSWORD@HOST:PORT/DATABASE, with \
         special characters of the password percent-encoded"
    )]
    Address(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The look-up of a `mongodb+srv://` address takes too long.
    #[error("failed to look up the address of MongoDB within {0:?}")]
    TimedOut(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for (uri, shown) in [
            ("mongodb://127.0.0.1:27017/", "mongodb://127.0.0.1:27017/"),
            (
                "mongodb://ann:s3cret@a:1,b:2/events?authSource=admin",
                "mongodb://***@a:1,b:2/events?***",
            ),
            ("mongodb://ann:s3/cr@t@a/x", "mongodb://***@a/x"),
            ("mongodb://ann:s3?cret@a/x", "mongodb://ann:s3?***"),
            ("s3cret", "***"),
        ] {
            let debug = format!("{:?}", MongoOptions::new(uri));
            assert!(debug.contains(&format!("{shown:?}")), "{debug}");
        }
    }
}
