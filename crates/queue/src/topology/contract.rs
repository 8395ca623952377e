//! The contract of [`TopologyBroker`], run unchanged on the broker in memory and on a real RabbitMQ.
//!
//! Every hand in it, a foreign one too, works through the port, so both stages need nothing but a broker.

mod foreign;
mod healing;
mod making;
mod removing;

use std::future::Future;

use sendry_domain::id::{PipelineName, TenantId};

use super::{
    Check, Limits, Logins, Observed, ObservedUser, Pass, Permission, Reading, Repair, SecretText,
    TenantQueues, Topology, TopologyBroker, desired, reconcile_all,
};

pub(crate) use self::{foreign::*, healing::*, making::*, removing::*};

const OWNER: &str = "c1";
const OTHER: &str = "c2";

/// One broker of a case's own.
pub(crate) trait Stage: Sized + Send + Sync + 'static {
    /// Makes it.
    fn start() -> impl Future<Output = Self> + Send;

    /// The broker.
    fn broker(&self) -> &dyn TopologyBroker;

    /// A tenant that nobody else has: users belong to a broker, which cases may share.
    fn tenant(&self) -> TenantId;
}

/// Makes one test of every case, for the [`Stage`] named.
macro_rules! topology_contract {
    ($stage:ty) => {
        $crate::topology::contract::topology_contract! { @cases $stage;
            an_empty_broker_gets_everything_and_is_at_rest;
            every_repair_may_be_done_twice;
            a_new_password_is_one_write;
            what_the_broker_cannot_do_has_a_category;
            lost_things_come_back;
            changed_things_change_back;
            a_surplus_binding_goes;
            what_is_not_ours_is_never_touched;
            a_policy_that_overrides_ours_is_told_of;
            what_is_adopted_becomes_ours_and_nothing_else;
            of_one_tenant_everything_of_ours_goes_and_nothing_else;
            removing_what_is_not_there_is_success;
            a_pipeline_is_closed_and_goes_and_its_neighbour_stays;
        }
    };
    (@cases $stage:ty; $($case:ident;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::topology::contract::$case::<$stage>().await;
            }
        )*
    };
}
pub(crate) use topology_contract;

/// A tenant with two pipelines and a reader for each of its three queues.
fn whole(tenant: &TenantId) -> TenantQueues {
    let pipelines = ["orders", "audit"].map(|name| PipelineName::new(name).unwrap());
    let limits = Limits {
        max_bytes: Some(1 << 20),
        ..Limits::default()
    };
    let mut tenant = TenantQueues::new(tenant.clone(), pipelines.into(), limits);
    tenant.parked_reader = Some(SecretText::new("päss: word"));
    for pipeline in &mut tenant.pipelines {
        pipeline.reader = Some(SecretText::new(format!("of {}", pipeline.name)));
    }
    tenant
}

fn adopting(tenant: &TenantId) -> TenantQueues {
    TenantQueues {
        adopt: true,
        ..whole(tenant)
    }
}

/// One pass, after which everything that did not fail has to be in effect.
async fn pass(stage: &impl Stage, topology: &Topology) -> Pass {
    let pass = reconcile_all(stage.broker(), topology).await.unwrap();
    assert!(matches!(pass.check, Check::InEffect), "{pass:?}");
    assert!(
        pass.failed.is_empty() && pass.skipped.is_empty(),
        "{pass:?}"
    );
    pass
}

/// Everything made, and at rest.
async fn made(stage: &impl Stage, topology: &Topology) {
    let first = pass(stage, topology).await;
    assert!(first.conflicts.is_empty(), "{first:?}");
    assert!(pass(stage, topology).await.is_at_rest());
}

async fn seen(stage: &impl Stage) -> Observed {
    let broker = stage.broker();
    broker.observe(Reading::QueuesAndLogins).await.unwrap()
}

/// A hand that did what an administrator may do.
async fn meddle(stage: &impl Stage, repairs: impl IntoIterator<Item = Repair>) {
    for repair in repairs {
        stage.broker().apply(&repair).await.unwrap();
    }
}

/// What is told of a pass, in words.
fn steps(pass: &Pass) -> Vec<String> {
    pass.repaired.iter().map(ToString::to_string).collect()
}

fn users(observed: &Observed) -> (&[ObservedUser], &[(String, Permission)]) {
    match &observed.logins {
        Logins::Read { users, permissions } => (users, permissions),
        other => panic!("{other:?}"),
    }
}

fn of<'a>(topology: &'a Topology, kind: &str) -> &'a super::Queue {
    let found = |q: &&super::Queue| q.name.to_string().ends_with(kind);
    topology.queues.iter().find(found).unwrap()
}
