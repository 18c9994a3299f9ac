//! Lists that the server gives page by page, as one stream.

use std::future::Future;

use futures::{Stream, TryStreamExt, stream};

use crate::Error;

/// One page: its items and where the next one starts.
pub(crate) struct Page<T, C> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<C>,
}

enum State<C> {
    First,
    After(C),
    Done,
}

/// Fetches pages as the stream is read. A server that answers with the cursor it was
/// asked with would make it endless: that is an error.
pub(crate) fn all<T, C, F, Fut>(
    address: String,
    fetch: F,
) -> impl Stream<Item = Result<T, Error>> + Send
where
    T: Send,
    C: Clone + PartialEq + Send,
    F: Fn(Option<C>) -> Fut + Send,
    Fut: Future<Output = Result<Page<T, C>, Error>> + Send,
{
    let pages = stream::try_unfold((State::First, fetch), move |(state, fetch)| {
        let address = address.clone();
        async move {
            let after = match state {
                State::First => None,
                State::After(cursor) => Some(cursor),
                State::Done => return Ok(None),
            };
            let page = fetch(after.clone()).await?;
            let state = match page.next {
                None => State::Done,
                next if next == after => {
                    return Err(Error::protocol(&address, "a list goes in circles"));
                }
                Some(cursor) => State::After(cursor),
            };
            let items = stream::iter(page.items.into_iter().map(Ok));
            Ok(Some((items, (state, fetch))))
        }
    });
    pages.try_flatten()
}
