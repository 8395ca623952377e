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
    /// Pipelines that got nothing because an older one has the same pattern: (younger, older).
    conflicts: Vec<(PipelineName, PipelineName)>,
}

impl Router {
    /// Prepares the choice between `patterns`.
    #[must_use]
    pub fn new(mut patterns: Vec<Pattern>) -> Self {
        patterns.sort_by(|a, b| (a.created_at, &a.pipeline).cmp(&(b.created_at, &b.pipeline)));
        let mut router = Self::default();
        for pattern in patterns {
            for key in keys(&pattern) {
                let older = router
                    .by_pattern
                    .entry(key)
                    .or_insert_with(|| pattern.pipeline.clone());
                if *older != pattern.pipeline {
                    router
                        .conflicts
                        .push((pattern.pipeline.clone(), older.clone()));
                }
            }
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

    /// Pipelines that share a pattern with an older one: (younger, older).
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
        assert_eq!(router.choose("a", None).as_str(), "young");
        assert_eq!(router.conflicts().len(), 1);
        assert_eq!(router.choose("c", None), PipelineName::fallback());
    }

    #[test]
    fn names_on_the_broker() {
        let tenant = TenantId::new("acme").unwrap();
        let queue = QueueName::Pipeline(tenant.clone(), PipelineName::fallback());
        assert_eq!(queue.to_string(), "sendry.acme.default");
        assert_eq!(QueueName::Parked(tenant).routing_key(), "acme.parked");
    }
}
