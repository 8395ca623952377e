//! What the process uses, from `/proc/self`.
//!
//! Read at each scrape, three small files; a value that cannot be read is left out, for a scrape
//! must not fail over a number nobody needs to run the service.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Clock ticks a second in `/proc/self/stat`: fixed at 100 in Linux's user-space interface.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        if let Some(seconds) = read("/proc/self/stat").and_then(|text| cpu_seconds(&text)) {
            let metric = ConstCounter::new(seconds);
            let help = "Processor time used, user and system";
            let kind = metric.metric_type();
            let unit = Some(&Unit::Seconds);
            metric.encode(encoder.encode_descriptor("process_cpu", help, unit, kind)?)?;
        }
        if let Some(bytes) = read("/proc/self/status").and_then(|text| resident_bytes(&text)) {
            let metric = ConstGauge::new(bytes);
            let help = "Memory held in RAM";
            let kind = metric.metric_type();
            let unit = Some(&Unit::Bytes);
            metric.encode(encoder.encode_descriptor(
                "process_resident_memory",
                help,
                unit,
                kind,
            )?)?;
        }
        if let Some(count) = open_fds() {
            let metric = ConstGauge::new(count);
            let help = "Open file descriptors";
            let kind = metric.metric_type();
            metric.encode(encoder.encode_descriptor("process_open_fds", help, None, kind)?)?;
        }
        Ok(())
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// User plus system time: fields 14 and 15, counted after the command name, which is in
/// parentheses and may itself hold blanks and parentheses.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Includes the descriptor that is open for the counting.
fn open_fds() -> Option<i64> {
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_name_may_hold_anything() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 90 0 0 0 250 50 0 0 20 0 3 0 99";
        assert_eq!(cpu_seconds(stat), Some(3.0));
    }

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(
            resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\n"),
            Some(2_097_152)
        );
        assert_eq!(resident_bytes("Name:\tx\n"), None);
    }
}
