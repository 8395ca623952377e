//! What should stand on a RabbitMQ for these tenants and pipelines, as a value; what is missing, as another; and the port
//! through which a broker is brought to it.
//!
//! ```text
//! sendry.events ── <tenant>.<pipeline> ─▶ sendry.<tenant>.<pipeline> ─ past its delivery limit ─▶ sendry.parked
//!       └─ what has no queue ─▶ sendry.unrouted ── <tenant>.# ─▶ sendry.<tenant>.parked ◀── <tenant>.# ──┘
//! ```
//!
//! | module | question |
//! |---|---|
//! | [`desired`] | what should stand there? |
//! | [`diff`] | what has to be done, and what can only a person settle? |
//! | [`TopologyBroker`], [`reconcile_all`] | how is it done, for all tenants in one pass? |
//! | [`removal`], [`removal_of_queue`] | what of a tenant is erased, when a person says so; what of a drained pipeline? |
//!
//! **Guarantees.** Nothing that is not ours is touched, and [`diff`] erases nothing: its only deletions are a surplus
//! binding between what is ours and, where a tenant says `adopt`, the policy by which another owner marked its queue. No
//! repair loses a message, each may be done twice, and a pass that failed half way is finished by the next. At rest a
//! pass is one bulk read, whatever the number of tenants, and no write.
//!
//! **Arguments or policy.** What never changes stands in a queue's arguments, what may change in a policy, which is set
//! before the queue is declared, so that no message ever meets a queue without its limits. Where nobody may write
//! policies (no management API), [`Queue::arguments_alone`] has the limits as arguments too; a broker takes the smaller
//! of the two, so an operator may take such a queue over later. [`diff`] accepts both.
//!
//! **Whose it is.** The name of a queue's policy, `<owner>/<queue>`, and a tag of a user, `sendry-owner-<owner>`. A queue
//! that nobody marks is taken over; one that another owner marks, and a user of our name without our tag, is a
//! [`Conflict`] unless `adopt` is said. Users belong to a broker, not to a virtual host, so two owners on one broker need
//! different tenants.
//!
//! **Users** read one queue each, and nothing else: consuming, acking, asking for the depth and dead-lettering need no
//! other permission, because the broker dead-letters by itself. Passwords are sent and compared as salted hashes.
//!
//! Dead-lettering is at-least-once only with `reject-publish`, so that stands among the limits of every pipeline's queue,
//! whatever its length limits are: nothing leaves a queue but by an ack or to the parked queue.

mod broker;
mod desired;
mod diff;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod name;
mod object;
mod pass;
mod removal;
mod repair;
mod secret;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
mod tests;

pub use self::{
    broker::{Category, Reading, TopologyBroker, TopologyError},
    desired::{Limits, PipelineQueue, TenantQueues, Topology, desired, owner_tag},
    diff::{Plan, diff},
    name::{queue_named, read_by, reader_of},
    object::{
        Arguments, Binding, Exchange, Logins, Observed, ObservedQueue, ObservedUser, Permission,
        Policy, Queue, User,
    },
    pass::{Check, Failure, Pass, TenantPass, reconcile_all},
    removal::{Removal, Removals, removal, removal_of_queue},
    repair::{Conflict, Repair, Verb},
    secret::{HASHING, SecretText},
};

/// Where the broker sends what [`EXCHANGE`](sendry_domain::routing::EXCHANGE) has no queue for.
pub const UNROUTED: &str = "sendry.unrouted";

/// Where the broker sends what exceeded its delivery limit.
pub const PARKED: &str = "sendry.parked";

/// Deliveries of a parked message before the broker would drop it: in practice never. Said aloud, because RabbitMQ 4
/// has a limit of 20 where none is set.
pub const PARKED_DELIVERY_LIMIT: u32 = 1_000_000;

/// The smallest delivery limit a pipeline may ask for. The crash of a worker counts for all it held, so a smaller limit
/// would park the neighbours of the message that is to blame.
pub const MIN_DELIVERY_LIMIT: u32 = 20;
