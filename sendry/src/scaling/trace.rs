//! A load over time, second by second.

use anyhow::{Context, ensure};
use serde::Deserialize;

/// The longest trace: a week.
const LONGEST: u32 = 7 * 86_400;

/// What an autoscaler gets to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Metrics {
    /// Everything.
    #[default]
    Ok,
    /// The broker answers without statistics. Where absent numbers are read as 0, the queue looks empty.
    Missing,
    /// The broker's statistics cannot be asked for.
    Error,
}

/// One second, or the seconds from here to the next point.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Point {
    /// Seconds from the beginning.
    pub at: u32,
    /// Events a second that come.
    pub arrival: f64,
    /// Events in a message.
    #[serde(default = "ten")]
    pub size: f64,
    /// Events a second that the stores take from all workers together; absent is no limit.
    #[serde(default)]
    pub sink: Option<f64>,
    /// What can be seen.
    #[serde(default)]
    pub metrics: Metrics,
}

fn ten() -> f64 {
    10.0
}

/// A load. Each point stands until the next; the last one only says when it ends.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub name: String,
    /// What it is about, for people.
    pub about: String,
    pub points: Vec<Point>,
    /// In place of the pipeline's `min`.
    pub min: Option<u32>,
}

impl Trace {
    /// What stands in each second.
    pub fn seconds(&self) -> impl Iterator<Item = &Point> {
        self.points.windows(2).flat_map(|pair| {
            let length = pair[1].at - pair[0].at;
            std::iter::repeat_n(&pair[0], length as usize)
        })
    }

    /// Mean events in a message, over all of it.
    pub fn mean_size(&self) -> f64 {
        let (mut events, mut messages) = (0.0, 0.0);
        for second in self.seconds() {
            events += second.arrival;
            messages += second.arrival / second.size;
        }
        if messages > 0.0 {
            events / messages
        } else {
            ten()
        }
    }

    fn checked(name: &str, points: Vec<Point>) -> anyhow::Result<Self> {
        ensure!(
            points.len() >= 2,
            "a trace has two points at least: the last one says when it ends"
        );
        ensure!(points[0].at == 0, "the first point is at 0");
        ensure!(
            points.windows(2).all(|pair| pair[0].at < pair[1].at),
            "points are in the order of time, and no two at the same"
        );
        ensure!(
            points.iter().all(|point| point.at <= LONGEST),
            "a trace is a week long at most"
        );
        for point in &points {
            let fine = |n: f64| n.is_finite() && n >= 0.0;
            ensure!(
                fine(point.arrival) && fine(point.sink.unwrap_or(0.0)),
                "arrival and sink are numbers from 0 (at {})",
                point.at
            );
            ensure!(
                fine(point.size) && point.size >= 1.0,
                "size is a number from 1 (at {})",
                point.at
            );
        }
        Ok(Self {
            name: name.to_owned(),
            about: String::new(),
            points,
            min: None,
        })
    }
}

/// `[{"at": 0, "arrival": 100, "size": 10, "sink": 5000, "metrics": "ok"}, …]`
///
/// # Errors
/// When it is not that.
pub(super) fn from_json(name: &str, text: &str) -> anyhow::Result<Trace> {
    let points = serde_json::from_str(text).context("this is not a list of points")?;
    Trace::checked(name, points)
}

/// A header `at,arrival,size,sink,metrics`, of which all but the first two may be left out, then a line a point.
///
/// # Errors
/// When it is not that.
pub(super) fn from_csv(name: &str, text: &str) -> anyhow::Result<Trace> {
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    let (_, header) = lines.next().context("it is empty")?;
    let columns: Vec<&str> = header.split(',').map(str::trim).collect();
    let known = ["at", "arrival", "size", "sink", "metrics"];
    for column in &columns {
        ensure!(
            known.contains(column),
            "there is no column `{column}`: those there are are {}",
            known.join(", ")
        );
    }
    let points = lines.map(|(number, line)| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        point(&columns, &cells).with_context(|| format!("line {number} is not a point"))
    });
    Trace::checked(name, points.collect::<anyhow::Result<_>>()?)
}

fn point(columns: &[&str], cells: &[&str]) -> anyhow::Result<Point> {
    ensure!(
        columns.len() == cells.len(),
        "it has not as many cells as the header"
    );
    let cell = |name: &str| {
        let at = columns.iter().position(|column| *column == name)?;
        Some(cells[at]).filter(|cell| !cell.is_empty())
    };
    let number = |name: &str| -> anyhow::Result<Option<f64>> {
        let parse = |cell: &str| {
            cell.parse()
                .with_context(|| format!("`{name}` is not a number: {cell}"))
        };
        cell(name).map(parse).transpose()
    };
    Ok(Point {
        at: cell("at")
            .context("`at` is missing")?
            .parse()
            .context("`at` is not a whole number of seconds")?,
        arrival: number("arrival")?.context("`arrival` is missing")?,
        size: number("size")?.unwrap_or_else(ten),
        sink: number("sink")?,
        metrics: match cell("metrics") {
            None | Some("ok") => Metrics::Ok,
            Some("missing") => Metrics::Missing,
            Some("error") => Metrics::Error,
            Some(other) => anyhow::bail!("`metrics` is ok, missing or error, not {other}"),
        },
    })
}
