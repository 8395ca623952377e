//! What a worker is given, within bounds, and written as the API server writes it: else each pass would find a difference.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use sendry_crds::pipeline::WorkerSpec;
use serde_json::{Value, json};

use crate::quantity;

const CPU: &str = "500m";
const MEMORY: &str = "256Mi";
/// In thousandths of a core.
const CPU_BOUNDS: std::ops::RangeInclusive<u64> = 50..=8_000;
/// In MiB.
const MEMORY_BOUNDS: std::ops::RangeInclusive<u64> = 128..=8_192;

/// What a container asks for and is held to.
pub(super) struct Resources {
    cpu: String,
    cpu_is_limit: bool,
    memory: String,
}

/// Reads them.
pub(super) fn read(spec: &WorkerSpec) -> Result<Resources, String> {
    let asked = spec.resources.clone().unwrap_or_default();
    let wrong = |what: &str, asked: &Quantity, bounds: &str| {
        format!(
            "worker.resources.{what} `{}` must be a quantity {bounds}",
            asked.0
        )
    };
    let cpu = match &asked.cpu {
        None => CPU.to_owned(),
        Some(cpu) => {
            let milli = quantity::thousandths(cpu).filter(|n| CPU_BOUNDS.contains(n));
            let milli = milli.ok_or_else(|| wrong("cpu", cpu, "from 50m to 8"))?;
            match milli % 1_000 {
                0 => (milli / 1_000).to_string(),
                _ => format!("{milli}m"),
            }
        }
    };
    let memory = match &asked.memory {
        None => MEMORY.to_owned(),
        Some(memory) => {
            let mib = quantity::bytes(memory).map(|bytes| bytes.div_ceil(1 << 20));
            let mib = mib.filter(|n| MEMORY_BOUNDS.contains(n));
            let mib = mib.ok_or_else(|| wrong("memory", memory, "from 128Mi to 8Gi"))?;
            match mib % 1_024 {
                0 => format!("{}Gi", mib / 1_024),
                _ => format!("{mib}Mi"),
            }
        }
    };
    Ok(Resources {
        cpu,
        cpu_is_limit: asked.cpu.is_some(),
        memory,
    })
}

impl Resources {
    /// As a container has them. Without a number of its own a worker may use what is idle.
    pub(super) fn value(&self) -> Value {
        let mut limits = json!({"memory": self.memory});
        if self.cpu_is_limit {
            limits["cpu"] = json!(self.cpu);
        }
        json!({"requests": {"cpu": self.cpu, "memory": self.memory}, "limits": limits})
    }
}

#[cfg(test)]
mod tests {
    use sendry_crds::pipeline::WorkerResources;

    use super::*;

    fn of(cpu: &str, memory: &str) -> Result<Value, String> {
        let quantity = |text: &str| (!text.is_empty()).then(|| Quantity(text.to_owned()));
        let spec = WorkerSpec {
            resources: Some(WorkerResources {
                cpu: quantity(cpu),
                memory: quantity(memory),
            }),
            ..WorkerSpec::default()
        };
        read(&spec).map(|resources| resources.value())
    }

    #[test]
    fn they_are_written_as_the_api_server_writes_them() {
        for (asked, written) in [
            ("0.5", "500m"),
            ("2", "2"),
            ("1500m", "1500m"),
            ("0.0501", "51m"),
            ("8000m", "8"),
        ] {
            assert_eq!(of(asked, "").unwrap()["limits"]["cpu"], written, "{asked}");
        }
        for (asked, written) in [
            ("1024Mi", "1Gi"),
            ("134217728", "128Mi"),
            ("1G", "954Mi"),
            ("1.5Gi", "1536Mi"),
            ("8Gi", "8Gi"),
        ] {
            assert_eq!(
                of("", asked).unwrap()["limits"]["memory"],
                written,
                "{asked}"
            );
        }
        let default =
            json!({"requests": {"cpu": "500m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}});
        assert_eq!(of("", "").unwrap(), default);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for (cpu, memory) in [
            ("49m", ""),
            ("8001m", ""),
            ("x", ""),
            ("", "127Mi"),
            ("", "8193Mi"),
            ("", "-1Gi"),
            ("1e30", ""),
        ] {
            let error = of(cpu, memory).unwrap_err();
            assert!(error.contains("must be a quantity"), "{error}");
        }
    }
}
