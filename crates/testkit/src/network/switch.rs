//! What joins machines: two bridges in a namespace of their own, where no firewall of this
//! machine looks at what passes.

use std::net::{IpAddr, Ipv4Addr};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use super::ip::{attempt, run};

/// Where the names of network namespaces are.
const NAMES: &str = "/run/netns";

/// A switch with the addresses 198.18.N.0/24, which are meant for tests of networks (RFC
/// 2544): the first half for what servers send, the second for what the test asks them.
#[derive(Debug)]
pub struct Switch {
    number: u8,
    /// Who has it, has the number. The kernel lets go of it with the process, however that ends.
    _claim: UnixListener,
}

/// Where a machine is plugged in.
#[derive(Debug)]
pub struct Port {
    pub switch: String,
    pub number: u8,
    /// The namespace of the machine.
    pub namespace: String,
}

impl Switch {
    /// A switch with a number that no other process has; why there can be none.
    pub fn start() -> Result<Self, String> {
        let claim = |number: u8| {
            let name = format!("faasm-testkit-network-{number}");
            let address = SocketAddr::from_abstract_name(name).ok()?;
            let _claim = UnixListener::bind_addr(&address).ok()?;
            Some(Self { number, _claim })
        };
        let switch = (0..=u8::MAX).find_map(claim);
        let switch = switch.ok_or("all networks are taken")?;
        // Of a process that was killed.
        switch.clear();
        let own = switch.name();
        attempt(&format!("ip netns add {own}"))?;
        for (kind, address) in [("data", switch.data(0)), ("control", switch.control(0))] {
            let here = switch.interface(kind);
            attempt(&format!("ip -n {own} link add {kind} type bridge"))?;
            attempt(&format!("ip -n {own} link set {kind} up"))?;
            attempt(&format!(
                "ip link add {here} type veth peer name {kind}0 netns {own}"
            ))?;
            attempt(&format!("ip -n {own} link set {kind}0 master {kind} up"))?;
            attempt(&format!("ip addr add {address}/25 dev {here}"))?;
            attempt(&format!("ip link set {here} up"))?;
        }
        Ok(switch)
    }

    /// Plugs a machine in.
    pub fn connect(&self, number: u8) {
        let Port {
            switch, namespace, ..
        } = self.port(number);
        run(&format!("ip netns add {namespace}"));
        run(&format!("ip -n {namespace} link set lo up"));
        for (kind, address) in [
            ("data", self.data(number)),
            ("control", self.control(number)),
        ] {
            run(&format!(
                "ip -n {switch} link add {kind}{number} type veth peer name {kind} netns {namespace}"
            ));
            run(&format!(
                "ip -n {switch} link set {kind}{number} master {kind} up"
            ));
            run(&format!(
                "ip -n {namespace} addr add {address}/25 dev {kind}"
            ));
            run(&format!("ip -n {namespace} link set {kind} up"));
        }
    }

    /// Where a machine is plugged in.
    pub fn port(&self, number: u8) -> Port {
        Port {
            switch: self.name(),
            number,
            namespace: format!("{}{number}", self.prefix()),
        }
    }

    /// Where others reach a machine; number 0 is this one.
    pub fn data(&self, number: u8) -> IpAddr {
        Ipv4Addr::new(198, 18, self.number, 1 + number).into()
    }

    /// Where the test reaches it.
    pub fn control(&self, number: u8) -> IpAddr {
        Ipv4Addr::new(198, 18, self.number, 129 + number).into()
    }

    /// Whether the kernel can delay and lose packets.
    pub fn has_netem(&self) -> bool {
        let at = format!("-n {} qdisc replace dev data root", self.name());
        attempt(&format!("tc {at} netem delay 1ms")).is_ok()
            && attempt(&format!("tc {at} noqueue")).is_ok()
    }

    /// What the names of all its namespaces begin with.
    fn prefix(&self) -> String {
        format!("faasm-test-{}-", self.number)
    }

    fn name(&self) -> String {
        format!("{}switch", self.prefix())
    }

    /// What joins it to this machine.
    fn interface(&self, kind: &str) -> String {
        format!("ft{}{kind}", self.number)
    }

    /// Removes all that has its number.
    fn clear(&self) {
        // Without the namespace they would go a moment later, and the next one needs the names.
        for kind in ["data", "control"] {
            let interface = self.interface(kind);
            if Path::new("/sys/class/net").join(&interface).exists() {
                let _ = attempt(&format!("ip link del {interface}"));
            }
        }
        let Ok(names) = std::fs::read_dir(NAMES) else {
            return;
        };
        for name in names.flatten() {
            let name = name.file_name().to_string_lossy().into_owned();
            if name.starts_with(&self.prefix()) {
                let _ = attempt(&format!("ip netns del {name}"));
            }
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.clear();
    }
}
