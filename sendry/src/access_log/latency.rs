//! Finds a request's latency among the fields that configurations add to the end of a line.
//!
//! | what writes it | looks like | read by `auto` as |
//! |---|---|---|
//! | nginx `$request_time`, alone or beside upstream times | `0.123 0.120` | seconds: the largest |
//! | nginx, named | `rt=0.123 urt="0.120"` | seconds: the named one |
//! | Apache `%D`, `%T/%D` | `12345`, `0/12345` | microseconds: the last field |
//! | Traefik, morgan | `12ms`, `12.345 ms` | what it says |
//!
//! nginx always prints three decimals, which tells its times from `$gzip_ratio` (two) and sizes (none); a request takes
//! at least as long as each of its upstreams, so the largest is the request's. For everything else there is the option.

use super::{Reason, fields::Field};

/// Where the latency of a request is found, and in what unit. For JSON it overrides the unit only
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LatencyField {
    /// Decides by the form: three decimals are seconds, a last whole number is microseconds
    #[default]
    Auto,
    /// The number is in seconds (nginx's $request_time)
    Seconds,
    /// The number is in milliseconds
    Millis,
    /// The number is in microseconds (Apache's %D)
    Micros,
    /// The log has no latency; numbers at the end of a line mean something else
    None,
}

/// One day: Sendry takes no longer latency.
const MAX_MICROS: f64 = 86_400e6;
/// What configurations call the request's time.
const NAMES: [&str; 8] = [
    "rt",
    "request_time",
    "req_time",
    "duration",
    "latency",
    "response_time",
    "time",
    "D",
];

impl LatencyField {
    /// Microseconds in the unit, if this is one.
    pub(super) fn unit(self) -> Option<f64> {
        match self {
            Self::Auto | Self::None => None,
            Self::Seconds => Some(1e6),
            Self::Millis => Some(1e3),
            Self::Micros => Some(1.0),
        }
    }
}

/// A field that reads as a number of something.
struct Candidate {
    named: bool,
    last: bool,
    value: f64,
    decimals: usize,
    /// Microseconds, where the field itself says its unit.
    stated: Option<f64>,
}

/// The latency in microseconds among the fields after the user agent.
pub(super) fn find(fields: &[Field<'_>], option: LatencyField) -> Result<Option<u64>, Reason> {
    if option == LatencyField::None {
        return Ok(None);
    }
    let all: Vec<Candidate> = candidates(fields);
    let named = all.iter().find(|c| c.named);
    let largest = |wanted: fn(&Candidate) -> bool| {
        all.iter()
            .filter(|c| wanted(c))
            .max_by(|a, b| a.value.total_cmp(&b.value))
    };
    let found = match option.unit() {
        Some(unit) => named
            .or_else(|| largest(|c| c.decimals > 0))
            .or(all.last())
            .map(|c| c.value * unit),
        None => {
            let stated = all.iter().find_map(|c| c.stated);
            let guess = named.or_else(|| largest(|c| c.decimals == 3)).or_else(|| {
                let only_one = all.iter().filter(|c| c.decimals == 0).count() == 1;
                all.last().filter(|c| c.last && only_one && c.decimals == 0)
            });
            let by_form = guess.map(|c| c.value * if c.decimals > 0 { 1e6 } else { 1.0 });
            named.and_then(|c| c.stated).or(stated).or(by_form)
        }
    };
    found.map(whole_micros).transpose()
}

fn candidates(fields: &[Field<'_>]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let Some(text) = field.present() else {
            continue;
        };
        // `%T/%D`: seconds and, to be preferred, microseconds.
        let text = match text.split_once('/') {
            Some((seconds, micros)) if seconds.parse::<u32>().is_ok() => micros,
            _ => text,
        };
        let next = fields.get(at + 1).map_or("", |f| f.text.as_ref());
        let stated = go_duration(text).or_else(|| go_duration(&format!("{text}{next}")));
        let Some(value) = text.parse().ok().or(stated).filter(|v: &f64| v.is_finite()) else {
            continue;
        };
        let decimals = text
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.len());
        let named = field.name.is_some_and(|name| NAMES.contains(&name));
        all.push(Candidate {
            named,
            last: at + 1 == fields.len(),
            value,
            decimals,
            stated,
        });
    }
    all
}

/// Microseconds to the nearest whole one, if a request can take so long.
pub(super) fn whole_micros(micros: f64) -> Result<u64, Reason> {
    match (0.0..=MAX_MICROS).contains(&micros) {
        true => Ok(micros.round() as u64),
        false => Err(Reason::InvalidLatency),
    }
}

/// Microseconds of a duration that says its units, as Go and morgan write them: `12ms`, `1m2.5s`, `150µs`, `12.3 ms`.
pub(super) fn go_duration(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut micros = 0.0;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match rest[..letters].trim_end() {
            "ns" => 1e-3,
            "us" | "µs" | "μs" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            "m" => 60e6,
            "h" => 3_600e6,
            _ => return None,
        };
        micros += number * unit;
        rest = &rest[letters..];
        if rest.is_empty() {
            return Some(micros);
        }
    }
}

#[cfg(test)]
mod tests;
