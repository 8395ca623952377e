use sendry_domain::ledger::Tally;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of every event received: `received = counted + duplicates + conflicts + open + discarded`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Events taken from the queue.
    pub received: i64,
    /// Counted into buckets.
    pub counted: i64,
    /// Seen before with the same content.
    pub duplicates: i64,
    /// Seen before with other content.
    pub conflicts: i64,
    /// Those that could not be counted.
    pub dead_letters: DeadLetterCounts,
    /// Counted, but the raw store refused to keep them.
    pub raw_refused: i64,
    /// Received less everything accounted for: must be 0.
    pub residual: i64,
    /// Whether it is.
    pub closes: bool,
    /// What waits in the pipelines' queues; `null` when one of them cannot be asked.
    #[schema(required)]
    pub queue: Option<QueueDepth>,
    /// What waits in the queue of last resort; `null` when it cannot be asked.
    #[schema(required)]
    pub parked: Option<ParkedDepth>,
}

/// Dead letters by what became of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterCounts {
    /// Waiting for a person.
    pub open: i64,
    /// Given up, with a reason.
    pub discarded: i64,
    /// Counted after all.
    pub replayed: i64,
}

/// What waits in the queues of all pipelines. In messages, which hold one or more events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueDepth {
    /// Messages not delivered yet.
    pub ready: u64,
    /// Messages with a worker; `null` when not known.
    #[schema(required)]
    pub unacknowledged: Option<u64>,
    /// Age of the oldest message in milliseconds; `null` when there is none, or when it is not known.
    #[schema(required)]
    pub oldest_age_ms: Option<i64>,
}

/// What waits in the queue of last resort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParkedDepth {
    /// Messages not delivered yet.
    pub ready: u64,
}

impl Ledger {
    /// The account, beside what still waits.
    #[must_use]
    pub fn of(tally: &Tally, queue: Option<QueueDepth>, parked: Option<ParkedDepth>) -> Self {
        let residual = tally.residual();
        Self {
            received: tally.received,
            counted: tally.counted,
            duplicates: tally.duplicates,
            conflicts: tally.conflicts,
            dead_letters: DeadLetterCounts {
                open: tally.dead_open,
                discarded: tally.discarded,
                replayed: tally.replayed,
            },
            raw_refused: tally.raw_refused,
            residual,
            closes: residual == 0,
            queue,
            parked,
        }
    }
}
