//! Machines of a test's own, joined by links that can fail.

mod fault;
mod host;
mod ip;
mod relay;
mod switch;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use fault::Fault;
pub use host::Host;
pub(crate) use ip::in_namespace;
use relay::Relay;
use switch::Switch;

use crate::redis::free_port;

/// Where servers in a namespace listen for each other: nobody else is there.
const LINK_PORT: u16 = 8003;

/// Network namespaces at a switch. Servers reach each other and what is on this machine, such
/// as the Redis, through one interface, which can fail; the test reaches the servers through
/// another one, which does not.
///
/// Where namespaces cannot be made, machines are addresses of the loopback, 127.0.0.x, and less
/// can fail.
#[derive(Debug)]
pub struct Network {
    switch: Option<Arc<Switch>>,
    has_detours: bool,
    hosts: u8,
}

impl Network {
    /// Namespaces, or addresses of the loopback with a note why on the standard error.
    #[must_use]
    pub fn new() -> Self {
        Self::apart().unwrap_or_else(|why| {
            eprintln!("no network namespaces, servers share the loopback: {why}");
            Self::with(None)
        })
    }

    /// As [`new`](Self::new), and links can be slow even where the kernel cannot make them so:
    /// there, what servers send each other goes through this process.
    #[must_use]
    pub fn with_delays() -> Self {
        let network = Self::new();
        let is_slow = network
            .switch
            .as_ref()
            .is_some_and(|switch| switch.has_netem());
        Self {
            has_detours: !is_slow,
            ..network
        }
    }

    /// Namespaces, or why there can be none.
    ///
    /// # Errors
    /// When this process may not make any, or there is no `ip`.
    pub fn apart() -> Result<Self, String> {
        Ok(Self::with(Some(Arc::new(Switch::start()?))))
    }

    fn with(switch: Option<Arc<Switch>>) -> Self {
        Self {
            switch,
            has_detours: false,
            hosts: 0,
        }
    }

    /// Whether the machines have namespaces of their own.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.switch.is_some()
    }

    /// Where servers reach this machine.
    #[must_use]
    pub fn gateway(&self) -> IpAddr {
        match &self.switch {
            Some(switch) => switch.data(0),
            None => Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// One more machine.
    pub async fn host(&mut self) -> Host {
        self.hosts += 1;
        let number = self.hosts;
        let (control, link, port) = match &self.switch {
            Some(switch) => {
                switch.connect(number);
                let link = (switch.data(number), LINK_PORT).into();
                (switch.control(number), link, Some(switch.port(number)))
            }
            None => {
                let address = Ipv4Addr::new(127, 0, 0, 1 + number).into();
                (address, (address, free_port(address)).into(), None)
            }
        };
        let relay = match self.has_detours {
            true => Some(Relay::start(self.gateway(), link).await),
            false => None,
        };
        Host {
            control,
            link,
            port,
            relay,
            is_shaped: AtomicBool::new(false),
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}
