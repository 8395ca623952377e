//! What a manifest asks for. The names are those of the custom resource; its types stay with the operator, since nobody
//! else knows Kubernetes.

use anyhow::{Context, bail, ensure};
use sendry_domain::scaling::{Mode, Ramps, Spec, duration_ms};
use serde::Deserialize;
use serde_json::Value;

/// `spec` of a `SendryPipeline`, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PipelineSpec {
    scaling: ScalingSpec,
    worker: WorkerSpec,
    replicas: Option<u32>,
    suspend: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WorkerSpec {
    concurrency: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct ScalingSpec {
    mode: ModeName,
    min: u32,
    max: u32,
    drain_time_target: String,
    target_utilization_percent: u32,
    ramps: RampsSpec,
    scale_to_zero_after: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RampsSpec {
    up_percent: u32,
    down_percent: u32,
}

#[derive(Debug, Default, Deserialize)]
enum ModeName {
    #[default]
    Auto,
    Fixed,
    External,
}

impl Default for ScalingSpec {
    fn default() -> Self {
        let spec = Spec::default();
        Self {
            mode: ModeName::default(),
            min: spec.min,
            max: spec.max,
            drain_time_target: "60s".to_owned(),
            target_utilization_percent: spec.target_utilization_percent,
            ramps: RampsSpec::default(),
            scale_to_zero_after: "300s".to_owned(),
        }
    }
}

impl Default for RampsSpec {
    fn default() -> Self {
        let Ramps {
            up_percent,
            down_percent,
        } = Ramps::default();
        Self {
            up_percent,
            down_percent,
        }
    }
}

/// Reads a `SendryPipeline` (alone or among other documents), its spec, or its `spec.scaling`.
///
/// # Errors
/// When it is none of these, or a value is out of its range.
pub(super) fn parse(text: &str) -> anyhow::Result<Spec> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).context("this is not YAML")?;
    let mut pipelines = documents
        .iter()
        .filter(|document| document["kind"] == "SendryPipeline");
    let pipeline = pipelines.next();
    ensure!(
        pipelines.next().is_none(),
        "there is more than one SendryPipeline in it: keep one"
    );
    let spec = match (pipeline, &documents[..]) {
        (Some(pipeline), _) => from_spec(&pipeline["spec"])?,
        (None, [one]) if one.get("kind").is_some() => {
            bail!("this is a {}, not a SendryPipeline", one["kind"])
        }
        (None, [one]) if one.get("scaling").is_some() => from_spec(one)?,
        (None, [one]) => PipelineSpec {
            scaling: from_value(one)?,
            ..PipelineSpec::default()
        },
        (None, _) => bail!(
            "there is no SendryPipeline among its {} documents",
            documents.len()
        ),
    };
    checked(spec)
}

fn from_spec(spec: &Value) -> anyhow::Result<PipelineSpec> {
    if spec.is_null() {
        return Ok(PipelineSpec::default());
    }
    from_value(spec)
}

fn from_value<T: for<'de> Deserialize<'de>>(value: &Value) -> anyhow::Result<T> {
    T::deserialize(value).context("a field is not what it should be")
}

/// Within the ranges of the custom resource.
fn checked(spec: PipelineSpec) -> anyhow::Result<Spec> {
    let PipelineSpec {
        scaling,
        worker,
        replicas,
        suspend,
    } = spec;
    ensure!(
        (1..=1_000).contains(&scaling.max) && scaling.min <= scaling.max,
        "scaling: min cannot be above max, and max is from 1 to 1000"
    );
    ensure!(
        (10..=100).contains(&scaling.target_utilization_percent),
        "scaling.targetUtilizationPercent is from 10 to 100"
    );
    let ramps = Ramps {
        up_percent: scaling.ramps.up_percent,
        down_percent: scaling.ramps.down_percent,
    };
    ensure!(
        (1..=1_000).contains(&ramps.up_percent) && (1..=100).contains(&ramps.down_percent),
        "scaling.ramps: upPercent is from 1 to 1000, downPercent from 1 to 100"
    );
    let duration = |name: &str, text: &str, least: u64| {
        duration_ms(text)
            .filter(|ms| (least * 1_000..=86_400_000).contains(ms))
            .with_context(|| format!("scaling.{name} is a duration from {least}s to 24h"))
    };
    Ok(Spec {
        mode: match scaling.mode {
            ModeName::Auto => Mode::Auto,
            ModeName::Fixed => Mode::Fixed,
            ModeName::External => Mode::External,
        },
        min: scaling.min,
        max: scaling.max,
        drain_time_target: duration("drainTimeTarget", &scaling.drain_time_target, 5)?,
        target_utilization_percent: scaling.target_utilization_percent,
        ramps,
        scale_to_zero_after: duration("scaleToZeroAfter", &scaling.scale_to_zero_after, 30)?,
        replicas,
        suspend,
        concurrency: worker.concurrency.unwrap_or(Spec::default().concurrency),
    })
}
