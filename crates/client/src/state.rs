//! State: values by user and key, and the lists of elements beside them.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use faasm_model::{Key, Name, StateKey};
use futures::{Stream, StreamExt};
use reqwest::header::{IF_MATCH, IF_NONE_MATCH, RANGE};
use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, Serialize};

use crate::pages::List;
use crate::{Client, Download, Error, Listener, Progress, Source};

/// A value that was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateValue {
    /// The owner.
    pub user: Name,
    /// The key among the owner's values.
    pub key: Key,
    /// In bytes.
    pub size: u64,
    /// Raised by every change.
    pub version: u64,
}

/// A key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateEntry {
    /// The key.
    pub key: Key,
    /// The size of its value in bytes, if it has one.
    pub size: Option<u64>,
    /// The version of its value.
    pub version: Option<u64>,
    /// How many elements were appended to it.
    pub elements: u64,
}

/// What a value must be like to be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// It may be anything.
    #[default]
    Any,
    /// There must be none.
    Absent,
    /// It must have this version.
    Version(u64),
}

/// A part of a value. Written `2-5`, both included, `2-` up to the end, or `-3`, the last
/// three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first to the second, both included.
    Within(u64, u64),
    /// From this one to the end.
    From(u64),
    /// So many at the end.
    Last(u64),
}

#[derive(Deserialize)]
struct ElementCount {
    elements: u64,
}

impl Client {
    /// Sets a value, found by the next access of any call.
    ///
    /// `on_progress` is told after every piece that was handed to the connection.
    pub async fn put_state(
        &self,
        key: &StateKey,
        source: impl Into<Source>,
        condition: Condition,
        on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<StateValue, Error> {
        let request = self.value(Method::PUT, key, &[])?;
        let request = match condition {
            Condition::Any => request,
            Condition::Absent => request.header(IF_NONE_MATCH, "*"),
            Condition::Version(version) => request.header(IF_MATCH, format!("\"{version}\"")),
        };
        let response = self.send_source(request, source.into(), on_progress);
        self.upload().json_of(response.await?).await
    }

    /// Fetches a value, or a part of it.
    pub async fn get_state(
        &self,
        key: &StateKey,
        range: Option<ByteRange>,
    ) -> Result<Download, Error> {
        let mut request = self.value(Method::GET, key, &[])?;
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={range}"));
        }
        let response = self.upload().send_ok(request, self.long()).await?;
        Ok(Download::new(self.clone(), response))
    }

    /// Removes a value; its elements stay.
    pub async fn delete_state(&self, key: &StateKey) -> Result<(), Error> {
        let request = self.value(Method::DELETE, key, &[])?;
        let response = self.upload().send_ok(request, self.short()).await?;
        self.upload().read(response).await.map(drop)
    }

    /// A user's keys that begin with `prefix`, in the order of their bytes, fetched as the
    /// stream is read.
    pub fn list_state(
        &self,
        user: &Name,
        prefix: &str,
    ) -> impl Stream<Item = Result<StateEntry, Error>> + Send + use<> {
        let mut list = List::stored(&["s", user.as_str()]);
        list.query.push(("prefix", prefix.to_owned()));
        self.list(list)
    }

    /// The users who have state, in the order of their names.
    pub fn list_state_users(&self) -> impl Stream<Item = Result<Name, Error>> + Send + use<> {
        self.list(List::stored(&["s"]))
    }

    /// Adds an element to the key's list and returns how many there are.
    pub async fn append_state(
        &self,
        key: &StateKey,
        element: impl Into<Source>,
    ) -> Result<u64, Error> {
        let request = self.value(Method::POST, key, &["elements"])?;
        let response = self.send_source(request, element.into(), |_| {}).await?;
        let count: ElementCount = self.upload().json_of(response).await?;
        Ok(count.elements)
    }

