use super::*;
use crate::access_log::fields::Fields;

fn found(text: &str, option: LatencyField) -> Result<Option<u64>, Reason> {
    find(&Fields::of(text).collect::<Vec<_>>(), option)
}

#[test]
fn auto_reads_the_usual_configurations() {
    for (text, want) in [
        ("0.123", Some(123_000)),
        ("\"0.123\"", Some(123_000)),
        ("0.123 0.120", Some(123_000)),
        ("0.120 0.123 -", Some(123_000)),
        ("0.300 0.100, 0.200", Some(300_000)),
        ("rt=0.500 uct=\"0.900\" urt=\"-\"", Some(500_000)),
        (
            "452 0.003 [default-svc-80] [] 10.0.0.1:8080 612 0.002 200 4f1e",
            Some(3_000),
        ),
        ("12345", Some(12_345)),
        ("example.com 12345", Some(12_345)),
        ("0/12345", Some(12_345)),
        (
            "5 \"router@docker\" \"http://10.0.0.2:80\" 12ms",
            Some(12_000),
        ),
        ("12.345 ms", Some(12_345)),
        ("rt=150µs", Some(150)),
        ("\"2.75\"", None),
        ("12345 example.com", None),
        ("612 200", None),
        ("-", None),
        ("", None),
    ] {
        assert_eq!(found(text, LatencyField::Auto), Ok(want), "{text}");
    }
}

#[test]
fn the_option_names_the_unit() {
    assert_eq!(found("1.5 7", LatencyField::Seconds), Ok(Some(1_500_000)));
    assert_eq!(found("12 34", LatencyField::Millis), Ok(Some(34_000)));
    assert_eq!(found("D=34", LatencyField::Micros), Ok(Some(34)));
    assert_eq!(found("0.123", LatencyField::None), Ok(None));
    assert_eq!(found("-", LatencyField::Seconds), Ok(None));
    assert_eq!(
        found("90000", LatencyField::Seconds),
        Err(Reason::InvalidLatency)
    );
    assert_eq!(
        found("-0.001", LatencyField::Auto),
        Err(Reason::InvalidLatency)
    );
}

#[test]
fn reads_durations_with_units() {
    for (text, micros) in [
        ("1.5s", 1.5e6),
        ("1m2.5s", 62.5e6),
        ("12.3 ms", 12_300.0),
        ("2h0m", 7_200e6),
        ("500ns", 0.5),
    ] {
        assert_eq!(go_duration(text), Some(micros), "{text}");
    }
    for text in ["", "12", "s", "12 parsecs", "1.2.3s", "12ms x"] {
        assert_eq!(go_duration(text), None, "{text}");
    }
}
