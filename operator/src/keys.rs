//! API keys: how one comes, changes and goes, whatever is interrupted.
//!
//! **Guarantee.** At every instant ingest accepts what a Secret shows: the value of `api-key`, and of `previous-api-key`
//! until its `previous-not-after`, unless the spec itself revoked it or its time is over. One trigger is one new key, also
//! over crashes. A key's text stands in its Secret and nowhere else: not in the store, a log, an Event or a status.
//!
//! The order that makes it so (each line is one write, and may be the last one before a crash):
//!
//! 1. the Secret gets `next-api-key`;
//! 2. the store gets its verifier, unpublished;
//! 3. the verifier becomes published: from here somebody may have seen the key;
//! 4. one update of the Secret makes it `api-key`, the old one `previous-api-key`, and notes trigger and times;
//! 5. the old verifier gets its `not_after`;
//! 6. when that is over, `previous-api-key` leaves the Secret.
//!
//! A pass looks, takes the one step that [`plan::plan`] names, and looks again, until there is nothing left to do. So there
//! is no state beside what is observed. Secrets are created, or updated with their resourceVersion, never applied: of two
//! operators one is told of a conflict. What others put into a Secret stays.
//!
//! | module | question |
//! |---|---|
//! | [`entry`] | what does `spec.apiKeys[]` ask for? |
//! | [`secret`] | what stands in a Secret, and how is it changed? |
//! | [`plan`] | which step is next? (pure) |
//! | [`report`] | what is said of an entry? (pure) |
//! | [`pass`] | who takes the steps? |

use std::sync::Arc;

use kube::Client;
use sendry_domain::id::TenantId;
use sendry_runtime::clock::Clock;
use sendry_store::{OperatorStore, Stamp};

use crate::context::{Context, Entropy};

pub mod entry;
pub mod pass;
pub mod plan;
pub mod report;
pub mod secret;

pub use entry::{InvalidEntry, KeyEntry, Source, validate};
pub use pass::{reconcile, revoke_gone};
pub use report::{EntryReport, Told, transition};

/// Whose keys they are.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantId,
    /// The namespace of its Secrets.
    pub namespace: String,
    /// What its writes to the store carry.
    pub stamp: Stamp,
}

/// What keys need of the outside.
#[derive(Clone)]
pub struct Ports {
    /// Where Secrets are.
    pub client: Client,
    /// Where verifiers are.
    pub store: Arc<dyn OperatorStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What keys are made of.
    pub entropy: Arc<dyn Entropy>,
}

impl From<&Context> for Ports {
    fn from(context: &Context) -> Self {
        Self {
            client: context.client.clone(),
            store: Arc::clone(&context.store),
            clock: Arc::clone(&context.clock),
            entropy: Arc::clone(&context.entropy),
        }
    }
}
