//! The workers of a pipeline, as objects in the operator's own namespace: a Secret with the broker's user, a ConfigMap, a
//! Deployment and a PodDisruptionBudget, all of one name.
//!
//! **Guarantee.** Nothing of a resource gets into a pod but its checked names and numbers: the image, the credentials and
//! the pod's shape are the operator's own settings. A pass at rest writes nothing. A Deployment begins with no
//! replicas, and how many there are is never written here: the autoscaler owns it, and it alone knows what the tenant's
//! limit leaves. An object of that name that is not ours,
//! or another pipeline's, is never touched; and nothing is deleted that was not looked at, with its uid, the moment before.
//!
//! | module | question |
//! |---|---|
//! | [`settings`], [`template`] | what does the operator itself say of workers? |
//! | [`build`] | what should stand, as values? |
//! | [`apply`], [`secret`] | how is it made so, and taken away? |
//! | [`watch`], [`availability`] | what stands, and why are there fewer than there should be? |

pub mod apply;
pub mod availability;
pub mod build;
mod differ;
mod ours;
pub mod secret;
pub mod settings;
pub mod template;
pub mod watch;

use sendry_crds::pipeline::WorkerSpec;
use sendry_domain::id::{PipelineName, TenantId};

pub use apply::{ensure, keep_up, remove};
pub use availability::Availability;
pub use build::{check, name};
pub use secret::{reader, readers};
pub use settings::WorkerSettings;
pub use watch::{Look, WorkersWatch};

/// What a pipeline's workers should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Whose.
    pub tenant: TenantId,
    /// The pipeline they drain.
    pub pipeline: PipelineName,
    /// What its resource says of them; see [`check`].
    pub spec: WorkerSpec,
}
