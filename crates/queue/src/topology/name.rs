//! Whose a thing on the broker is, by its name.
//!
//! Tenants and pipelines have no dot in their names, so a name can be taken apart in one way only.

use sendry_domain::{
    id::{PipelineName, TenantId},
    routing::QueueName,
};

const PREFIX: &str = "sendry.";

/// The queue of this name, if it is one of ours.
#[must_use]
pub fn queue_named(name: &str) -> Option<QueueName> {
    let (tenant, rest) = name.strip_prefix(PREFIX)?.split_once('.')?;
    let tenant = TenantId::new(tenant).ok()?;
    if rest == "parked" {
        return Some(QueueName::Parked(tenant));
    }
    let pipeline = PipelineName::new(rest).ok()?;
    Some(QueueName::Pipeline(tenant, pipeline))
}

/// The user that may read `queue` and nothing else: `sendry.<tenant>` for the parked queue, else the queue's own name.
#[must_use]
pub fn reader_of(queue: &QueueName) -> String {
    match queue {
        QueueName::Parked(tenant) => format!("{PREFIX}{tenant}"),
        QueueName::Pipeline(..) => queue.to_string(),
    }
}

/// The queue that the user of this name reads, if it is one of ours.
#[must_use]
pub fn read_by(user: &str) -> Option<QueueName> {
    let rest = user.strip_prefix(PREFIX)?;
    match rest.split_once('.') {
        None => Some(QueueName::Parked(TenantId::new(rest).ok()?)),
        Some((tenant, pipeline)) => Some(QueueName::Pipeline(
            TenantId::new(tenant).ok()?,
            PipelineName::new(pipeline).ok()?,
        )),
    }
}

/// What the policy of this name marks, and for whom: `<owner>/<queue>`.
pub(super) fn mark(policy: &str) -> Option<(&str, &str)> {
    let (owner, queue) = policy.rsplit_once('/')?;
    (!owner.is_empty()).then_some((owner, queue))
}

/// The tenant in the name of a queue or user of ours.
pub(super) fn tenant_in(name: &str) -> Option<TenantId> {
    TenantId::new(tenant_text(name)?).ok()
}

/// Whether a queue or user of this name is `tenant`'s.
pub(super) fn is_of(name: &str, tenant: &TenantId) -> bool {
    tenant_text(name) == Some(tenant.as_str())
}

fn tenant_text(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?.split('.').next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_ours_has_no_place() {
        for other in [
            "",
            "sendry.",
            "sendry.acme",
            "sendry.a.b.c",
            "x.acme.b",
            "sendry.A.b",
        ] {
            assert_eq!(queue_named(other), None, "{other}");
        }
        for other in ["", "sendry.", "sendry.acme.parked", "sendry.a.b.c", "guest"] {
            assert_eq!(read_by(other), None, "{other}");
        }
        assert_eq!(mark("no-mark"), None);
        assert_eq!(mark("/sendry.acme.parked"), None);
        assert_eq!(mark("a/b/q"), Some(("a/b", "q")));
    }

    proptest! {
        #[test]
        fn a_name_leads_back(tenant in "[a-z0-9-]{1,40}", pipeline in "[a-z0-9-]{1,40}") {
            let tenant = TenantId::new(&tenant).unwrap();
            let mut queues = vec![QueueName::Parked(tenant.clone())];
            queues.extend(
                PipelineName::new(&pipeline)
                    .ok()
                    .map(|p| QueueName::Pipeline(tenant.clone(), p)),
            );
            for queue in queues {
                let (name, user) = (queue.to_string(), reader_of(&queue));
                prop_assert!(is_of(&name, &tenant) && is_of(&user, &tenant));
                prop_assert_eq!(tenant_in(&user), Some(tenant.clone()));
                prop_assert_eq!(queue_named(&name), Some(queue.clone()));
                prop_assert_eq!(read_by(&user), Some(queue));
            }
        }
    }
}
