//! The log: a page that a person reads from top to bottom.

use std::{fmt::Display, time::Instant};

use anyhow::Context;

/// What was told so far.
pub struct Page {
    began: Instant,
    lines: u32,
}

/// What a chapter leaves behind, and the sentence that goes on the page.
pub struct Told<T>(pub T, pub String);

impl Page {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            lines: 0,
        }
    }

    /// Tells of one step: what it is, how long it took, what was seen.
    pub async fn line<T>(
        &mut self,
        what: &str,
        step: impl Future<Output = anyhow::Result<Told<T>>>,
    ) -> anyhow::Result<T> {
        self.lines += 1;
        let (number, began) = (self.lines, Instant::now());
        let outcome = step.await;
        let took = began.elapsed().as_secs_f64();
        let at = self.began.elapsed().as_secs();
        let head = format!("{:>2}:{:02} {number:>3}. {what}", at / 60, at % 60);
        match outcome {
            Ok(Told(left, seen)) => {
                println!("{head}  ({took:.1} s)\n           {seen}");
                Ok(left)
            }
            Err(error) => {
                println!("{head}  ({took:.1} s)\n           FAILED: {error:#}");
                Err(error).with_context(|| format!("step {number}, {what}"))
            }
        }
    }

    /// The last line.
    pub fn end(&self) {
        let took = self.began.elapsed().as_secs();
        println!("{} steps, {} min {:02} s", self.lines, took / 60, took % 60);
    }
}

/// A step that leaves nothing behind.
pub fn told(seen: impl Display) -> Told<()> {
    Told((), seen.to_string())
}
