//! Test-only, and empty: what spans several services is tested in `tests/`.
//!
//! | folder | question |
//! |---|---|
//! | `tests/mutants` | would the oracle notice, if the path from client to stores were built wrongly? |
//! | `tests/operator` | does `kubectl apply` lead to a key that gets its 202, and can nothing done by kubectl lose anything? |
//! | `tests/chart` | does Helm render what the API server takes, and does every pod start with settings that its program has? |
//! | `pods` | does all of it work where pods really run, and is nothing lost while they come and go? |
//!
//! `src/bin` has the programs that they start, as they are shipped.
