//! A pass over one tenant: dereference → validate → build → apply → status.
//!
//! Order: settings before keys, so that ingest knows the tenant before anybody holds a key of it; and what one part cannot
//! do holds up no other: with the broker away keys still come and go. A key that is published has been known to ingest
//! before ([`crate::keys`]).

pub mod apply;
pub mod build;
pub mod cleanup;
pub mod dereference;
pub mod others;
pub mod queues;
pub mod status;
pub(crate) mod told;
pub mod validate;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use sendry_crds::{
    SendryTenant, SendryTenantStatus, names,
    tenant::{ApiKeyStatus, KeyState},
};
use sendry_domain::{routing::QueueName, time::UnixMillis};
use sendry_queue::topology::queue_named;
use sendry_runtime::error_chain::chain;
use sendry_store::KeyRecord;
use serde_json::json;

use self::{
    cleanup::Kept,
    dereference::{World, dereference},
    others::Others,
    status::Report,
    told::{Told, adopted, retained, transition, troubles},
    validate::{NamespacePlan, Refused, Valid, validate},
};
use crate::{
    context::Context,
    controller::{Next, Reconcile},
    error::{Category, Failure},
    keys::{self, Owner, Ports},
    metrics::{Cause, OperatorMetrics},
    pipeline::fleet::Followers,
};

/// Reconciles tenants by name.
pub struct TenantReconciler {
    /// Ports.
    pub cx: Context,
    /// The other tenants.
    pub others: Arc<dyn Others>,
    /// Counters.
    pub metrics: OperatorMetrics,
    /// Asks for a pass of another tenant.
    pub again: Arc<dyn Fn(&str) + Send + Sync>,
    /// Those of its pipelines that tell themselves what becomes of their queues.
    pub pipelines: Followers,
    /// Asks for a pass of all pipelines in a namespace.
    pub wake: Arc<dyn Fn(&str) + Send + Sync>,
}

/// What a pass wants to be known.
#[derive(Default)]
struct Done {
    report: Report,
    told: Vec<Told>,
    /// When time alone changes something.
    next: Option<UnixMillis>,
}

impl TenantReconciler {
    async fn pass(&self, tenant: &SendryTenant, done: &mut Done) -> Result<(), Failure> {
        let cx = &self.cx;
        apply::finalizer(cx, tenant).await?;
        let mut world = dereference(cx, self.others.as_ref(), tenant).await?;
        let valid = match validate(tenant, &world, &cx.settings) {
            Ok(valid) => valid,
            Err(invalid) => {
                done.report.invalid = Some(invalid);
                return Ok(());
            }
        };
        if let Some(trouble) = &valid.trouble {
            done.report.invalid = Some(trouble.clone());
            if !is_ours(&valid, &world) {
                return Ok(());
            }
        }
        let stamp = build::stamp(&valid, cx.epoch);
        apply::record(cx, &stamp, &build::record(&valid), world.record.as_ref()).await?;
        done.told.extend(adopted(&valid, &world));
        done.report.namespace_leaves = valid.namespace == NamespacePlan::Leave;
        let owner = Owner {
            tenant: valid.id.clone(),
            namespace: tenant.spec.namespace.clone(),
            stamp,
        };
        // A leaked key is refused at once, whatever else is in the way of this tenant.
        self.revoke_gone(&owner, tenant, &mut world.keys, done)
            .await?;
        let keys = self.namespace_and_keys(tenant, &owner, &valid, &world, done);
        let keys = keys.await;
        let broker = self.broker(&valid, done).await;
        keys.and(broker)
    }

    /// Keys of entries that were taken out of the spec, or revoked in it. An entry that stands there and cannot be honoured
    /// was neither.
    async fn revoke_gone(
        &self,
        owner: &Owner,
        tenant: &SendryTenant,
        known: &mut [KeyRecord],
        done: &mut Done,
    ) -> Result<(), Failure> {
        let stays = |name: &str| {
            let mut entries = tenant.spec.api_keys.iter();
            entries.any(|entry| entry.name == name && !entry.revoked)
        };
        let mut told = Vec::new();
        let ports = Ports::from(&self.cx);
        let revoked = keys::revoke_gone(&ports, owner, &stays, known, &mut told).await;
        done.told
            .extend(told.into_iter().map(|told| Told::of_key("removed", told)));
        revoked
    }

