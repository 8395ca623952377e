//! The walls of a node: network, mounts and process numbers of its own, as a machine would have them.
//!
//! All that a node starts is inside, so all of it ends with the first process inside, however that ends: containers,
//! mounts, links and rules of the firewall are gone with it, and the machine around has never seen them. It sees a link to
//! the node and a route over it, which go too.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};

use super::{cgroups, network::Network};
use crate::{
    install::kubernetes::Program,
    process::{Id, Process},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Run as the first process: `$1` a folder of ours, `$2` the program that it becomes, `$3` the file that holds the network.
///
/// What programs keep at fixed places is laid over, the machine's own stays as it is. The kubelet writes how the kernel is
/// to behave when memory ends or it fails; here it finds that written already, in files of ours.
const FURNISH: &str = r#"
set -e
mkdir -p "$1/pods" "$1/tunables" /var/lib/cni /var/lib/kubelet /var/log/pods /var/log/containers
for folder in /var/lib/cni /var/lib/kubelet /var/log/containers; do mount -t tmpfs tmpfs "$folder"; done
mount --bind "$1/pods" /var/log/pods
mount -t tmpfs -o mode=755 tmpfs /run
tune() {
    [ -e "/proc/sys/$1" ] || return 0
    file="$2/$(basename "$1")"
    echo "$3" > "$file"
    mount --bind "$file" "/proc/sys/$1"
}
tune vm/overcommit_memory "$1/tunables" 1
tune vm/panic_on_oom "$1/tunables" 0
tune kernel/panic "$1/tunables" 10
tune kernel/panic_on_oops "$1/tunables" 1
tune kernel/keys/root_maxkeys "$1/tunables" 1000000
tune kernel/keys/root_maxbytes "$1/tunables" 25000000
ip link set lo up
exec 9< "$3"
flock --shared 9
: > "$1/furnished"
exec "$2"
"#;

/// A house that stands, with its link to the machine.
#[derive(Debug)]
pub(super) struct House {
    first: Process,
    inside: u32,
    pub(super) network: Network,
}

impl House {
    /// Builds it, in `folder`.
    pub(super) fn build(folder: &Path) -> anyhow::Result<Self> {
        cgroups::sweep()?;
        let network = Network::free()?;
        cgroups::make(&network.name())?;
        let furnished = folder.join("furnished");
        let _ = fs::remove_file(&furnished);
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--mount", "--pid", "--mount-proc", "--fork"])
            .args(["--kill-child=KILL", "--propagation=private", "--"])
            .args(["sh", "-c", FURNISH, "house"])
            .arg(folder)
            .arg(Program::Pause.path())
            .arg(network.file());
        let mut first = Process::start(&mut command, &folder.join("house.log"))?;
        let id = first.id();
        let inside = first.wait(PATIENCE, "the first process of a node", || {
            ensure!(furnished.exists(), "it is not furnished");
            let family = id.family();
            let child = family.get(1).context("it has no process inside")?;
            Ok(child.pid)
        })?;
        let house = Self {
            first,
            inside,
            network,
        };
        house.link()?;
        Ok(house)
    }

    /// A pair of links, one end outside; and the way in for everything behind it.
    fn link(&self) -> anyhow::Result<()> {
        let (name, pid) = (self.network.name(), self.inside.to_string());
        let (host, node) = (self.network.host(), self.network.node());
        let (outer, inner) = (format!("{host}/30"), format!("{node}/30"));
        ip(&[
            "link", "add", &name, "type", "veth", "peer", "name", "eth0", "netns", &pid,
        ])?;
        ip(&["address", "add", &outer, "dev", &name])?;
        ip(&["link", "set", &name, "up"])?;
        let inside = |args: &[&str]| run(self.command(Path::new("ip")).args(args));
        inside(&["address", "add", &inner, "dev", "eth0"])?;
        inside(&["link", "set", "eth0", "up"])?;
        inside(&["route", "add", "default", "via", &host.to_string()])?;
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        run(self.command(Path::new("sh")).args(["-c", forward]))?;
        let behind = self.network.all();
        ip(&["route", "add", &behind, "via", &node.to_string()])
    }

    /// A program to be run inside.
    pub(super) fn command(&self, program: &Path) -> Command {
        enter(self.inside, program)
    }

    /// Starts one, with its output in a log below `folder`.
    pub(super) fn start(
        &self,
        folder: &Path,
        name: &str,
        command: &mut Command,
    ) -> anyhow::Result<Process> {
        Process::start(command, &folder.join(format!("{name}.log")))
    }

    /// Whom to kill, and all is gone.
    pub(super) fn id(&self) -> Id {
        self.first.id()
    }

    /// Lets it outlive us.
    pub(super) fn release(&mut self) {
        self.first.release();
    }

    /// Ends it with everything inside.
    pub(super) fn raze(&mut self) -> anyhow::Result<()> {
        self.first.kill()?;
        cgroups::remove(&self.network.name())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if self.first.is_ours() {
            let _ = self.raze();
        }
    }
}

/// A program to be run where this process is.
pub(super) fn enter(inside: u32, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(["--target", &inside.to_string()])
        .args(["--net", "--mount", "--pid", "--"])
        .arg(program);
    command
}

fn ip(args: &[&str]) -> anyhow::Result<()> {
    run(Command::new("ip").args(args))
}

/// Runs to the end.
pub(super) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = |command: &Command| {
        let words: Vec<PathBuf> = command.get_args().map(PathBuf::from).collect();
        let words: Vec<String> = words
            .iter()
            .map(|word| word.display().to_string())
            .collect();
        format!("{} {}", command.get_program().display(), words.join(" "))
    };
    let output = command
        .output()
        .with_context(|| format!("failed to start `{}`", shown(command)))?;
    ensure!(
        output.status.success(),
        "`{}` failed ({}): {}",
        shown(command),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
