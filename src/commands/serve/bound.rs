//! Where the server listens.

use std::fmt;
use std::net::SocketAddr;

use anyhow::Context as _;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::output::Output;

/// The server's listeners.
pub struct Listeners {
    pub upload: Option<TcpListener>,
    pub invoke: Option<TcpListener>,
}

/// Where the server listens.
pub struct Bound {
    scheme: &'static str,
    upload: Option<SocketAddr>,
    invoke: Option<SocketAddr>,
}

/// The line by which programs learn where the server listens.
#[derive(Serialize)]
struct Listening {
    event: &'static str,
    upload: Option<SocketAddr>,
    invoke: Option<SocketAddr>,
}

impl Listeners {
    /// Takes the ports.
    pub async fn bind(
        upload: Option<SocketAddr>,
        invoke: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            upload: listen(upload, "--upload-addr").await?,
            invoke: listen(invoke, "--invoke-addr").await?,
        })
    }

    /// Where they are; `scheme` is what they speak.
    pub fn bound(&self, scheme: &'static str) -> std::io::Result<Bound> {
        let addr = |listener: &Option<TcpListener>| {
            let addr = listener.as_ref().map(TcpListener::local_addr);
            addr.transpose()
        };
        Ok(Bound {
            scheme,
            upload: addr(&self.upload)?,
            invoke: addr(&self.invoke)?,
        })
    }
}

impl Bound {
    /// Says so on stdout.
    pub fn announce(&self, out: &Output) -> std::io::Result<()> {
        let json = Listening {
            event: "listening",
            upload: self.upload,
            invoke: self.invoke,
        };
        out.answer(&json, format_args!("faasm listens: {self}"))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |addr: Option<SocketAddr>| match addr {
            Some(addr) => format!("{}://{addr}", self.scheme),
            None => "off".to_owned(),
        };
        let (upload, invoke) = (show(self.upload), show(self.invoke));
        write!(f, "upload {upload}, invoke {invoke}")
    }
}

async fn listen(addr: Option<SocketAddr>, option: &str) -> anyhow::Result<Option<TcpListener>> {
    let Some(addr) = addr else { return Ok(None) };
    let listener = TcpListener::bind(addr).await.with_context(|| {
        format!("cannot listen on {addr}; choose another address with {option}")
    })?;
    Ok(Some(listener))
}
