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
pub mod status;
mod told;
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
use sendry_crds::{SendryTenant, SendryTenantStatus, names};
use sendry_domain::time::UnixMillis;
use sendry_runtime::error_chain::chain;
use serde_json::json;
use tokio_util::sync::CancellationToken;

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
    run::{Assemble, Assembly, Duty},
    topology::Term,
};

/// What does the work of a term.
#[must_use]
pub fn assemble() -> Assemble {
    Arc::new(|duty: &Duty| {
        let Duty {
            context,
            tenants,
            queue,
            leadership,
            ..
        } = duty.clone();
        let reconciler = TenantReconciler {
            cx: context.clone(),
            others: Arc::new(tenants),
            again: {
                let queue = queue.clone();
                Arc::new(move |name: &str| queue.changed(name))
            },
        };
        let topology = async move {
            let term = Term {
                holds: &|| leadership.holds(),
                changed: &|tenant| queue.changed(tenant.as_str()),
            };
            // Not until `stop`: passes under way then still wait for it, and a part that ends before they do would end the
            // term with them. It is dropped with the term.
            context.topology.run(&term, CancellationToken::new()).await;
        };
        Assembly {
            reconcile: Arc::new(reconciler),
            beside: vec![("topology", Box::pin(topology))],
        }
    })
}

/// Reconciles tenants by name.
pub struct TenantReconciler {
    /// Ports.
    pub cx: Context,
    /// The other tenants.
    pub others: Arc<dyn Others>,
    /// Asks for a pass of another tenant.
    pub again: Arc<dyn Fn(&str) + Send + Sync>,
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
        let world = dereference(cx, self.others.as_ref(), tenant).await?;
        let valid = match validate(tenant, &world, &cx.settings) {
            Ok(valid) => valid,
            Err(invalid) => {
                done.report.invalid = Some(invalid);
                return Ok(());
            }
        };
        let stamp = build::stamp(&valid, cx.epoch);
        done.told.extend(adopted(&valid, &world));
        done.report.namespace_leaves = valid.namespace == NamespacePlan::Leave;
        apply::namespace(cx, &tenant.spec.namespace, &valid, &world).await?;
        apply::record(cx, &stamp, &build::record(&valid), world.record.as_ref()).await?;
        let owner = Owner {
            tenant: valid.id.clone(),
            namespace: tenant.spec.namespace.clone(),
            stamp,
        };
        self.revoke_removed(&owner, &valid, &world, done).await?;
        if valid.namespace != NamespacePlan::Leave {
            self.keys(&owner, &valid, &world, done).await?;
        }
        self.broker(&valid, done).await
    }

    /// Entries that were taken out of the spec. One that stands there and cannot be honoured was not taken out.
    async fn revoke_removed(
        &self,
        owner: &Owner,
        valid: &Valid,
        world: &World,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let refused = |entry: &str| valid.refused.iter().any(|refused| refused.entry == entry);
        let known = world.keys.iter().filter(|key| {
            let managed = key.managed.as_ref();
            managed.is_some_and(|managed| !refused(&managed.entry))
        });
        let known: Vec<_> = known.cloned().collect();
        let mut told = Vec::new();
        let ports = Ports::from(&self.cx);
        let revoked = keys::revoke_removed(&ports, owner, &valid.entries, &known, &mut told).await;
        done.told
            .extend(told.into_iter().map(|told| Told::of_key("removed", told)));
        revoked
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
        for entry in &valid.entries {
            let known = world.keys.iter().filter(|key| {
                let managed = key.managed.as_ref();
                managed.is_some_and(|managed| managed.entry == entry.name)
            });
            let known: Vec<_> = known.cloned().collect();
            let mut told = Vec::new();
            let report = keys::reconcile(&ports, owner, entry, &known, &mut told).await;
            let of_key = |told| Told::of_key(&entry.name, told);
            done.told.extend(told.into_iter().map(of_key));
            let report = report?;
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
        Ok(())
    }

    async fn broker(&self, valid: &Valid, done: &mut Done) -> Result<(), Failure> {
        let password = apply::parked_reader(&self.cx, &valid.id).await?;
        let synced = self
            .cx
            .topology
            .ensure(build::queues(valid, Some(password)))
            .await;
        for repair in self.cx.topology.take_drift(&valid.id) {
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
            let kept = cleanup::cleanup(&self.cx, &tenant).await?;
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
            Err(failure) => {
                if !matches!(failure.category, Category::Conflict | Category::Superseded) {
                    done.report.failure =
                        Some((failure.category.reason(), chain(&failure).to_string()));
                    self.tell(&tenant, done).await?;
                }
                Err(failure)
            }
        }
    }
}

impl TenantReconciler {
    fn next(&self, at: Option<UnixMillis>) -> Next {
        at.map_or(Next::AtRest, |at| {
            let left = at.0.saturating_sub(self.cx.clock.now_ms()).max(0);
            Next::After(Duration::from_millis(left.unsigned_abs()))
        })
    }
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
