//! Each tenant's rate, kept in memory: this ingest's share of it.
//!
//! Ingests do not ask each other. Each takes the same part of a rate, so one that gets more than its part of the requests
//! refuses earlier than the tenant's rate says; parts are rounded up, so that no ingest refuses everything.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use sendry_domain::{
    id::TenantId,
    limit::{Rate, RetryAfter, TokenBucket},
};

/// The buckets of all tenants that have a rate.
#[derive(Debug)]
pub struct Quotas {
    /// How many ingests share the rates.
    ingests: AtomicU32,
    buckets: Mutex<HashMap<TenantId, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    /// The rate as configured.
    rate: Rate,
    /// Of this ingest's share.
    tokens: TokenBucket,
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

impl Default for Quotas {
    fn default() -> Self {
        Self {
            ingests: AtomicU32::new(1),
            buckets: Mutex::default(),
        }
    }
}

impl Quotas {
    /// Divides the rates by the number of ingests, from the next request on.
    pub fn share(&self, ingests: u32) {
        let before = self.ingests.swap(ingests.max(1), Ordering::Relaxed);
        if before != ingests {
            tracing::info!(
                before,
                ingests,
                "the tenants' rates are shared by another number of ingests"
            );
        }
    }

    /// Takes `events` from the tenant's bucket; a changed rate starts a new bucket, a changed share goes on with the
    /// tokens and debts there are. `Ok(None)` = unlimited.
    pub fn take(
        &self,
        tenant: &TenantId,
        rate: Option<Rate>,
        events: u32,
        now: u64,
    ) -> Result<Option<Standing>, OverRate> {
        let Some(rate) = rate else { return Ok(None) };
        let share = part(rate, self.ingests.load(Ordering::Relaxed));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || Bucket {
            rate,
            tokens: TokenBucket::new(share, now),
        };
        let bucket = buckets.entry(tenant.clone()).or_insert_with(full);
        if bucket.rate != rate {
            *bucket = full();
        } else if bucket.tokens.rate() != share {
            bucket.tokens.change_rate(share, now);
        }
        match bucket.tokens.take(events, now) {
            Ok(()) => Ok(Some(Standing {
                rate,
                remaining: bucket.tokens.remaining(),
            })),
            Err(retry_after) => Err(OverRate { rate, retry_after }),
        }
    }

    /// Gives back what was taken for events that were refused after all.
    pub fn give_back(&self, tenant: &TenantId, events: u32) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(tenant) {
            bucket.tokens.give_back(events);
        }
    }
}

/// One of `ingests` equal parts, rounded up.
fn part(rate: Rate, ingests: u32) -> Rate {
    Rate {
        per_second: rate.per_second.div_ceil(ingests),
        burst: rate.burst.div_ceil(ingests),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 1_000,
        burst: 100,
    };

    fn take(quotas: &Quotas, rate: Rate, events: u32, now: u64) -> Result<u64, u64> {
        let tenant = TenantId::new("acme").unwrap();
        match quotas.take(&tenant, Some(rate), events, now) {
            Ok(standing) => Ok(standing.unwrap().remaining),
            Err(over) => Err(over.retry_after.0),
        }
    }

    #[test]
    fn parts_are_rounded_up_and_nothing_stays_nothing() {
        let parts = [(10, 1), (10, 3), (1, 2), (0, 2)].map(|(rate, ingests)| {
            let rate = Rate {
                per_second: rate,
                burst: rate,
            };
            let part = part(rate, ingests);
            (part.per_second, part.burst)
        });
        assert_eq!(parts, [(10, 10), (4, 4), (1, 1), (0, 0)]);
    }

    #[test]
    fn another_share_forgives_no_debt_and_gives_no_tokens() {
        let quotas = Quotas::default();
        assert_eq!(take(&quotas, RATE, 600, 0), Ok(0));
        // 500 tokens are missing, and one more is needed; half of the rate brings 500 a second.
        quotas.share(2);
        assert_eq!(take(&quotas, RATE, 1, 0), Err(1_002));
        quotas.share(1);
        assert_eq!(take(&quotas, RATE, 1, 0), Err(501));
        assert_eq!(take(&quotas, RATE, 1, 501), Ok(0));
        assert_eq!(take(&quotas, RATE, 1, 10_000), Ok(99));
        quotas.share(4);
        assert_eq!(
            take(&quotas, RATE, 1, 10_000),
            Ok(24),
            "never above the burst"
        );
        quotas.share(0);
        assert_eq!(take(&quotas, RATE, 1, 10_000), Ok(23));
        assert_eq!(take(&quotas, RATE, 1, 20_000), Ok(99));
    }

    #[test]
    fn another_rate_begins_anew() {
        let quotas = Quotas::default();
        quotas.share(2);
        assert_eq!(take(&quotas, RATE, 600, 0), Ok(0));
        let wider = Rate {
            per_second: 2_000,
            ..RATE
        };
        assert_eq!(take(&quotas, wider, 1, 0), Ok(49));
    }
}
