//! Who else names a namespace.

use kube::ResourceExt;
use sendry_crds::SendryTenant;

use crate::watch::Tenants;

/// The other tenants, as they were last seen.
pub trait Others: Send + Sync {
    /// An older tenant that names the same namespace. Of equal age the one with the smaller uid is older, so that two
    /// operators agree.
    fn older_claim(&self, tenant: &SendryTenant) -> Option<String>;

    /// Tenants that name the same namespace as this one did, and may have it now.
    fn claimants(&self, tenant: &SendryTenant) -> Vec<String>;
}

impl Others for Tenants {
    fn older_claim(&self, tenant: &SendryTenant) -> Option<String> {
        let age = |t: &SendryTenant| (t.creation_timestamp().map(|time| time.0), t.uid());
        let others = self.all().into_iter();
        let mut older = others.filter(|other| {
            other.spec.namespace == tenant.spec.namespace
                && other.uid() != tenant.uid()
                && other.name_any() != tenant.name_any()
                && age(other) < age(tenant)
        });
        older.next().map(|other| other.name_any())
    }

    fn claimants(&self, tenant: &SendryTenant) -> Vec<String> {
        let others = self.all().into_iter();
        others
            .filter(|other| other.spec.namespace == tenant.spec.namespace)
            .map(|other| other.name_any())
            .filter(|name| *name != tenant.name_any())
            .collect()
    }
}
