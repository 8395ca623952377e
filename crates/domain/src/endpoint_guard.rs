//! Keeps one careless service from filling the store with endpoints.
//!
//! A client that reports paths instead of route templates would create a series a request. Past the limit new templates
//! of that service count as [`OTHER`]. An endpoint once admitted stays admitted, so the answer for an event never
//! changes, and is stored with the raw event.

use std::{collections::HashSet, sync::Arc};

use crate::event::UNMATCHED;

/// How many distinct route templates a service may have.
pub const LIMIT: usize = 1_000;
/// Where requests to templates past the limit are counted.
pub const OTHER: &str = "(other)";

/// The endpoints one service of one tenant is known by.
#[derive(Clone, Debug, Default)]
pub struct EndpointGuard {
    known: HashSet<Arc<str>>,
}

impl EndpointGuard {
    /// A guard that knows the endpoints a store already holds for the service.
    #[must_use]
    pub fn knowing(endpoints: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self {
            known: endpoints.into_iter().filter(|e| !is_reserved(e)).collect(),
        }
    }

    /// How many it has admitted.
    #[must_use]
    pub fn admitted(&self) -> usize {
        self.known.len()
    }

    /// The endpoint to count under, where that is settled: `None` if [`Self::resolve`] would admit a new one.
    #[must_use]
    pub fn settled(&self, endpoint: &Arc<str>) -> Option<Arc<str>> {
        if is_reserved(endpoint) || self.known.contains(endpoint) {
            return Some(endpoint.clone());
        }
        (self.known.len() >= LIMIT).then(|| OTHER.into())
    }

    /// The endpoint to count under: `endpoint` itself while it is known or there is room, else [`OTHER`].
    pub fn resolve(&mut self, endpoint: &Arc<str>) -> Arc<str> {
        if let Some(settled) = self.settled(endpoint) {
            return settled;
        }
        self.known.insert(endpoint.clone());
        endpoint.clone()
    }
}

fn is_reserved(endpoint: &str) -> bool {
    endpoint == OTHER || endpoint == UNMATCHED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_limit_only_known_endpoints_keep_their_name() {
        let mut guard = EndpointGuard::default();
        let name = |i: usize| Arc::<str>::from(format!("/e/{i}"));
        for i in 0..LIMIT {
            assert_eq!(guard.settled(&name(i)), None);
            assert_eq!(guard.resolve(&name(i)), name(i));
        }
        assert_eq!(guard.admitted(), LIMIT);
        assert_eq!(guard.settled(&name(LIMIT)).as_deref(), Some(OTHER));
        assert_eq!(guard.settled(&name(3)), Some(name(3)));
        assert_eq!(&*guard.resolve(&name(LIMIT)), OTHER);
        assert_eq!(guard.resolve(&name(3)), name(3));
        assert_eq!(&*guard.resolve(&UNMATCHED.into()), UNMATCHED);
        let stored: Vec<Arc<str>> = (0..LIMIT).map(name).chain([OTHER.into()]).collect();
        assert_eq!(&*EndpointGuard::knowing(stored).resolve(&name(5000)), OTHER);
    }
}
