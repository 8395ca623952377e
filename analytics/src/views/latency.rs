use sendry_domain::rollup::Cell;

/// What the latencies of a cell say, in milliseconds; all unknown where there were no requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// Mean.
    pub average_ms: Option<f64>,
    /// Median.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Largest.
    pub max_ms: Option<f64>,
}

impl Latency {
    /// Reads a cell, whose histogram may be merged from many but is never an average of percentiles.
    #[must_use]
    pub fn of(cell: &Cell) -> Self {
        if cell.count == 0 {
            return Self::default();
        }
        let percentile = |q: f64| {
            let quantile = cell.histogram.quantile(q)?;
            // The estimate stands for a whole bucket; the truth lies between the extremes, which are exact.
            let (min, max) = (cell.latency_min_us as f64, cell.latency_max_us as f64);
            Some(millis(quantile.estimate_us.max(min).min(max)))
        };
        Self {
            average_ms: Some(millis(cell.latency_sum_us as f64 / cell.count as f64)),
            p50_ms: percentile(0.50),
            p95_ms: percentile(0.95),
            p99_ms: percentile(0.99),
            max_ms: Some(millis(cell.latency_max_us as f64)),
        }
    }
}

/// Microseconds as milliseconds, to the microsecond.
fn millis(micros: f64) -> f64 {
    micros.round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(latencies_us: &[u64]) -> Cell {
        let mut cell = Cell::default();
        for &us in latencies_us {
            cell.count += 1;
            cell.latency_sum_us += us;
            cell.latency_min_us = cell.latency_min_us.min(us);
            cell.latency_max_us = cell.latency_max_us.max(us);
            cell.histogram.record(us);
        }
        cell
    }

    #[test]
    fn percentiles_stay_between_the_extremes() {
        let one = Latency::of(&cell(&[12_345]));
        let all = [
            one.average_ms,
            one.p50_ms,
            one.p95_ms,
            one.p99_ms,
            one.max_ms,
        ];
        assert_eq!(all, [Some(12.345); 5]);
    }

    #[test]
    fn percentiles_are_within_the_promised_error() {
        let many: Vec<u64> = (1..=1_000).map(|n| n * 1_000).collect();
        let latency = Latency::of(&cell(&many));
        let promised = sendry_domain::histogram::MAX_RELATIVE_ERROR;
        for (got, exact) in [
            (latency.p50_ms, 500.0),
            (latency.p95_ms, 950.0),
            (latency.p99_ms, 990.0),
        ] {
            assert!(
                (got.unwrap() / exact - 1.0).abs() <= promised,
                "{got:?} for {exact}"
            );
        }
        assert_eq!(
            (latency.average_ms, latency.max_ms),
            (Some(500.5), Some(1_000.0))
        );
    }

    #[test]
    fn of_nothing_all_is_unknown() {
        assert_eq!(Latency::of(&Cell::default()), Latency::default());
    }
}
