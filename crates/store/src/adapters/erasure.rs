//! What there is to erase of a tenant, and in which order. One list for every database; how rows are dropped is theirs.

use sendry_domain::{
    counting::Known,
    id::{MessageId, TenantId},
};

use crate::TenantRecord;

/// The tables of counts, each as `$each!(what its rows are called, table, its key)`; the column of all of them is `tenant`.
/// Marks go first, so that nothing is derived from what is half gone; names go after the buckets that stand under them.
macro_rules! counts {
    ($each:ident) => {
        [
            $each!("marks of derived levels", "dirty", "tenant, level, start"),
            $each!("buckets", "bucket", "tenant, level, kind, start, series"),
            $each!("series", "series", "no"),
            $each!("messages in the ledger", "ledger_message", "id"),
            $each!("batches in the ledger", "ledger_source", "tenant, source"),
            $each!("event ids in the ledger", "ledger_event", "key"),
            $each!(
                "refused documents",
                "raw_refused",
                "tenant, message, position"
            ),
            $each!("dead letters", "dead_letter", "tenant, message, position"),
            $each!("tallies", "tally", "tenant, shard"),
        ]
    };
}
pub(super) use counts;

/// The tables of settings, each as `$each!(what its rows are called, table, the column of the tenant)`.
macro_rules! settings {
    ($each:ident) => {
        [
            $each!("API keys", "api_key", "tenant"),
            $each!("pipelines", "pipeline", "tenant"),
            $each!("operator's stamps of pipelines", "pipeline_stamp", "tenant"),
            $each!("operator's stamps", "tenant_stamp", "tenant"),
            $each!("settings", "tenant_setting", "id"),
        ]
    };
}
pub(super) use settings;

/// What raw events are called.
pub const RAW: &str = "raw events";

/// Whether the tenant may be erased. One that is not there left rows behind at most.
pub fn allowed(tenant: Option<&TenantRecord>) -> bool {
    tenant.is_none_or(|tenant| tenant.may_be_erased().is_ok())
}

/// Whether the message went with its tenant's erasure, as its id says: a message that nobody could read has no other moment
/// of acceptance.
pub fn is_erased(known: &Known, tenant: &TenantId, message: MessageId) -> bool {
    let sealed = message.sealed_at();
    sealed.is_some_and(|sealed| known.is_erased(tenant, sealed))
}
