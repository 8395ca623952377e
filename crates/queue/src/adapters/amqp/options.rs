//! What can be set about a RabbitMQ connection.

use std::{fmt, time::Duration};

use lapin::uri::AMQPUri;

/// Seconds without a sign of life after which either side gives a connection up.
const HEARTBEAT: u16 = 10;

/// An address that is none. Says nothing of what it was given: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an AMQP address: write amqp://USER:PASSWORD@HOST:5672/VHOST, or amqps:// for TLS")]
pub struct BadUrl;

/// Limits and waits. The defaults suit ingest and workers beside one broker.
#[derive(Clone)]
pub struct AmqpOptions {
    pub(super) uri: AMQPUri,
    /// Shown beside the connections in the broker's own pages.
    pub name: String,
    /// A certificate authority in PEM form to trust besides the public ones, for `amqps`.
    pub certificate_authority: Option<String>,
    /// How long a publish may take. Past it, it is refused if it was not sent yet, else its fate is unknown. Below the
    /// 5 s in which ingest has to answer.
    pub publish_timeout: Duration,
    /// A confirm that takes longer means that the channel is broken: it is built anew.
    pub confirm_timeout: Duration,
    /// Most publishes sent and not confirmed.
    pub max_unconfirmed: usize,
    /// Most publishes that may wait to be sent. More are refused at once: waiting longer would only hide a slow broker.
    pub max_waiting: usize,
    /// Most bytes of bodies that may wait to be sent. One message is always let in.
    pub max_waiting_bytes: usize,
    /// Messages a consumer holds ahead of the one in work. From a parked queue always one, so that a crash is counted
    /// for the message that caused it and no other.
    pub prefetch: u16,
    /// How long the broker may take to answer anything but a publish.
    pub answer_timeout: Duration,
}

impl AmqpOptions {
    /// The defaults for the broker at `url`.
    ///
    /// # Errors
    /// When `url` is no AMQP address.
    pub fn new(url: &str) -> Result<Self, BadUrl> {
        let mut uri: AMQPUri = url.parse().map_err(|_| BadUrl)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        Ok(Self {
            uri,
            name: "sendry".to_owned(),
            certificate_authority: None,
            publish_timeout: Duration::from_secs(4),
            confirm_timeout: Duration::from_secs(3),
            max_unconfirmed: 256,
            max_waiting: 1_024,
            max_waiting_bytes: 32 << 20,
            prefetch: 64,
            answer_timeout: Duration::from_secs(5),
        })
    }

    /// The virtual host, as the management API wants it named.
    #[must_use]
    pub fn vhost(&self) -> &str {
        &self.uri.vhost
    }

    /// Where the broker is, without credentials.
    #[must_use]
    pub fn address(&self) -> String {
        let authority = &self.uri.authority;
        let vhost = &self.uri.vhost;
        format!(
            "{}://{}:{}, virtual host {vhost:?}",
            self.uri.scheme, authority.host, authority.port
        )
    }
}

impl fmt::Debug for AmqpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpOptions")
            .field("address", &self.address())
            .field("name", &self.name)
            .field("publish_timeout", &self.publish_timeout)
            .field("confirm_timeout", &self.confirm_timeout)
            .field("max_unconfirmed", &self.max_unconfirmed)
            .field("max_waiting", &self.max_waiting)
            .field("max_waiting_bytes", &self.max_waiting_bytes)
            .field("prefetch", &self.prefetch)
            .field("answer_timeout", &self.answer_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let options = AmqpOptions::new("amqps://sendry:hunter2@broker:5671/prod").unwrap();
        let shown = format!("{options:?} {}", options.address());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("amqps://broker:5671"), "{shown}");
        for bad in ["http://sendry:hunter2@broker", "sendry:hunter2", ""] {
            let error = AmqpOptions::new(bad).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_heartbeat_that_was_asked_for_stays() {
        let heartbeat = |url| AmqpOptions::new(url).unwrap().uri.query.heartbeat;
        assert_eq!(heartbeat("amqp://broker"), Some(HEARTBEAT));
        assert_eq!(heartbeat("amqp://broker?heartbeat=60"), Some(60));
    }
}
