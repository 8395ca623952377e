//! The custom resources of Sendry, `sendry.io/v1alpha1`, as Rust types; their YAML lies beside them and is generated.
//!
//! Doc comments of the types are what `kubectl explain` shows, so they are written for whoever writes a manifest: what a
//! field does, its unit, its limits, its default. What a schema can refuse it refuses (CEL, no webhook: nothing that has
//! to run for an object to be applied); what only the whole picture can tell becomes a condition of the object.
//!
//! | module | what |
//! |---|---|
//! | [`tenant`] | `SendryTenant`: who may send, with which keys, how much, for how long it is kept |
//! | [`pipeline`] | `SendryPipeline`: which of a tenant's events go to which workers |
//! | [`condition`] | what both say of themselves |
//! | [`names`] | labels, annotations and other names that stand in manifests |
//! | [`definitions()`], [`documents()`] | the definitions as an API server is given them; the files made from them |
//! | [`admission`] | what the API server refuses by itself: deletion of what is protected, an operator gone astray |

pub mod admission;
pub mod condition;
mod definitions;
mod documents;
pub mod names;
pub mod pipeline;
mod reference;
pub mod tenant;

pub use definitions::definitions;
pub use documents::{Document, DocumentError, documents, yaml};
pub use pipeline::{SendryPipeline, SendryPipelineSpec, SendryPipelineStatus};
pub use tenant::{SendryTenant, SendryTenantSpec, SendryTenantStatus};
