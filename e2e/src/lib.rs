//! Test-only, and empty: what spans several services is tested in `tests/`.
//!
//! | folder | question |
//! |---|---|
//! | `tests/mutants` | would the oracle notice, if the path from client to stores were built wrongly? |
