//! What a pipeline asks for, in the decider's words. Pure.

use sendry_crds::pipeline::ScalingMode;
use sendry_domain::scaling::{Mode, Ramps, Spec, duration_ms};

use super::Followed;

/// Consumers in a worker that says nothing of them.
const CONCURRENCY: u32 = 4;

/// The spec of a pipeline. `suspend` wins over everything but a deletion: whose queue has to be drained, or stays, keeps a
/// worker. A duration that cannot be read, which the schema does not let in, is the default one.
#[must_use]
pub fn spec(followed: &Followed) -> Spec {
    let asked = &followed.pipeline.spec;
    let scaling = &asked.scaling;
    let default = Spec::default();
    let least = u32::from(followed.draining);
    Spec {
        mode: match scaling.mode {
            ScalingMode::Auto => Mode::Auto,
            ScalingMode::Fixed => Mode::Fixed,
            ScalingMode::External => Mode::External,
        },
        min: scaling.min.max(least),
        max: scaling.max,
        drain_time_target: duration_ms(&scaling.drain_time_target)
            .unwrap_or(default.drain_time_target),
        target_utilization_percent: scaling.target_utilization_percent,
        ramps: Ramps {
            up_percent: scaling.ramps.up_percent,
            down_percent: scaling.ramps.down_percent,
        },
        scale_to_zero_after: duration_ms(&scaling.scale_to_zero_after)
            .unwrap_or(default.scale_to_zero_after),
        replicas: asked.replicas.and_then(|n| u32::try_from(n).ok()),
        suspend: asked.suspend && !followed.draining,
        concurrency: asked.worker.concurrency.unwrap_or(CONCURRENCY),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::followed;
    use super::*;

    #[test]
    fn nothing_said_is_the_default() {
        // The schema puts one there, so that the `scale` subresource can be read.
        let expected = Spec {
            replicas: Some(1),
            ..Spec::default()
        };
        assert_eq!(spec(&followed("shop", "orders", json!({}))), expected);
    }

    #[test]
    fn everything_said_is_heard() {
        let said = json!({
            "replicas": 7,
            "suspend": true,
            "worker": {"concurrency": 2},
            "scaling": {
                "mode": "External", "min": 2, "max": 9, "drainTimeTarget": "1m30s",
                "targetUtilizationPercent": 60, "scaleToZeroAfter": "1h",
                "ramps": {"upPercent": 50, "downPercent": 10},
            },
        });
        let expected = Spec {
            mode: Mode::External,
            min: 2,
            max: 9,
            drain_time_target: 90_000,
            target_utilization_percent: 60,
            ramps: Ramps {
                up_percent: 50,
                down_percent: 10,
            },
            scale_to_zero_after: 3_600_000,
            replicas: Some(7),
            suspend: true,
            concurrency: 2,
        };
        assert_eq!(spec(&followed("shop", "orders", said)), expected);
    }

    #[test]
    fn who_drains_keeps_a_worker_suspended_or_not() {
        let said = json!({"suspend": true, "scaling": {"min": 0}});
        let mut draining = followed("shop", "orders", said);
        assert!(spec(&draining).suspend);
        draining.draining = true;
        let spec = spec(&draining);
        assert!(!spec.suspend);
        assert_eq!(spec.min, 1);
    }
}
