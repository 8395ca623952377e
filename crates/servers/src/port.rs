//! A port that nobody else takes between our looking and the server's listening.
//!
//! Ports come from below the range that the kernel gives to outgoing connections, and each is held by a locked file for
//! as long as its server may come back to it: a killed server finds its port free.

use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    net::TcpListener,
};

use anyhow::Context;

use crate::machine;

const FIRST: u16 = 18_000;
const COUNT: u16 = 13_000;

/// A port on 127.0.0.1, ours until dropped.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    _held: File,
}

impl Port {
    /// A free one.
    ///
    /// # Errors
    /// When none is found, or its file cannot be written.
    pub fn free() -> anyhow::Result<Self> {
        let folder = machine::data_folder("sendry-ports");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let start = RandomState::new().hash_one(std::process::id());
        for step in 0..u64::from(COUNT) {
            let number = FIRST + ((start.wrapping_add(step * 7)) % u64::from(COUNT)) as u16;
            let path = folder.join(number.to_string());
            let held = File::create(&path)
                .with_context(|| format!("failed to write {}", path.display()))?;
            if held.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self {
                    number,
                    _held: held,
                });
            }
        }
        anyhow::bail!("no port between {FIRST} and {} is free", FIRST + COUNT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_get_the_same_port() {
        let ports: Vec<Port> = (0..50).map(|_| Port::free().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(|port| port.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 50);
    }
}
