//! Prints what is generated from the types, as one JSON object of path and text: `cargo xtask generate` writes it.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, Write},
};

fn main() -> Result<(), Box<dyn Error>> {
    let documents: BTreeMap<_, _> = sendry_crds::documents()?
        .into_iter()
        .map(|document| (document.path, document.text))
        .collect();
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &documents)?;
    Ok(writeln!(out)?)
}
