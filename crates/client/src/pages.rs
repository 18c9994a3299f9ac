//! Lists that the server gives page by page, as one stream.

use futures::{Stream, TryStreamExt, stream};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Client, Error, Listener};

/// One page: its items, which each list calls by their own name, and where the next one
/// starts.
#[derive(Deserialize)]
struct Page<T, C> {
    #[serde(
        alias = "functions",
        alias = "users",
        alias = "calls",
        alias = "keys",
        alias = "elements",
        alias = "entries",
        alias = "files",
        alias = "tokens"
    )]
    items: Vec<T>,
    next: Option<C>,
}

/// Which list.
#[derive(Clone, Debug)]
pub(crate) struct List<C> {
    pub(crate) listener: Listener,
    /// The segments of its path.
    pub(crate) path: Vec<String>,
    /// What is asked for on every page.
    pub(crate) query: Vec<(&'static str, String)>,
    /// How the start of a page is called, and that of the first one.
    pub(crate) cursor: (&'static str, Option<C>),
}

impl List<String> {
    /// A list of what is stored below `path`, in pages as large as a server gives.
    pub(crate) fn stored(path: &[&str]) -> Self {
        Self {
            listener: Listener::Upload,
            path: path.iter().copied().map(str::to_owned).collect(),
            query: vec![("limit", "1000".to_owned())],
            cursor: ("after", None),
        }
    }
}

enum State<C> {
    At(Option<C>),
    Done,
}

impl Client {
    /// Fetches pages as the stream is read. A server that answers with the cursor it was
    /// asked with would make it endless: that is an error.
    pub(crate) fn list<T, C>(
        &self,
        list: List<C>,
    ) -> impl Stream<Item = Result<T, Error>> + Send + use<T, C>
    where
        T: DeserializeOwned + Send,
        C: DeserializeOwned + Serialize + Clone + PartialEq + Send + Sync,
    {
        let start = State::At(list.cursor.1.clone());
        let client = self.clone();
        let pages = stream::try_unfold((client, list, start), |(client, list, state)| async {
            let State::At(cursor) = state else {
                return Ok(None);
            };
            let page: Page<T, C> = client.page(&list, cursor.as_ref()).await?;
            let state = match page.next {
                None => State::Done,
                next if next == cursor => {
                    let address = client.endpoint(list.listener).address();
                    return Err(Error::protocol(address, "a list goes in circles"));
                }
                next => State::At(next),
            };
            let items = stream::iter(page.items.into_iter().map(Ok));
            Ok(Some((items, (client, list, state))))
        });
        pages.try_flatten()
    }

    async fn page<T, C>(&self, list: &List<C>, cursor: Option<&C>) -> Result<Page<T, C>, Error>
    where
        T: DeserializeOwned,
        C: DeserializeOwned + Serialize,
    {
        let endpoint = self.endpoint(list.listener);
        let path: Vec<&str> = list.path.iter().map(String::as_str).collect();
        let request = endpoint.request(Method::GET, &path).query(&list.query);
        let request = match cursor {
            Some(cursor) => request.query(&[(list.cursor.0, cursor)]),
            None => request,
        };
        endpoint.json(request, self.short()).await
    }
}
