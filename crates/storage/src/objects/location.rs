//! Naming the place of a storage.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// Where a storage is. As text it has no secrets, and [`FromStr`] reads it:
///
/// | text | |
/// |---|---|
/// | `file` | in the data directory |
/// | `s3://bucket`, `s3://bucket/prefix` | in a bucket, which other servers may use, too |
/// | `http://host:8002`, `https://…` | with another server, through its upload port |
///
/// ```
/// use faasm_storage::Location;
///
/// let location: Location = "s3://functions/production".parse()?;
/// assert!(location.is_shared());
/// assert_eq!(location.to_string(), "s3://functions/production");
/// # Ok::<(), faasm_storage::InvalidLocation>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Location {
    /// In the data directory, for one server alone.
    #[default]
    DataDir,
    /// In a bucket, below a prefix if one is given.
    S3 {
        /// The bucket, which must be there.
        bucket: String,
        /// What all keys begin with, without slashes at its ends.
        prefix: Option<String>,
    },
    /// With another server, whose upload port is at this URL without a slash at its end.
    Http(String),
}

/// The text names no place of a storage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a storage is at `file`, `s3://bucket[/prefix]` or `http(s)://host:port`, without user, password or query; {0}"
)]
pub struct InvalidLocation(&'static str);

impl Location {
    /// Whether several servers can have it.
    pub fn is_shared(&self) -> bool {
        *self != Self::DataDir
    }
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        match text.split_once("://") {
            None if text == "file" => Ok(Self::DataDir),
            Some(("s3", rest)) => s3(rest),
            Some(("http" | "https", _)) => http(text),
            _ => Err(InvalidLocation("this is something else")),
        }
    }
}

fn s3(rest: &str) -> Result<Location, InvalidLocation> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_in_bucket = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if bucket.len() < 3 || bucket.len() > 63 || !bucket.bytes().all(is_in_bucket) {
        let rule = "the bucket has 3 to 63 letters, digits, `-`, `.` and `_`";
        return Err(InvalidLocation(rule));
    }
    let prefix = prefix.trim_end_matches('/');
    let is_part = |part: &str| {
        let plain = part.bytes().all(is_in_bucket);
        plain && !["", ".", ".."].contains(&part)
    };
    let is_prefix = prefix.len() <= 512 && prefix.split('/').all(is_part);
    if !prefix.is_empty() && !is_prefix {
        let rule = "the prefix has letters, digits, `-`, `.` and `_` between its slashes";
        return Err(InvalidLocation(rule));
    }
    Ok(Location::S3 {
        bucket: bucket.to_owned(),
        prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
    })
}

fn http(text: &str) -> Result<Location, InvalidLocation> {
    let url = Url::parse(text).map_err(|_| InvalidLocation("the URL is not valid"))?;
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    match has_more || !url.has_host() {
        true => Err(InvalidLocation("the URL has more than an address")),
        false => Ok(Location::Http(
            url.as_str().trim_end_matches('/').to_owned(),
        )),
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataDir => f.write_str("file"),
            Self::S3 { bucket, prefix } => match prefix {
                Some(prefix) => write!(f, "s3://{bucket}/{prefix}"),
                None => write!(f, "s3://{bucket}"),
            },
            Self::Http(url) => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_read_and_shown() {
        for text in [
            "file",
            "s3://bucket",
            "s3://bucket/a/b.c",
            "http://10.0.0.1:8002",
            "https://upload.example/faasm",
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), text);
        }
        let trimmed: Location = "http://h:1/".parse().unwrap();
        assert_eq!(trimmed.to_string(), "http://h:1");
    }

    #[test]
    fn what_is_no_location_or_has_secrets_is_refused() {
        for text in [
            "",
            "files",
            "s3://",
            "s3://b",
            "s3://bucket/a//b",
            "s3://bucket/../b",
            "s3://bucket/a?b",
            "s3://key:secret@bucket",
            "ftp://host",
            "http://",
            "http://user:secret@host",
            "http://host/?token=secret",
            "/var/lib",
        ] {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
