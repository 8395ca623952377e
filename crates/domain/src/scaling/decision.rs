//! What was decided, and why, in words that do not change.

use std::fmt;

/// How many workers, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Workers there should be.
    pub workers: u32,
    /// Why so many.
    pub reason: Reason,
    /// What keeps it from being what the load asks for.
    pub limited_by: Option<Limit>,
    /// What the tenant's other pipelines may not push it below: its minimum, one where it wants any, or all of it where it
    /// is held.
    pub floor: u32,
    /// What it went by.
    pub estimates: Estimates,
}

impl Decision {
    /// The same within what [`share`](super::share) gave this pipeline. At once, whatever the ramps say: the tenant's
    /// limit is a promise to the others.
    #[must_use]
    pub fn capped(self, share: u32) -> Self {
        if share >= self.workers {
            return self;
        }
        Self {
            workers: share,
            limited_by: Some(Limit::TenantCap),
            ..self
        }
    }
}

/// Why so many workers. The words stand in conditions, Events and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The pipeline is suspended: none.
    Suspended,
    /// Mode `Fixed`.
    Fixed,
    /// Mode `External`.
    External,
    /// The queue could not be asked: as many as there are.
    QueueUnknown,
    /// The workers' beats could not be read: as many as there are.
    WorkersUnknown,
    /// Fewer would do by what workers say, but not all consumers of the queue have been heard: as many as there are.
    WorkersUnheard,
    /// The queue says it is empty, and nothing bears it out yet: as many as there are.
    EmptyUnproven,
    /// Nothing has been known for [`FALLBACK_AFTER`](super::FALLBACK_AFTER): one, where there was none.
    Fallback,
    /// Nothing waits and nothing comes: none.
    Idle,
    /// Something waits and nobody works.
    Waking,
    /// What a worker does has not been measured: as many as there are, and at least one.
    Learning,
    /// Something waits, and the workers there are do not get on: as many as there are.
    WorkersStalled,
    /// Workers that were added did not make the whole faster: as many as there are.
    SinkBound,
    /// More, mostly because of what waits.
    Backlog,
    /// More, mostly because of what comes.
    Arrival,
    /// As many as there are, which is right.
    Steady,
    /// As many as there are, though fewer would do: they did not for all of the last 300 s, or the observer has not been
    /// looking for so long.
    Cooling,
    /// Fewer.
    LessLoad,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Suspended,
        Self::Fixed,
        Self::External,
        Self::QueueUnknown,
        Self::WorkersUnknown,
        Self::WorkersUnheard,
        Self::EmptyUnproven,
        Self::Fallback,
        Self::Idle,
        Self::Waking,
        Self::Learning,
        Self::WorkersStalled,
        Self::SinkBound,
        Self::Backlog,
        Self::Arrival,
        Self::Steady,
        Self::Cooling,
        Self::LessLoad,
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "Suspended",
            Self::Fixed => "Fixed",
            Self::External => "External",
            Self::QueueUnknown => "QueueUnknown",
            Self::WorkersUnknown => "WorkersUnknown",
            Self::WorkersUnheard => "WorkersUnheard",
            Self::EmptyUnproven => "EmptyUnproven",
            Self::Fallback => "Fallback",
            Self::Idle => "Idle",
            Self::Waking => "Waking",
            Self::Learning => "Learning",
            Self::WorkersStalled => "WorkersStalled",
            Self::SinkBound => "SinkBound",
            Self::Backlog => "Backlog",
            Self::Arrival => "Arrival",
            Self::Steady => "Steady",
            Self::Cooling => "Cooling",
            Self::LessLoad => "LessLoad",
        }
    }

    /// Whether the queue and its workers were seen well enough to decide by (condition `MetricsAvailable`).
    #[must_use]
    pub fn is_known(self) -> bool {
        !matches!(
            self,
            Self::QueueUnknown | Self::WorkersUnknown | Self::Fallback
        )
    }

    /// The number is kept because something is not known or does not get on.
    pub(super) fn holds(self) -> bool {
        matches!(
            self,
            Self::QueueUnknown
                | Self::WorkersUnknown
                | Self::WorkersUnheard
                | Self::EmptyUnproven
                | Self::Fallback
                | Self::WorkersStalled
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What keeps the number from being what the load asks for. The words stand in the condition `ScalingLimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// `max`.
    Max,
    /// The tenant's `maxWorkers`.
    TenantCap,
    /// `ramps.upPercent`: more will follow.
    RampUp,
    /// `ramps.downPercent`: more will leave.
    RampDown,
    /// There are no more messages to share out.
    Messages,
}

impl Limit {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Max => "MaxWorkers",
            Self::TenantCap => "TenantCap",
            Self::RampUp => "RampUp",
            Self::RampDown => "RampDown",
            Self::Messages => "Messages",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a decision went by, for people. `None` is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimates {
    /// Events that wait.
    pub backlog: Option<u64>,
    /// Events a second that come.
    pub arrival_per_second: Option<u64>,
    /// Events a second that one worker was measured to do; at least 1. What a later [`History`](super::History) begins
    /// with.
    pub per_worker_per_second: Option<u64>,
    /// How long what waits will take the workers that run.
    pub drain: DrainTime,
}

/// How long what waits takes at the measured rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainTime {
    /// Nothing waits.
    Empty,
    /// So many seconds, rounded up.
    Seconds(u64),
    /// At least as much comes as goes.
    Never,
    /// Not known.
    Unknown,
}

impl DrainTime {
    /// `0s`, `42s` or `never`; `None` when unknown.
    #[must_use]
    pub fn to_word(self) -> Option<String> {
        match self {
            Self::Empty => Some("0s".to_owned()),
            Self::Seconds(seconds) => Some(format!("{seconds}s")),
            Self::Never => Some("never".to_owned()),
            Self::Unknown => None,
        }
    }
}
