//! Each tenant's rate, kept in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sendry_domain::{
    id::TenantId,
    limit::{Rate, RetryAfter, TokenBucket},
};

/// The buckets of all tenants that have a rate.
#[derive(Debug, Default)]
pub struct Quotas {
    buckets: Mutex<HashMap<TenantId, TokenBucket>>,
}

/// What a limited tenant is told with every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The rate as configured.
    pub rate: Rate,
    /// Events that may still come at once.
    pub remaining: u64,
}

/// Over the rate.
#[derive(Clone, Copy, Debug)]
pub struct OverRate {
    /// The rate as configured.
    pub rate: Rate,
    /// When to come back.
    pub retry_after: RetryAfter,
}

impl Quotas {
    /// Takes `events` from the tenant's bucket; a changed rate starts a new bucket. `Ok(None)` = unlimited.
    pub fn take(
        &self,
        tenant: &TenantId,
        rate: Option<Rate>,
        events: u32,
        now: u64,
    ) -> Result<Option<Standing>, OverRate> {
        let Some(rate) = rate else { return Ok(None) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets
            .entry(tenant.clone())
            .or_insert_with(|| TokenBucket::new(rate, now));
        if bucket.rate() != rate {
            *bucket = TokenBucket::new(rate, now);
        }
        match bucket.take(events, now) {
            Ok(()) => Ok(Some(Standing {
                rate,
                remaining: bucket.remaining(),
            })),
            Err(retry_after) => Err(OverRate { rate, retry_after }),
        }
    }

    /// Gives back what was taken for events that were refused after all.
    pub fn give_back(&self, tenant: &TenantId, events: u32) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(tenant) {
            bucket.give_back(events);
        }
    }
}
