//! Ids of requests, by which a client's complaint finds its line in the log.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LEN: usize = 64;

/// The client's id if it is harmless in logs and headers, else a new one.
pub(crate) fn of(headers: &HeaderMap) -> HeaderValue {
    match headers.get(HEADER) {
        Some(id) if is_sane(id.as_bytes()) => id.clone(),
        _ => generate(),
    }
}

fn is_sane(id: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let fits = (1..=MAX_LEN).contains(&id.len()) && id.iter().all(allowed);
    // Somebody's token, in the wrong header, is no id to be written down.
    fits && !std::str::from_utf8(id).is_ok_and(|id| faasm_auth::Token::parse(id).is_ok())
}

fn generate() -> HeaderValue {
    static NEXT: OnceLock<AtomicU64> = OnceLock::new();
    // Counting from a random start is unique within a process, and nearly so among many.
    let next = NEXT.get_or_init(|| AtomicU64::new(getrandom::u64().unwrap_or_default()));
    let mut number = next.fetch_add(1, Ordering::Relaxed);
    let mut text = [0; 16];
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(id: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(HEADER, HeaderValue::from_bytes(id).unwrap())])
    }

    #[test]
    fn a_sane_id_is_kept_and_another_is_replaced() {
        assert_eq!(of(&with(b"trace-1.A_b")), "trace-1.A_b");
        let long = "x".repeat(65);
        for bad in [&b""[..], b"a b", b"\xff", b"a;b", long.as_bytes()] {
            let id = of(&with(bad));
            assert!(is_sane(id.as_bytes()) && id.as_bytes() != bad);
        }
    }

    #[test]
    fn no_two_ids_are_the_same() {
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }
}
