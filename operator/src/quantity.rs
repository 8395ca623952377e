//! Durations and quantities as manifests write them. The schema refuses what these do not read; a resource that was made
//! under an older schema may still hold it.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use sendry_domain::scaling::duration_ms;

/// A duration such as `48h` or `1h30m`, in milliseconds. `None` for anything else, also for one past what fits.
#[must_use]
pub fn millis(text: &str) -> Option<i64> {
    i64::try_from(duration_ms(text)?).ok()
}

/// A quantity of bytes such as `4Gi`, `1.5G` or `1e9`, rounded up as Kubernetes rounds. `None` for anything else.
#[must_use]
pub fn bytes(quantity: &Quantity) -> Option<u64> {
    times(quantity, 1)
}

/// A quantity of anything, such as `500m` or `1.5` of a core, in thousandths, rounded up. `None` for anything else.
#[must_use]
pub fn thousandths(quantity: &Quantity) -> Option<u64> {
    times(quantity, 1_000)
}

fn times(quantity: &Quantity, parts: u128) -> Option<u64> {
    let text = quantity.0.as_str();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 || whole.len() > 18 || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let number: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (times, over) = match suffix {
        "" => (1, 1),
        "m" => (1, 1_000),
        "k" => (1_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1_u128 << 40, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            (10_u128.checked_pow(digits(exponent)?.parse().ok()?)?, 1)
        }
    };
    let whole = number.checked_mul(times)?.checked_mul(parts)?;
    u64::try_from(whole.div_ceil(scale * over)).ok()
}

/// Nothing but digits.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        let table = [
            ("48h", Some(172_800_000)),
            ("1h30m", Some(5_400_000)),
            ("90s", Some(90_000)),
            ("1h2m3s", Some(3_723_000)),
            ("0s", Some(0)),
            ("", None),
            ("5", None),
            ("1m1h", None),
            ("-1h", None),
            ("1.5h", None),
            ("99999999999999999h", None),
        ];
        for (text, wanted) in table {
            assert_eq!(millis(text), wanted, "{text}");
        }
    }

    #[test]
    fn quantities() {
        let table = [
            ("4Gi", Some(4 << 30)),
            ("1.5Gi", Some(3 << 29)),
            ("100", Some(100)),
            ("100m", Some(1)),
            ("1e9", Some(1_000_000_000)),
            ("2k", Some(2_000)),
            ("0.5", Some(1)),
            ("1Ei", None),
            ("x", None),
            ("", None),
            (".", None),
        ];
        for (text, wanted) in table {
            assert_eq!(bytes(&Quantity(text.to_owned())), wanted, "{text}");
        }
    }

    #[test]
    fn parts_of_a_core() {
        for (text, wanted) in [("500m", 500), ("1.5", 1_500), ("8", 8_000), ("0.0001", 1)] {
            assert_eq!(
                thousandths(&Quantity(text.to_owned())),
                Some(wanted),
                "{text}"
            );
        }
        assert_eq!(thousandths(&Quantity("1e99".to_owned())), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".{0,40}") {
            let _ = (millis(&text), bytes(&Quantity(text.clone())));
        }
    }
}
