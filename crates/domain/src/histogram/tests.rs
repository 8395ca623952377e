use num_bigint::BigUint;
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;

#[test]
fn the_table_is_what_its_formula_says() {
    // u = floor(2^(e/32) * 10^6)  <=>  u^32 <= 2^e * 10^192 < (u + 1)^32, e = index + 1.
    let scale = BigUint::from(10u32).pow(192);
    for (k, &upper) in UPPER_US.iter().enumerate() {
        let e = k as i32 + i32::from(MIN_INDEX) + 1;
        let (mut left, mut next) = (
            BigUint::from(upper).pow(32),
            BigUint::from(upper + 1).pow(32),
        );
        let mut right = scale.clone();
        if e >= 0 {
            right <<= e as usize;
        } else {
            left <<= (-e) as usize;
            next <<= (-e) as usize;
        }
        assert!(left <= right && right < next, "entry {k}");
    }
    assert_eq!(UPPER_US[0], 1);
    assert!(*UPPER_US.last().unwrap() >= crate::event::limits::LATENCY_US);
}

/// The exact value at nearest rank.
fn exact(sorted: &[u64], q: f64) -> u64 {
    let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
    sorted[rank - 1]
}

#[test]
fn quantiles_are_within_the_promised_error_over_several_distributions() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut draw = |f: &mut dyn FnMut(f64) -> f64| -> Vec<u64> {
        (0..20_000)
            .map(|_| f(rng.random::<f64>()).clamp(1.0, 86_400e6) as u64)
            .collect()
    };
    let distributions: Vec<(&str, Vec<u64>)> = vec![
        ("uniform", draw(&mut |u| u * 1e6)),
        ("exponential", draw(&mut |u| -(1.0 - u).ln() * 25_000.0)),
        ("pareto", draw(&mut |u| 800.0 / (1.0 - u).powf(1.0 / 1.2))),
        (
            "two peaks",
            draw(&mut |u| {
                if u < 0.9 {
                    2_000.0 + u * 500.0
                } else {
                    2e6 + u * 1e5
                }
            }),
        ),
        ("constant", vec![12_345; 1_000]),
        (
            "powers of two",
            (0..30).flat_map(|e| vec![1u64 << e; 50]).collect(),
        ),
    ];
    for (name, mut values) in distributions {
        let mut histogram = Histogram::default();
        values.iter().for_each(|v| histogram.record(*v));
        values.sort_unstable();
        for q in [
            0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0,
        ] {
            let (truth, found) = (exact(&values, q) as f64, histogram.quantile(q).unwrap());
            let error = (found.estimate_us - truth).abs() / truth;
            assert!(
                error <= MAX_RELATIVE_ERROR,
                "{name} q={q}: {truth} vs {found:?}, {error}"
            );
            assert!(
                found.lower_us < truth + 1.0 && truth <= found.upper_us * (1.0 + 1e-12),
                "{name} q={q}"
            );
        }
    }
}

#[test]
fn nothing_is_unknown_and_zero_is_zero() {
    assert_eq!(Histogram::default().quantile(0.5), None);
    let mut h = Histogram::default();
    h.record(0);
    assert_eq!(h.quantile(0.99).unwrap().estimate_us, 0.0);
    h.record(u64::MAX);
    assert_eq!(
        h.count(),
        2,
        "a value beyond a day is held in the last bucket"
    );
}

#[test]
fn corrupt_bytes_are_refused() {
    for bytes in [
        &[][..],
        &[0x80],
        &[0, 5],
        &[0, 0xff, 0xff, 0x7f, 1],
        &[0, 3, 1, 0, 1],
        &[0, 3, 0],
        &[0xff; 11],
    ] {
        assert!(Histogram::decode(bytes).is_err(), "{bytes:?}");
    }
    assert_eq!(Histogram::decode(&[0]), Ok(Histogram::default()));
}

fn of(values: &[u64]) -> Histogram {
    let mut h = Histogram::default();
    values.iter().for_each(|v| h.record(*v));
    h
}

proptest! {
    #[test]
    fn encode_then_decode_is_identity(values in prop::collection::vec(0u64..100_000_000_000, 0..300)) {
        let h = of(&values);
        prop_assert_eq!(Histogram::decode(&h.encode()).unwrap(), h);
    }

    #[test]
    fn any_split_merges_to_the_same_bytes(
        values in prop::collection::vec(0u64..10_000_000, 0..200), cut in 0usize..200,
    ) {
        let cut = cut.min(values.len());
        let (a, b) = (of(&values[..cut]), of(&values[cut..]));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(&b);
        ba.merge(&a);
        let whole = of(&values).encode();
        prop_assert_eq!(&ab.encode(), &whole);
        prop_assert_eq!(&ba.encode(), &whole);
        let mut dense = Dense::default();
        dense.add(&b.encode()).unwrap();
        dense.add(&a.encode()).unwrap();
        prop_assert_eq!(dense.to_histogram().encode(), whole);
    }

    #[test]
    fn decode_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(h) = Histogram::decode(&bytes) {
            // Varints may be padded in hostile bytes, so only the content must survive.
            prop_assert_eq!(Histogram::decode(&h.encode()).unwrap(), h);
        }
    }
}
