//! A machine.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::fault::Fault;
use super::ip::{attempt, in_namespace};
use super::relay::Relay;
use super::switch::Port;

/// A machine of a [`Network`](super::Network), which goes with it.
#[derive(Debug)]
pub struct Host {
    /// Where the test reaches it.
    pub control: IpAddr,
    /// Where its server listens for the others.
    pub link: SocketAddr,
    pub(super) port: Option<Port>,
    pub(super) relay: Option<Relay>,
    /// Whether packets wait on its link.
    pub(super) is_shaped: AtomicBool,
}

impl Host {
    /// Its network namespace, if it has one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.port.as_ref().map(|port| port.namespace.as_str())
    }

    /// The interface through which others reach it.
    #[must_use]
    pub fn interface(&self) -> &'static str {
        match self.port {
            Some(_) => "data",
            None => "lo",
        }
    }

    /// A command that starts a program on it.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        in_namespace(self.namespace(), program)
    }

    /// Where others are to connect to, if that is not the machine itself.
    pub(crate) fn detour(&self) -> Option<SocketAddr> {
        self.relay.as_ref().map(Relay::address)
    }

    /// Has something be wrong with its link until it [recovers](Self::recover).
    ///
    /// # Errors
    /// Why that cannot be had here.
    pub fn suffer(&self, fault: Fault) -> Result<(), String> {
        if let (Fault::Delay(delay), Some(relay)) = (fault, &self.relay) {
            relay.delay(delay);
            return Ok(());
        }
        let port = self.port.as_ref();
        let port = port.ok_or("only links between network namespaces can be so")?;
        match fault.shaping() {
            Some(shaping) => {
                port.shape(&shaping)?;
                self.is_shaped.store(true, Ordering::Relaxed);
                Ok(())
            }
            None => port.plug("down"),
        }
    }

    /// Has nothing be wrong with its link.
    pub fn recover(&self) {
        if let Some(relay) = &self.relay {
            relay.delay(Duration::ZERO);
        }
        if let Some(port) = &self.port {
            let unshaped = match self.is_shaped.swap(false, Ordering::Relaxed) {
                true => port.shape("noqueue"),
                false => Ok(()),
            };
            let recovered = port.plug("up").and(unshaped);
            recovered.unwrap_or_else(|why| panic!("{why}"));
        }
    }
}

impl Port {
    /// At the switch: whoever sends does not notice.
    fn plug(&self, state: &str) -> Result<(), String> {
        let (switch, number) = (&self.switch, self.number);
        attempt(&format!("ip -n {switch} link set data{number} {state}"))
    }

    /// How packets wait, in both directions.
    fn shape(&self, how: &str) -> Result<(), String> {
        let (switch, namespace) = (&self.switch, &self.namespace);
        let to = format!("-n {switch} qdisc replace dev data{}", self.number);
        attempt(&format!("tc {to} root {how}"))?;
        attempt(&format!(
            "tc -n {namespace} qdisc replace dev data root {how}"
        ))
    }
}
