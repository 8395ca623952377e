//! What the operator itself says of every worker.

use std::{fmt, time::Duration};

use super::template::PodTemplate;

/// What the operator itself says of every worker: nothing of it comes from a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSettings {
    /// The image that pods run.
    pub image: String,
    /// When it is pulled.
    pub pull_policy: PullPolicy,
    /// The Secret of the stores' addresses, with the keys `postgres-url` and `mongodb-url`, in the operator's namespace.
    pub stores_secret: String,
    /// Where workers find the broker.
    pub queue_url: BrokerUrl,
    /// The service account of pods. It needs no rights, and no token of it is mounted.
    pub service_account: String,
    /// How long a worker may take to finish what it holds, before it is killed.
    pub grace: Duration,
    /// What workers log; `None`: what they log where nobody says anything.
    pub log: Option<String>,
    /// Where pods go, and what else the platform says of them.
    pub template: PodTemplate,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            image: concat!("sendry/worker:", env!("CARGO_PKG_VERSION")).to_owned(),
            pull_policy: PullPolicy::IfNotPresent,
            stores_secret: "sendry-stores".to_owned(),
            queue_url: BrokerUrl("amqp://rabbitmq:5672/".to_owned()),
            service_account: "sendry-worker".to_owned(),
            grace: Duration::from_secs(60),
            log: None,
            template: PodTemplate::default(),
        }
    }
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PullPolicy {
    /// At each start of a pod.
    #[value(name = "Always")]
    Always,
    /// Where the node has none.
    #[value(name = "IfNotPresent")]
    IfNotPresent,
    /// Never: the node has it.
    #[value(name = "Never")]
    Never,
}

impl fmt::Display for PullPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        })
    }
}

/// An address of the broker without user and password: each pipeline has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl(String);

/// Not such an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an address such as amqp://host:5672/vhost, without user and password: each pipeline's workers get their own"
)]
pub struct InvalidBrokerUrl;

impl std::str::FromStr for BrokerUrl {
    type Err = InvalidBrokerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBrokerUrl> {
        let rest = text
            .strip_prefix("amqp://")
            .or_else(|| text.strip_prefix("amqps://"))
            .ok_or(InvalidBrokerUrl)?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        if host.is_empty() || text.contains('@') || text.contains(char::is_whitespace) {
            return Err(InvalidBrokerUrl);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BrokerUrl {
    /// An address of the broker without the user and password that it has.
    ///
    /// # Errors
    /// When it is none.
    pub fn without_user(url: &str) -> Result<Self, InvalidBrokerUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidBrokerUrl)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_user, host)| host);
        format!("{scheme}://{host}{rest}").parse()
    }

    /// The address for one user. Both are escaped, so that neither can be taken for a part of the address.
    #[must_use]
    pub fn of(&self, user: &str, password: &str) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("amqp", &self.0));
        format!("{scheme}://{}:{}@{rest}", escaped(user), escaped(password))
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_user_of_its_own() {
        let parse = |text: &str| text.parse::<BrokerUrl>();
        for good in [
            "amqp://rabbit:5672/",
            "amqps://rabbit/%2F",
            "amqp://[::1]:5672/v?heartbeat=5",
        ] {
            parse(good).unwrap();
        }
        for bad in [
            "",
            "http://rabbit",
            "amqp://",
            "amqp:///v",
            "amqp://u:p@rabbit",
            "amqp://a b",
        ] {
            assert_eq!(parse(bad), Err(InvalidBrokerUrl), "{bad}");
        }
        let url = parse("amqps://rabbit:5671/v").unwrap();
        for given in [
            "amqps://u:p%40@rabbit:5671/v",
            "amqps://u:@@rabbit:5671/v",
            "amqps://rabbit:5671/v",
        ] {
            assert_eq!(BrokerUrl::without_user(given), Ok(url.clone()), "{given}");
        }
        assert_eq!(BrokerUrl::without_user("hunter2"), Err(InvalidBrokerUrl));
        assert_eq!(
            url.of("sendry.a/b", "p@:"),
            "amqps://sendry.a%2Fb:p%40%3A@rabbit:5671/v"
        );
    }
}
