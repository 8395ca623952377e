//! …

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    controller::{Next, Reconcile},
    error::Failure,
    run::{Assemble, Assembly},
};

struct Nothing;

#[async_trait]
impl Reconcile for Nothing {
    async fn reconcile(&self, _name: &str) -> Result<Next, Failure> {
        Ok(Next::AtRest)
    }
}

/// …
#[must_use]
pub fn assemble() -> Assemble {
    Arc::new(|_duty| Assembly::of(Arc::new(Nothing)))
}
