//! Addresses for a cluster: sixteen bits of 10.0.0.0/8 that no route of this machine leads to and no other cluster has.
//!
//! A locked file holds them for as long as a process has it open: we, and the first process of the node. The kernel lets go
//! of it when they are killed.

use std::{
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::machine;

const FIRST: u8 = 64;
const COUNT: u8 = 128;
/// A route for more addresses than this many bits leave is the way to somewhere, and no neighbour.
const NEIGHBOUR: u32 = 12;

/// 10.n.0.0/16.
#[derive(Debug)]
pub(super) struct Network {
    number: u8,
    file: PathBuf,
    held: File,
}

impl Network {
    /// One that is free.
    pub(super) fn free() -> anyhow::Result<Self> {
        let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
        let start = RandomState::new().hash_one(std::process::id());
        for step in 0..u64::from(COUNT) {
            let number = FIRST + (start.wrapping_add(step) % u64::from(COUNT)) as u8;
            if !is_routed(&routes, number)
                && let Some(network) = Self::hold(number)?
            {
                // So that the node can hold it, too.
                network
                    .held
                    .lock_shared()
                    .with_context(|| format!("failed to keep 10.{number}.0.0/16"))?;
                return Ok(network);
            }
        }
        bail!(
            "no network between 10.{FIRST}.0.0/16 and 10.{}.0.0/16 is free for a cluster",
            FIRST + COUNT - 1
        )
    }

    /// This one, unless another cluster has it.
    pub(super) fn hold(number: u8) -> anyhow::Result<Option<Self>> {
        let folder = machine::data_folder("sendry-networks");
        fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        let path = folder.join(number.to_string());
        let held =
            File::create(&path).with_context(|| format!("failed to write {}", path.display()))?;
        let ours = held.try_lock().is_ok();
        Ok(ours.then_some(Self {
            number,
            file: path,
            held,
        }))
    }

    /// Whoever has locked this file, even together with others, has the network.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// For names of what is outside the network and belongs to it: at most 15 letters, as links want it.
    pub(super) fn name(&self) -> String {
        name(self.number)
    }

    /// This machine, as pods see it.
    pub(super) fn host(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.number, 0, 1)
    }

    /// The node, as this machine sees it.
    pub(super) fn node(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.number, 0, 2)
    }

    /// All of it.
    pub(super) fn all(&self) -> String {
        format!("10.{}.0.0/16", self.number)
    }

    /// Where pods are.
    pub(super) fn pods(&self) -> String {
        format!("10.{}.64.0/18", self.number)
    }

    /// Where the addresses of services begin, and how many bits they have in common.
    pub(super) fn services(&self) -> (Ipv4Addr, u8) {
        (Ipv4Addr::new(10, self.number, 128, 0), 20)
    }
}

pub(super) fn name(number: u8) -> String {
    format!("sendry-{number}")
}

/// The number in a name that [`name`] made.
pub(super) fn number(name: &str) -> Option<u8> {
    name.strip_prefix("sendry-")?.parse().ok()
}

/// Whether a route, as `/proc/net/route` tells of it, leads to some address of 10.n.0.0/16.
fn is_routed(routes: &str, number: u8) -> bool {
    let ours = Ipv4Addr::new(10, number, 0, 0).to_bits();
    routes.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Addresses stand there as the processor holds them.
        let address = |at: usize| {
            let text = fields.get(at)?;
            let bits = u32::from_str_radix(text, 16).ok()?;
            Some(Ipv4Addr::from(bits.to_ne_bytes()).to_bits())
        };
        let (Some(to), Some(mask)) = (address(1), address(7)) else {
            return false;
        };
        let common = mask & 0xffff_0000;
        mask.leading_ones() >= NEIGHBOUR && to & common == ours & common
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_a_route_leads_to_is_not_taken() {
        let routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
            eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\n\
            tun0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\n\
            br0\t0003460A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n\
            br1\t0000500A\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\n";
        assert!(is_routed(routes, 70), "10.70.3.0/24 is inside");
        assert!(is_routed(routes, 95), "10.80.0.0/12 is around it");
        assert!(!is_routed(routes, 71), "10.0.0.0/8 is the way to somewhere");
    }

    #[test]
    fn no_two_clusters_get_the_same_network() {
        let (one, two) = (Network::free().unwrap(), Network::free().unwrap());
        assert_ne!(one.number, two.number);
        assert!(Network::hold(one.number).unwrap().is_none());
        assert_eq!(number(&one.name()), Some(one.number));
        assert!(one.name().len() <= 15);
    }
}