    async fn namespace_and_keys(
        &self,
        tenant: &SendryTenant,
        owner: &Owner,
        valid: &Valid,
        world: &World,
        done: &mut Done,
    ) -> Result<(), Failure> {
        if valid.namespace == NamespacePlan::Leave {
            return Ok(());
        }
        apply::namespace(&self.cx, &tenant.spec.namespace, valid, world).await?;
        self.keys(owner, valid, world, done).await
    }

    async fn keys(
        &self,
        owner: &Owner,
        valid: &Valid,
        world: &World,
        done: &mut Done,
    ) -> Result<(), Failure> {
        done.report.refused.clone_from(&valid.refused);
        let ports = Ports::from(&self.cx);
        // One entry that fails holds up no other; the first failure is the pass's.
        let mut failed = None;
        for entry in &valid.entries {
            let known = world.keys.iter().filter(|key| {
                let managed = key.managed.as_ref();
                managed.is_some_and(|managed| managed.entry == entry.name)
            });
            let known: Vec<_> = known.cloned().collect();
            let mut told = Vec::new();
            let report = keys::reconcile(&ports, owner, entry, &known, &mut told).await;
            for told in told {
                self.count(told.reason);
                done.told.push(Told::of_key(&entry.name, told));
            }
            let report = match report {
                Ok(report) => report,
                Err(failure) => {
                    failed.get_or_insert(failure);
                    continue;
                }
            };
            if let (false, Some(reason)) = (report.ready, &report.status.reason) {
                done.report.refused.push(Refused {
                    entry: entry.name.clone(),
                    reason: reason.clone(),
                    message: report.status.message.clone().unwrap_or_default(),
                });
            }
            done.report.keys.push(report.status);
            done.next = earlier(done.next, report.next);
        }
        let tenant = owner.tenant.as_str();
        self.metrics
            .key_expiry
            .set(tenant, expiry(&done.report.keys));
        failed.map_or(Ok(()), Err)
    }

    async fn broker(&self, valid: &Valid, done: &mut Done) -> Result<(), Failure> {
        let synced = queues::ensure(&self.cx, &valid.into()).await?;
        let (id, told_apart) = (&valid.id, &self.pipelines);
        // What is a pipeline's own it tells itself, as long as it has a resource.
        let ours = |about: &str| match queue_named(about) {
            Some(QueueName::Pipeline(_, name)) => !told_apart.tells(id, &name),
            Some(QueueName::Parked(_)) | None => true,
        };
        for repair in self.cx.topology.take_drift(id, ours) {
            let note = format!("somebody changed the broker behind us; done again: {repair}");
            done.told.push(Told::warning("DriftRepaired", note));
        }
        done.report.synced = Some(synced);
        Ok(())
    }

    /// Writes the status where it says something new, and tells of transitions.
    async fn tell(&self, tenant: &SendryTenant, done: Done) -> Result<(), Failure> {
        let cx = &self.cx;
        let generation = tenant.metadata.generation.unwrap_or(0);
        // To the second, as the API server gives it back.
        let now = Timestamp::from_second(cx.clock.now_ms().div_euclid(1_000)).unwrap_or_default();
        let before = tenant.status.as_ref();
        let after = status::status(before, &done.report, generation, now);
        if !before.is_some_and(|before| same(before, &after)) {
            self.write(tenant, &after).await?;
            // They may have waited for it.
            (self.wake)(&tenant.spec.namespace);
        }
        let keys = troubles(before, &after);
        for told in transition(before, &after)
            .into_iter()
            .chain(keys)
            .chain(done.told)
        {
            self.publish(tenant, &told).await;
        }
        Ok(())
    }

    async fn publish(&self, tenant: &SendryTenant, told: &Told) {
        let (events, reason) = (&self.cx.events, told.reason.as_str());
        if told.warning {
            events
                .warning(tenant, reason, &told.action, &told.note)
                .await;
        } else {
            events
                .normal(tenant, reason, &told.action, &told.note)
                .await;
        }
    }

