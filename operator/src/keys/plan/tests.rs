//! Steps over a simulated world: a few Secrets, the verifiers of a store, and a clock.

mod generated;
mod hands;
mod model;
mod reference;
mod world;
