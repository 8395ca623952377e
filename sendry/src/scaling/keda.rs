//! KEDA and the HorizontalPodAutoscaler behind it, as their sources have it; no code of theirs.
//!
//! - KEDA 2.20 `pkg/scalers/rabbitmq_scaler.go` (`GetMetricsAndActivity`) and
//!   `pkg/scaling/executor/scale_scaledobjects.go`: it polls every 30 s, takes 0 to 1 (or `minReplicaCount`) when a trigger
//!   is active, and to 0 when none has been for 300 s. Statistics that are absent are 0 there.
//! - Kubernetes `pkg/controller/podautoscaler`: every 15 s, tolerance 10 %, at most doubled or 4 more in 15 s, and not
//!   below the most of the last 300 s; of several metrics the one that asks for most. It does nothing at 0.

use std::collections::VecDeque;

use super::plant::Statistics;

const SYNC: u32 = 15;
const POLL: u32 = 30;
const COOLDOWN: u32 = 300;
const STABILIZATION: u32 = 300;
const TOLERANCE: f64 = 0.1;

/// One trigger of a `ScaledObject`, with its target.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trigger {
    /// `QueueLength`: messages each pod.
    Length(f64),
    /// `MessageRate`: messages published a second, each pod.
    Rate(f64),
    /// `ExpectedQueueConsumptionTime` with `metricType: Value`: seconds.
    Time(f64),
}

/// `activationValue`, at its default.
const ACTIVATION: f64 = 0.0;

impl Trigger {
    /// The metric, and whether the trigger is active.
    pub fn metric(self, seen: Statistics, activation: f64) -> (f64, bool) {
        match self {
            Self::Length(_) => (seen.messages, seen.messages > activation),
            Self::Rate(_) => (
                seen.published,
                seen.published > activation || seen.messages > activation,
            ),
            Self::Time(_) => {
                let time = if seen.messages == 0.0 {
                    0.0
                } else if seen.delivered == 0.0 {
                    activation
                } else {
                    (seen.published - seen.delivered) / seen.delivered
                        + seen.messages / seen.delivered
                };
                let unattended = seen.delivered == 0.0 && seen.messages > 0.0;
                (time, time > activation || unattended)
            }
        }
    }

    /// Replicas that the HPA would have for it.
    fn replicas(self, metric: f64, current: u32, ready: u32) -> u32 {
        let now = f64::from(current);
        match self {
            // AverageValue: over all replicas there are.
            Self::Length(target) | Self::Rate(target) => {
                let ratio = metric / (target * now);
                if (ratio - 1.0).abs() <= TOLERANCE {
                    return current;
                }
                (metric / target).ceil() as u32
            }
            // Value: in proportion, over those that are ready.
            Self::Time(target) => {
                let ratio = metric / target;
                if (ratio - 1.0).abs() <= TOLERANCE {
                    return current;
                }
                (ratio * f64::from(ready)).ceil() as u32
            }
        }
    }
}

pub(super) struct Keda {
    triggers: Vec<Trigger>,
    poll: u32,
    min: u32,
    max: u32,
    active_at: u32,
    wanted: VecDeque<(u32, u32)>,
    raised: VecDeque<(u32, u32)>,
}

impl Keda {
    pub fn new(triggers: Vec<Trigger>, min: u32, max: u32) -> Self {
        // Its documentation asks for `pollingInterval: 1` with this trigger.
        let time = triggers.iter().any(|t| matches!(t, Trigger::Time(_)));
        Self {
            triggers,
            poll: if time { 1 } else { POLL },
            min,
            max,
            active_at: 0,
            wanted: VecDeque::new(),
            raised: VecDeque::new(),
        }
    }

    /// A second has passed; replicas from now on.
    pub fn step(
        &mut self,
        at: u32,
        current: u32,
        ready: u32,
        seen: impl Fn() -> Option<Statistics>,
    ) -> u32 {
        let mut replicas = current;
        if at.is_multiple_of(self.poll)
            && let Some(seen) = seen()
        {
            replicas = self.operator(at, replicas, seen);
        }
        if at.is_multiple_of(SYNC)
            && replicas > 0
            && let Some(seen) = seen()
        {
            replicas = self.hpa(at, replicas, ready, seen);
        }
        replicas
    }

    /// KEDA itself: between 0 and 1.
    fn operator(&mut self, at: u32, current: u32, seen: Statistics) -> u32 {
        let active = |trigger: &Trigger| trigger.metric(seen, ACTIVATION).1;
        if self.triggers.iter().any(active) {
            self.active_at = at;
            if current == 0 {
                self.min.max(1)
            } else {
                current
            }
        } else if self.min == 0 && current > 0 && at - self.active_at > COOLDOWN {
            0
        } else {
            current
        }
    }

    /// The HPA: between 1 and n.
    fn hpa(&mut self, at: u32, current: u32, ready: u32, seen: Statistics) -> u32 {
        let want = |trigger: &Trigger| {
            let (metric, _) = trigger.metric(seen, ACTIVATION);
            trigger.replicas(metric, current, ready)
        };
        let want = self.triggers.iter().map(want).max().unwrap_or(current);
        let want = want.clamp(self.min.max(1), self.max.max(1));
        self.wanted.push_back((at, want));
        self.wanted.retain(|(then, _)| at - then < STABILIZATION);
        self.raised.retain(|(then, _)| at - then < SYNC);
        if want <= current {
            let most = self.wanted.iter().map(|(_, want)| *want).max();
            return most.unwrap_or(want).min(current);
        }
        let added: u32 = self.raised.iter().map(|(_, by)| by).sum();
        let start = current.saturating_sub(added);
        let replicas = want.min((start + 4).max(start * 2)).max(current);
        self.raised.push_back((at, replicas - current));
        replicas
    }
}
