//! Where counts, raw events and settings are kept: the ports [`MetricStore`], [`RawEventStore`] and [`ControlStore`]
//! (with what an operator writes, [`OperatorStore`]), their adapters, and one contract suite a port for all of them.
//!
//! No adapter reads a clock: every time is a parameter, so both databases and every test agree on it.

pub mod port;

pub mod adapters;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use port::{
    control::{
        ControlSnapshot, ControlStore, KeyRecord, ManagedKey, NotErasable, PipelineRecord,
        TenantRecord,
    },
    eraser::{ControlEraser, Erased, Footprint, MetricEraser, RawEventEraser},
    error::StoreError,
    metrics::{
        Counted, DeadLetterPage, DeadLetterQuery, LedgerView, MetricStore, ReplayError, Replayed,
    },
    operator::{
        KeyWritten, ManagedPipeline, OperatorStore, QueueStage, Stamp, Superseder, Written,
    },
    raw::{RawEvent, RawEventStore, RawQuery},
};
