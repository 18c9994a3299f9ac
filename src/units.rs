//! Sizes and times on the command line.

use std::time::Duration;

use bytesize::ByteSize;

/// Parses a size such as `512MiB`, `64k` or `65536`, in bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>() {
        Ok(size) => Ok(size.as_u64()),
        Err(_) => Err("a size is a number with a unit, like 512MiB, 64KiB or 1GB".into()),
    }
}

/// Parses a time such as `60s`, `250ms` or `1h 30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "a time is a number with a unit, like 60s, 250ms or 2m".into())
}

/// A size for people.
pub fn show_size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// A time for people.
pub fn show_ms(ms: u64) -> String {
    humantime::format_duration(Duration::from_millis(ms)).to_string()
}

/// Microseconds for people.
pub fn show_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

/// A moment, given in milliseconds since 1970, for people.
pub fn show_moment(ms: u64) -> String {
    // Past the year 9999 there is no way to write it.
    let last = Duration::from_secs(253_402_300_799);
    let since = Duration::from_millis(ms).min(last);
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        assert_eq!(parse_size("512MiB"), Ok(512 << 20));
        assert_eq!(parse_size("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(parse_size("65536"), Ok(65_536));
        for bad in ["", "MiB", "-1", "12 parsecs"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_need_a_unit() {
        assert_eq!(parse_duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("60").is_err());
    }

    #[test]
    fn times_and_moments_of_any_server_can_be_shown() {
        assert_eq!(show_us(1_250), "1.2 ms");
        assert_eq!(show_us(u64::MAX), "18446744073709.5 s");
        assert_eq!(show_moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(show_moment(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
