//! The definitions and policies against the real API server: what it accepts, what it refuses, and what it says then.

mod admission;
mod examples;
mod health;
mod kubectl;
mod limits;
mod manifests;
mod support;
