//! Which pipeline an event goes to, and what everything on the broker is called.
//!
//! Ingest decides, most specific pattern first, so every event goes to exactly one queue and patterns that overlap can
//! not count it twice.

use std::collections::HashMap;

use crate::{
    id::{PipelineName, TenantId},
    time::UnixMillis,
};

/// The topic exchange that ingest publishes to.
pub const EXCHANGE: &str = "sendry.events";

/// Deliveries without an ack after which a message leaves its pipeline's queue for the tenant's parked queue.
pub const DELIVERY_LIMIT: u32 = 50;

/// A queue of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// The queue of one pipeline.
    Pipeline(TenantId, PipelineName),
    /// The tenant's queue of last resort, drained by the keeper.
    Parked(TenantId),
}

impl QueueName {
    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Pipeline(tenant, _) | Self::Parked(tenant) => tenant,
        }
    }

    /// The routing key that reaches it.
    #[must_use]
    pub fn routing_key(&self) -> String {
        match self {
            Self::Pipeline(tenant, pipeline) => format!("{tenant}.{pipeline}"),
            Self::Parked(tenant) => format!("{tenant}.parked"),
        }
    }
}

impl std::fmt::Display for QueueName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sendry.{}", self.routing_key())
    }
}

/// What a pipeline asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Its name.
    pub pipeline: PipelineName,
    /// Services; empty = all.
    pub services: Vec<String>,
    /// Environments; empty = all.
    pub environments: Vec<String>,
    /// When it was made: of equal patterns the older one keeps the events.
    pub created_at: UnixMillis,
}

type Key = (Option<Box<str>>, Option<Box<str>>);

/// The choice of one tenant, made ready for look-ups.
#[derive(Clone, Debug, Default)]
pub struct Router {
    by_pattern: HashMap<Key, PipelineName>,
    /// Pipelines that take nothing because an older one has one of their patterns: (younger, older).
    conflicts: Vec<(PipelineName, PipelineName)>,
}

impl Router {
    /// Prepares the choice between `patterns`. A pipeline takes all that it asks for or nothing: one of whose patterns an
    /// older one has waits until that is gone. It is not in its own way, should it be there twice. Of equal age the one whose name comes first is older, so that everybody who
    /// decides it decides alike.
    #[must_use]
    pub fn new(mut patterns: Vec<Pattern>) -> Self {
        patterns.sort_by(|a, b| (a.created_at, &a.pipeline).cmp(&(b.created_at, &b.pipeline)));
        let mut router = Self::default();
        for pattern in patterns {
            let keys = keys(&pattern);
            let taken = |key| {
                let older = router.by_pattern.get(key);
                older.filter(|older| **older != pattern.pipeline)
            };
            if let Some(older) = keys.iter().find_map(taken) {
                let older = older.clone();
                router.conflicts.push((pattern.pipeline, older));
                continue;
            }
            let name = pattern.pipeline;
            let owned = keys.into_iter().map(|key| (key, name.clone()));
            router.by_pattern.extend(owned);
        }
        router
    }

    /// The pipeline of an event; [`PipelineName::fallback`] when no pattern takes it.
    #[must_use]
    pub fn choose(&self, service: &str, environment: Option<&str>) -> PipelineName {
        let (service, environment) = (Some(service), environment);
        let candidates = [
            (service, environment),
            (service, None),
            (None, environment),
            (None, None),
        ];
        candidates
            .into_iter()
            .find_map(|(s, e)| self.by_pattern.get(&(s.map(Box::from), e.map(Box::from))))
            .cloned()
            .unwrap_or_else(PipelineName::fallback)
    }

    /// Pipelines that take nothing, because an older one has one of their patterns: (younger, older).
    #[must_use]
    pub fn conflicts(&self) -> &[(PipelineName, PipelineName)] {
        &self.conflicts
    }
}

fn keys(pattern: &Pattern) -> Vec<Key> {
    let or_all = |names: &[String]| -> Vec<Option<Box<str>>> {
        if names.is_empty() || names.iter().any(|n| n == "*") {
            return vec![None];
        }
        names.iter().map(|n| Some(Box::from(n.as_str()))).collect()
    };
    let environments = or_all(&pattern.environments);
    or_all(&pattern.services)
        .into_iter()
        .flat_map(|service| {
            environments
                .iter()
                .map(move |e| (service.clone(), e.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(name: &str, services: &[&str], environments: &[&str], age: i64) -> Pattern {
        Pattern {
            pipeline: PipelineName::new(name).unwrap(),
            services: services.iter().map(ToString::to_string).collect(),
            environments: environments.iter().map(ToString::to_string).collect(),
            created_at: UnixMillis(-age),
        }
    }

    #[test]
    fn the_most_specific_pattern_wins() {
        let router = Router::new(vec![
            pattern("all", &["*"], &[], 9),
            pattern("prod", &[], &["production"], 1),
            pattern("shop", &["shop"], &["*"], 1),
            pattern("shop-prod", &["shop"], &["production"], 1),
        ]);
        let choose = |s: &str, e: Option<&str>| router.choose(s, e).to_string();
        assert_eq!(choose("shop", Some("production")), "shop-prod");
        assert_eq!(choose("shop", Some("staging")), "shop");
        assert_eq!(choose("shop", None), "shop");
        assert_eq!(choose("pay", Some("production")), "prod");
        assert_eq!(choose("pay", None), "all");
        assert!(router.conflicts().is_empty());
    }

    #[test]
    fn of_equal_patterns_the_older_keeps_the_events() {
        let router = Router::new(vec![
            pattern("young", &["a", "b"], &[], 1),
            pattern("old", &["b"], &[], 2),
        ]);
        assert_eq!(router.choose("b", None).as_str(), "old");
        assert_eq!(router.choose("a", None), PipelineName::fallback());
        let named = |name| PipelineName::new(name).unwrap();
        assert_eq!(router.conflicts(), [(named("young"), named("old"))]);
    }

    #[test]
    fn what_takes_nothing_is_in_nobodys_way() {
        let patterns = [
            pattern("a", &["x"], &[], 3),
            pattern("b", &["x", "y"], &[], 2),
            pattern("c", &["y"], &[], 1),
        ];
        let router = Router::new(patterns.to_vec());
        assert_eq!(router.choose("y", None).as_str(), "c");
        assert_eq!(router.conflicts().len(), 1);
        // Without the oldest the next one has what it asks for.
        let router = Router::new(patterns[1..].to_vec());
        assert_eq!(router.choose("x", None).as_str(), "b");
        assert_eq!(router.choose("y", None).as_str(), "b");
    }

    #[test]
    fn one_that_is_there_twice_is_not_in_its_own_way() {
        let router = Router::new(vec![
            pattern("a", &["x"], &[], 2),
            pattern("a", &["x", "y"], &[], 1),
        ]);
        assert_eq!(router.choose("y", None).as_str(), "a");
        assert!(router.conflicts().is_empty());
    }

    #[test]
    fn of_equal_age_the_name_decides_whatever_the_order() {
        let (a, b) = (pattern("a", &["x"], &[], 1), pattern("b", &["x"], &[], 1));
        for patterns in [vec![a.clone(), b.clone()], vec![b, a]] {
            assert_eq!(Router::new(patterns).choose("x", None).as_str(), "a");
        }
    }

    #[test]
    fn names_on_the_broker() {
        let tenant = TenantId::new("acme").unwrap();
        let queue = QueueName::Pipeline(tenant.clone(), PipelineName::fallback());
        assert_eq!(queue.to_string(), "sendry.acme.default");
        assert_eq!(QueueName::Parked(tenant).routing_key(), "acme.parked");
    }
}
