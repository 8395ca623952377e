//! What all analytics reads have in common: a tenant, a range, a filter, and the account of the answer.

use std::collections::HashMap;

use sendry_domain::{
    histogram::MAX_RELATIVE_ERROR,
    query::{Filter, FoldSpec, Group},
    rollup::Cell,
};

use super::waiting::Waiting;
use crate::{
    app::App,
    error::ApiError,
    params::Params,
    plan::{self, SparkBins},
    range::Range,
    tenants::Tenant,
    views::{Meta, shown},
};

/// A question that has been understood.
pub(crate) struct Read<'a> {
    app: &'a App,
    tenant: Tenant,
    /// What it covers.
    pub(crate) range: Range,
    /// Which series.
    pub(crate) filter: Filter,
    waiting: Waiting,
    started_ms: u64,
}

impl<'a> Read<'a> {
    /// Understands the parameters. Queues are asked here, before any bucket is read, or what was counted in between
    /// would be promised and missing.
    pub(crate) async fn begin(app: &'a App, params: &Params) -> Result<Self, ApiError> {
        let started_ms = app.clock.monotonic_ms();
        let now = app.now();
        let filter = params.filter()?;
        let range = params.range(now)?;
        let tenant = app.tenants.find(params.tenant()).await?;
        let waiting = Waiting::ask(app, &tenant, now).await;
        Ok(Self {
            app,
            tenant,
            range,
            filter,
            waiting,
            started_ms,
        })
    }

    /// The groups of `spec`, for this tenant.
    pub(crate) async fn fold(&self, spec: FoldSpec) -> Result<Vec<Group>, ApiError> {
        if spec.slices.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.app.metrics.fold(&self.tenant.id, spec).await?)
    }

    /// The groups of a list, with when each was last seen.
    pub(crate) async fn list(
        &self,
        (spec, bins): (FoldSpec, SparkBins),
    ) -> Result<(Vec<Group>, SparkBins), ApiError> {
        let recent = plan::recent(&self.range, &spec, &bins);
        let mut groups = self.fold(spec).await?;
        if let Some(recent) = recent {
            let seen = self.fold(recent).await?.into_iter();
            let seen: HashMap<_, _> = seen.map(|g| (g.series, g.last_seen)).collect();
            for group in &mut groups {
                let last = seen.get(&group.series).copied();
                group.last_seen = group.last_seen.max(last.unwrap_or(group.last_seen));
            }
        }
        Ok((groups, bins))
    }

    /// The one group of a spec that asks for the total.
    pub(crate) async fn total(&self, spec: FoldSpec) -> Result<Cell, ApiError> {
        let mut total = Cell::default();
        for group in self.fold(spec).await? {
            total.merge(&group.total);
        }
        Ok(total)
    }

    /// What the answer covers; asked for last, since it says how long it took.
    pub(crate) async fn meta(&self) -> Result<Meta, ApiError> {
        let tally = self.app.metrics.ledger(&self.tenant.id).await?.tally;
        let range = &self.range;
        Ok(Meta {
            from: shown(range.from),
            to: shown(range.to),
            tz: range.zone.name().to_owned(),
            step: range.step,
            complete_through: self.waiting.complete_through().map(shown),
            received: tally.received,
            late: tally.late,
            // No SDK reports yet.
            sdk_dropped: None,
            percentile_max_rel_error: MAX_RELATIVE_ERROR,
            tz_approximate: range.tz_approximate,
            query_ms: (self.app.clock.monotonic_ms()).saturating_sub(self.started_ms),
        })
    }
}