    /// The elements of the key's list, the oldest first, fetched as the stream is read.
    pub fn state_elements(
        &self,
        key: &StateKey,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + Send + use<>, Error> {
        let path = ["s", key.user.as_str(), segment(&key.key)?, "elements"];
        let List { path, query, .. } = List::stored(&path);
        let elements = self.list::<String, u64>(List {
            listener: Listener::Upload,
            path,
            query,
            cursor: ("first", None),
        });
        let address = self.upload().address().to_owned();
        Ok(elements.map(move |element| {
            let bytes = STANDARD.decode(element?);
            let bytes = bytes.map_err(|odd| Error::protocol(&address, odd.to_string()))?;
            Ok(bytes.into())
        }))
    }

    /// Removes all elements of the key's list; its value stays.
    pub async fn clear_state_elements(&self, key: &StateKey) -> Result<(), Error> {
        let request = self.value(Method::DELETE, key, &["elements"])?;
        let response = self.upload().send_ok(request, self.short()).await?;
        self.upload().read(response).await.map(drop)
    }

    fn value(
        &self,
        method: Method,
        key: &StateKey,
        below: &[&str],
    ) -> Result<RequestBuilder, Error> {
        let mut segments = vec!["s", key.user.as_str(), segment(&key.key)?];
        segments.extend_from_slice(below);
        Ok(self.upload().request(method, &segments))
    }
}

/// The key as a segment of a path. URLs have no way to write the segments `.` and `..`:
/// they are resolved even where they are escaped.
fn segment(key: &Key) -> Result<&str, Error> {
    match key.as_str() {
        dots @ ("." | "..") => Err(Error::Invalid(format!(
            "the key {dots} cannot be part of a URL; functions can use it, and so can `curl --path-as-is`"
        ))),
        text => Ok(text),
    }
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(first, last) => write!(f, "{first}-{last}"),
            Self::From(first) => write!(f, "{first}-"),
            Self::Last(count) => write!(f, "-{count}"),
        }
    }
}

impl FromStr for ByteRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().ok();
        let parsed = text.split_once('-').and_then(|ends| match ends {
            ("", last) => Some(Self::Last(number(last)?)),
            (first, "") => Some(Self::From(number(first)?)),
            (first, last) => Some(Self::Within(number(first)?, number(last)?)),
        });
        match parsed {
            Some(Self::Within(first, last)) if last < first => {
                Err("the last byte of a range is not before the first".into())
            }
            Some(range) => Ok(range),
            None => {
                Err("a range is 2-5 (both included), 2- (to the end) or -3 (the last 3)".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientOptions;

    #[test]
    fn a_range_is_written_as_it_is_read() {
        for text in ["2-5", "0-0", "2-", "-3"] {
            assert_eq!(text.parse::<ByteRange>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "-",
            "5",
            "a-b",
            "5-2",
            "1-2-3",
            "2--3",
            "99999999999999999999-",
        ] {
            assert!(bad.parse::<ByteRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_key_has_one_segment_of_the_path_or_is_refused() {
        let client = Client::new(ClientOptions::default()).unwrap();
        let path = |key: &str| -> Result<String, Error> {
            let (user, key) = (Name::new("demo").unwrap(), Key::new(key).unwrap());
            let request = client.value(Method::GET, &StateKey { user, key }, &["elements"])?;
            Ok(request.build().unwrap().url().path().to_owned())
        };
        for (key, segment) in [
            ("a b", "a%20b"),
            ("a?b#c%d", "a%3Fb%23c%25d"),
            ("%2e%2E", "%252e%252E"),
            ("a\\b", "a%5Cb"),
            ("ä…", "%C3%A4%E2%80%A6"),
            ("...", "..."),
            (" ", "%20"),
        ] {
            assert_eq!(path(key).unwrap(), format!("/s/demo/{segment}/elements"));
        }
        for dots in [".", ".."] {
            assert!(matches!(path(dots), Err(Error::Invalid(_))), "{dots}");
        }
    }
}
