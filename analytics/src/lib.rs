//! The analytics API: every dashboard question, answered from buckets in milliseconds whatever the volume.
//!
//! `docs/API.md` is the contract. A request becomes a [`range::Range`] (pure), a plan of which buckets to read
//! ([`plan`], pure), one fold in the store, and a view ([`views`]). The API knows no database and no broker, only the
//! ports in [`Analytics`]; tenant scope is an argument of every query, and a tenant that is not there is 404.
//!
//! **Guarantee.** Percentiles come from merged histograms and are never averaged; what is unknown is `null`, never 0.

mod access;
mod app;
mod error;
mod heads;
mod openapi;
mod params;
mod queries;
mod routes;
mod telemetry;
mod tenants;

pub mod plan;
pub mod range;
pub mod run;
pub mod views;

pub use access::{Access, ApiToken};
pub use app::Analytics;
pub use openapi::openapi_json;
pub use routes::router;
pub use telemetry::RequestMetrics;