    async fn write(
        &self,
        tenant: &SendryTenant,
        status: &SendryTenantStatus,
    ) -> Result<(), Failure> {
        let tenants: Api<SendryTenant> = Api::all(self.cx.client.clone());
        let name = tenant.name_any();
        let patch = json!({
            "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
            "kind": "SendryTenant",
            "metadata": {"name": name, "uid": tenant.uid()},
            "status": status,
        });
        let params = PatchParams::apply(names::FIELD_MANAGER).force();
        let patched = tenants
            .patch_status(&name, &params, &Patch::Apply(&patch))
            .await;
        patched.map(drop).map_err(|error| {
            Failure::kubernetes(format!("write the status of tenant {name}"), error)
        })
    }
}

#[async_trait]
impl Reconcile for TenantReconciler {
    async fn reconcile(&self, name: &str) -> Result<Next, Failure> {
        let tenants: Api<SendryTenant> = Api::all(self.cx.client.clone());
        let found = tenants.get_opt(name).await;
        let found =
            found.map_err(|error| Failure::kubernetes(format!("read tenant {name}"), error))?;
        let Some(tenant) = found else {
            // Gone with its finalizer off, so it was kept; or its definition went. Either way nothing is to be done.
            return Ok(Next::AtRest);
        };
        if tenant.metadata.deletion_timestamp.is_some() {
            self.metrics.key_expiry.set(name, None);
            let kept = match cleanup::cleanup(&self.cx, &tenant).await {
                Ok(kept) => kept,
                Err(failure) => return Err(self.fail(&tenant, Done::default(), failure).await),
            };
            if kept != Kept::Nothing {
                self.publish(&tenant, &retained(kept)).await;
            }
            self.others
                .claimants(&tenant)
                .iter()
                .for_each(|name| (self.again)(name));
            return Ok(Next::AtRest);
        }
        let mut done = Done::default();
        let passed = self.pass(&tenant, &mut done).await;
        let next = done.next;
        match passed {
            Ok(()) => {
                self.tell(&tenant, done).await?;
                Ok(self.next(next))
            }
            Err(failure) => Err(self.fail(&tenant, done, failure).await),
        }
    }
}

impl TenantReconciler {
    /// Says why the pass did not end, where that is not over in a moment. What is returned is what to try again for.
    async fn fail(&self, tenant: &SendryTenant, mut done: Done, failure: Failure) -> Failure {
        if matches!(failure.category, Category::Conflict | Category::Superseded) {
            return failure;
        }
        done.report.failure = Some((failure.category.reason(), chain(&failure).to_string()));
        match self.tell(tenant, done).await {
            Ok(()) => failure,
            Err(untold) => untold,
        }
    }

    /// A key that took another's place.
    fn count(&self, reason: &'static str) {
        let cause = match reason {
            "KeyRotated" => "rotation",
            "SecretRecreated" => "secret_lost",
            "SecretDamaged" => "secret_damaged",
            _ => return,
        };
        self.metrics.rotations.get_or_create(&Cause { cause }).inc();
    }

    fn next(&self, at: Option<UnixMillis>) -> Next {
        at.map_or(Next::AtRest, |at| {
            let left = at.0.saturating_sub(self.cx.clock.now_ms()).max(0);
            Next::After(Duration::from_millis(left.unsigned_abs()))
        })
    }
}

/// Whether the settings are this very resource's.
fn is_ours(valid: &Valid, world: &World) -> bool {
    let stamp = world.record.as_ref().and_then(|record| record.stamp);
    stamp.is_some_and(|stamp| stamp.uid == valid.uid)
}

/// When the first of the keys in use ends.
fn expiry(entries: &[ApiKeyStatus]) -> Option<UnixMillis> {
    let keys = entries.iter().flat_map(|entry| &entry.keys);
    let in_use = keys.filter(|key| key.state == KeyState::Current);
    let ends = in_use.filter_map(|key| key.not_after.as_ref());
    ends.map(|end| UnixMillis(end.0.as_millisecond()))
        .min_by_key(|end| end.0)
}

/// Whether both are written alike. Times are written to the second, so one that was read back is another value.
fn same(a: &SendryTenantStatus, b: &SendryTenantStatus) -> bool {
    let written = |status: &SendryTenantStatus| serde_json::to_value(status).ok();
    written(a).is_some() && written(a) == written(b)
}

fn earlier(a: Option<UnixMillis>, b: Option<UnixMillis>) -> Option<UnixMillis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
        (a, b) => a.or(b),
    }
}
