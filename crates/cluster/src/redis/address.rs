//! The server's address, which may hold a password.

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion};

use super::error::Error;

/// Reads `url` and makes a client of it, which does not connect yet.
pub(super) fn client(url: &str) -> Result<redis::Client, Error> {
    let wrong = |error: redis::RedisError| {
        let why = error
            .detail()
            .map_or_else(|| error.to_string(), str::to_owned);
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
