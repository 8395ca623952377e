//! How busy the shop is: by the hour of the day and by the day of the week, in UTC.

const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// Relative traffic at the beginning of each hour: a trough before dawn, lunch, and the evening's peak.
const HOURS: [f64; 24] = [
    0.45, 0.32, 0.24, 0.20, 0.20, 0.26, 0.42, 0.68, 0.95, 1.15, 1.28, 1.38, 1.45, 1.40, 1.30, 1.26,
    1.30, 1.42, 1.58, 1.72, 1.75, 1.55, 1.15, 0.75,
];
/// Monday to Sunday.
const WEEKDAYS: [f64; 7] = [1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.7];
/// The Unix epoch was a Thursday.
const EPOCH_WEEKDAY: i64 = 3;

/// Traffic at a time, relative to the mean of a week: 1.0 on average.
pub(super) fn load(at_ms: i64) -> f64 {
    let mean = HOURS.iter().sum::<f64>() / 24.0 * WEEKDAYS.iter().sum::<f64>() / 7.0;
    let weekday = (at_ms.div_euclid(DAY_MS) + EPOCH_WEEKDAY).rem_euclid(7) as usize;
    let in_day = at_ms.rem_euclid(DAY_MS);
    let hour = (in_day / HOUR_MS) as usize;
    let past = (in_day % HOUR_MS) as f64 / HOUR_MS as f64;
    let daily = HOURS[hour] * (1.0 - past) + HOURS[(hour + 1) % 24] * past;
    daily * WEEKDAYS[weekday] / mean
}

/// How busy the shop is in `from_ms..to_ms` on average, relative to the mean of a week: what to multiply with where a
/// history is asked for in pieces, such as days, of which each has its own total.
#[must_use]
pub fn traffic(from_ms: i64, to_ms: i64) -> f64 {
    const STEP_MS: i64 = 600_000;
    let (sum, steps) = (from_ms..to_ms)
        .step_by(STEP_MS as usize)
        .fold((0.0, 0_u32), |(sum, steps), at| (sum + load(at), steps + 1));
    sum / f64::from(steps.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_on_average_over_a_week() {
        assert!((traffic(0, 7 * DAY_MS) - 1.0).abs() < 0.001);
        let days = (0..7).map(|day| traffic(day * DAY_MS, (day + 1) * DAY_MS));
        assert!((days.sum::<f64>() - 7.0).abs() < 0.01);
        assert_eq!(traffic(5, 5), 0.0);
    }

    #[test]
    fn evenings_are_busy_and_weekends_are_not() {
        // 1970-01-05 was a Monday.
        let monday = 4 * DAY_MS;
        assert!(load(monday + 20 * HOUR_MS) > 6.0 * load(monday + 4 * HOUR_MS));
        assert!(load(monday + 20 * HOUR_MS) > 1.3 * load(monday - DAY_MS + 20 * HOUR_MS));
        assert!(load(-1) > 0.0);
    }
}
