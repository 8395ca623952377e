//! The operator's own settings.

use std::time::Duration;

use crate::{
    leader::{Timing, UnsafeTiming},
    workers::WorkerSettings,
};

/// Label of a tenant, whose value says which operator cares for it where several share a cluster.
pub const WATCH_FILTER_LABEL: &str = "sendry.io/watch-filter";

/// What an operator is told once, at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the operator itself, its Lease and the workers live. Never a tenant's.
    pub namespace: String,
    /// The owner's mark on the broker: the name of this cluster, where several share one broker.
    pub owner: String,
    /// The name of this process alone, also after a restart; in the Lease and in Events.
    pub identity: String,
    /// Only tenants whose label [`WATCH_FILTER_LABEL`] has this value; `None` = all. Operators with different values share
    /// a cluster, but neither a store nor an owner's mark.
    pub watch_filter: Option<String>,
    /// Every resource is looked at once in so long, though nothing is heard of it.
    pub resync: Duration,
    /// The broker is compared with what it should have once in so long.
    pub topology: Duration,
    /// All queues and workers are looked at once in so long, and pipelines scaled by it.
    pub scaling: Duration,
    /// Passes at once, of different tenants.
    pub workers: usize,
    /// How long leadership lasts.
    pub lease: Timing,
    /// How long what is under way may take after a stop, before it is dropped.
    pub grace: Duration,
    /// What every worker is made of.
    pub pods: WorkerSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: "sendry-system".to_owned(),
            // As workers mark what they declare, so that an operator may take it over.
            owner: "sendry".to_owned(),
            identity: "sendry-operator".to_owned(),
            watch_filter: None,
            resync: Duration::from_secs(600),
            topology: Duration::from_secs(30),
            // As often as workers say what they did: looking more often sees nothing new of them.
            scaling: Duration::from_millis(sendry_domain::beat::EVERY),
            workers: 8,
            lease: Timing::default(),
            grace: Duration::from_secs(15),
            pods: WorkerSettings::default(),
        }
    }
}

/// Settings that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// Two operators would write at once.
    #[error(transparent)]
    Lease(#[from] UnsafeTiming),
    /// Nobody to do the work, or more than an API server is asked by one operator.
    #[error("--workers {0} must be 1 to 64")]
    Workers(usize),
    /// A loop without a pause.
    #[error("{0} must be at least 1s")]
    Interval(&'static str),
    /// More often there is nothing new to see; more seldom an idle pipeline wakes late.
    #[error("--scaling-interval must be 1s to 5s")]
    Scaling,
    /// Not a value of a label.
    #[error("--watch-filter `{0}` is no value of a label: 1 to 40 letters a-z, digits and hyphens")]
    WatchFilter(String),
    /// Every worker would be killed with messages in its hands.
    #[error("--worker-grace {0:?} must be 10s to 1h")]
    WorkerGrace(Duration),
    /// No pod could be made.
    #[error(
        "--worker-image, --worker-stores-secret and --worker-service-account must not be empty"
    )]
    WorkerPods,
    /// It would be part of names on the broker.
    #[error("--cluster-id `{0}` must have 1 to 40 letters a-z, digits and hyphens")]
    Owner(String),
}

impl Settings {
    /// These settings, if they can be meant.
    ///
    /// # Errors
    /// When they cannot.
    pub fn checked(self) -> Result<Self, InvalidSettings> {
        self.lease.checked()?;
        if !(1..=64).contains(&self.workers) {
            return Err(InvalidSettings::Workers(self.workers));
        }
        for (name, interval) in [
            ("--resync-interval", self.resync),
            ("--topology-interval", self.topology),
        ] {
            if interval < Duration::from_secs(1) {
                return Err(InvalidSettings::Interval(name));
            }
        }
        let pods = &self.pods;
        if !(Duration::from_secs(10)..=Duration::from_secs(3_600)).contains(&pods.grace) {
            return Err(InvalidSettings::WorkerGrace(pods.grace));
        }
        let named = [&pods.image, &pods.stores_secret, &pods.service_account];
        if named.iter().any(|name| name.trim().is_empty()) {
            return Err(InvalidSettings::WorkerPods);
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(5)).contains(&self.scaling) {
            return Err(InvalidSettings::Scaling);
        }
        if !is_word(&self.owner) {
            return Err(InvalidSettings::Owner(self.owner));
        }
        match &self.watch_filter {
            Some(filter) if !is_word(filter) => Err(InvalidSettings::WatchFilter(filter.clone())),
            _ => Ok(self),
        }
    }

    /// The Lease's name. Operators that care for different tenants do not stand against each other.
    #[must_use]
    pub fn lease_name(&self) -> String {
        match &self.watch_filter {
            Some(filter) => format!("sendry-operator-{filter}"),
            None => "sendry-operator".to_owned(),
        }
    }

    /// Which tenants are ours, as a label selector.
    #[must_use]
    pub fn selector(&self) -> Option<String> {
        let filter = self.watch_filter.as_ref()?;
        Some(format!("{WATCH_FILTER_LABEL}={filter}"))
    }
}

fn is_word(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len())
        && text.bytes().all(good)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused() {
        Settings::default().checked().unwrap();
        let change = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.checked().unwrap_err().to_string()
        };
        assert!(change(|s| s.workers = 0).contains("--workers 0"));
        assert!(change(|s| s.resync = Duration::ZERO).contains("--resync-interval"));
        assert!(
            change(|s| s.topology = Duration::from_millis(999)).contains("--topology-interval")
        );
        assert!(change(|s| s.scaling = Duration::from_secs(6)).contains("--scaling-interval"));
        assert!(change(|s| s.watch_filter = Some("a,b".to_owned())).contains("--watch-filter"));
        assert!(change(|s| s.owner = String::new()).contains("--cluster-id"));
        assert!(change(|s| s.pods.grace = Duration::from_secs(9)).contains("--worker-grace"));
        assert!(change(|s| s.pods.image = String::new()).contains("--worker-image"));
        assert!(change(|s| s.lease.give_up = s.lease.duration).contains("two operators"));
    }

    #[test]
    fn operators_of_different_tenants_do_not_stand_against_each_other() {
        let all = Settings::default();
        let blue = Settings {
            watch_filter: Some("blue".to_owned()),
            ..Settings::default()
        };
        assert_ne!(all.lease_name(), blue.lease_name());
        assert_eq!(all.selector(), None);
        assert_eq!(
            blue.selector().as_deref(),
            Some("sendry.io/watch-filter=blue")
        );
    }
}
