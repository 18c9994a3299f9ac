//! The server's address, which may hold a password.

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion};

use super::error::Error;

/// What an address can begin with.
const SCHEMES: [&str; 6] = ["redis", "rediss", "valkey", "valkeys", "redis+unix", "unix"];

/// Reads `url` and makes a client of it, which does not connect yet.
pub(super) fn client(url: &str) -> Result<redis::Client, Error> {
    let wrong = |_| {
        // What has no scheme may be a password.
        let why = match url.split_once("://") {
            None => "this one does not begin so".into(),
            Some((scheme, _)) if !SCHEMES.contains(&scheme) => {
                format!("this one begins with {scheme}://")
            }
            Some(_) => format!("{} has something else", redacted(url)),
        };
        Error::Url(why)
    };
    let info = url.into_connection_info().map_err(wrong)?;
    if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
        return Err(Error::Url(
            "#insecure would accept anybody's certificate".into(),
        ));
    }
    redis::Client::open(info).map_err(wrong)
}

/// Whether the server is asked with TLS.
pub(super) fn has_tls(client: &redis::Client) -> bool {
    let addr = client.get_connection_info().addr();
    matches!(addr, ConnectionAddr::TcpTls { .. })
}

/// The host and the port of the server, unless it is a socket of this machine.
pub(super) fn tcp_address(client: &redis::Client) -> Option<(&str, u16)> {
    match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Some((host.as_str(), *port))
        }
        _ => None,
    }
}

/// The same server by the newer protocol, whose connections say when they end.
pub(super) fn talkative(client: &redis::Client) -> Result<redis::Client, Error> {
    let info = client.get_connection_info().clone();
    let settings = info.redis_settings().clone();
    let info = info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3));
    redis::Client::open(info).map_err(|error| Error::Url(error.to_string()))
}

/// The address without the user, the password and the like.
pub fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // A password may have any of the characters that end an address.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    match scheme {
        "" => rest.to_owned(),
        _ => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("redis://user:pa@ss/?#@host:1/2", "redis://host:1/2"),
            (
                "redis+unix:///run/r.sock?db=1&pass=secret",
                "redis+unix:///run/r.sock",
            ),
            ("rediss://:secret@h#insecure", "rediss://h"),
            ("secret@nothing", "nothing"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_a_password() {
        for (url, said) in [
            ("secret", "does not begin so"),
            ("http://u:secret@h", "begins with http://"),
            ("redis://u:secret@h/x", "redis://h/x has something else"),
        ] {
            let why = client(url).unwrap_err().to_string();
            assert!(why.contains(said) && !why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_redis_is_refused() {
        for url in [
            "",
            "localhost",
            "http://localhost",
            "redis://h/x",
            "rediss://h#insecure",
        ] {
            assert!(matches!(client(url), Err(Error::Url(_))), "{url}");
        }
        for url in [
            "redis://h",
            "rediss://u:p@h:1/3",
            "redis+unix:///r.sock",
            "valkey://h",
        ] {
            assert!(client(url).is_ok(), "{url}");
        }
    }
}
