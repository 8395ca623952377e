//! From a question to its answer, one file a question: plan, fold, shape.

pub(crate) mod dead_letters;
pub(crate) mod endpoints;
pub(crate) mod ledger;
pub(crate) mod read;
pub(crate) mod replay;
pub(crate) mod services;
pub(crate) mod status_codes;
pub(crate) mod summary;
pub(crate) mod timeseries;
pub(crate) mod waiting;
