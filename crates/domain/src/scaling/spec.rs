//! What is asked for: a pipeline's `spec.scaling` and what else of its spec has a say.

/// Who says how many workers there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// [`decide`](super::decide), by the load.
    #[default]
    Auto,
    /// Nobody: always [`Spec::min`].
    Fixed,
    /// Somebody else, through [`Spec::replicas`], within min and max.
    External,
}

/// How fast workers are added and taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramps {
    /// Most workers added in 15 s, in percent of those there are; at least 4 are.
    pub up_percent: u32,
    /// Most workers taken away in 60 s, in percent of those there are; at least one is.
    pub down_percent: u32,
}

impl Default for Ramps {
    fn default() -> Self {
        Self {
            up_percent: 100,
            down_percent: 25,
        }
    }
}

/// What a pipeline asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Who decides.
    pub mode: Mode,
    /// The fewest workers; 0 allows none when nothing comes.
    pub min: u32,
    /// The most workers; taken for `min` where it is below it, and for 1 where it is 0.
    pub max: u32,
    /// How soon a backlog should be gone, in milliseconds; taken for 1 s where it is less.
    pub drain_time_target: u64,
    /// How busy workers should be when nothing waits, in percent of what they were measured to do.
    pub target_utilization_percent: u32,
    /// How fast workers come and go.
    pub ramps: Ramps,
    /// With `min` 0: how long nothing must have come before nobody is left, in milliseconds.
    pub scale_to_zero_after: u64,
    /// What another autoscaler asks for, in mode [`Mode::External`].
    pub replicas: Option<u32>,
    /// Nobody works, in every mode.
    pub suspend: bool,
    /// Consumers in each worker.
    pub concurrency: u32,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            mode: Mode::Auto,
            min: 1,
            max: 10,
            drain_time_target: 60_000,
            target_utilization_percent: 80,
            ramps: Ramps::default(),
            scale_to_zero_after: 300_000,
            replicas: None,
            suspend: false,
            concurrency: 4,
        }
    }
}

impl Spec {
    /// The fewest workers.
    pub(super) fn least(&self) -> u32 {
        self.min
    }

    /// The most workers.
    pub(super) fn most(&self) -> u32 {
        self.max.max(self.min).max(1)
    }

    /// T, in seconds.
    pub(super) fn drain_seconds(&self) -> f64 {
        self.drain_time_target.max(1_000) as f64 / 1e3
    }

    /// ρ.
    pub(super) fn utilization(&self) -> f64 {
        f64::from(self.target_utilization_percent.clamp(1, 100)) / 100.0
    }
}

/// The milliseconds of a duration as manifests have it: `90s`, `5m`, `1h30m`; whole hours, minutes and seconds, each at
/// most once and in this order. `None` for anything else.
#[must_use]
pub fn duration_ms(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text, 0_u64);
    for (unit, seconds) in [('h', 3_600), ('m', 60), ('s', 1)] {
        let Some((number, after)) = rest.split_once(unit) else {
            continue;
        };
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let part = number.parse::<u64>().ok()?.checked_mul(seconds)?;
        total = total.checked_add(part)?;
        rest = after;
    }
    (rest.is_empty() && !text.is_empty())
        .then_some(total)?
        .checked_mul(1_000)
}
