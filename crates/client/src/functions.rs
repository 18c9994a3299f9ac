//! Storing functions and looking at them.

use faasm_model::{FunctionName, LimitOverrides, Name};
use futures::Stream;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;

use crate::body::source_failure;
use crate::pages::{self, Page};
use crate::{Client, Download, Error, FunctionInfo, FunctionRecord, FunctionSource, Progress};

/// The most that a server gives at once.
const PAGE_ITEMS: u32 = 1000;

#[derive(Deserialize)]
struct FunctionsPage {
    functions: Vec<FunctionRecord>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct UsersPage {
    users: Vec<Name>,
    next: Option<String>,
}

impl Client {
    /// Stores a function. It is in force for the next call.
    ///
    /// `on_progress` is told after every piece that was handed to the connection.
    pub async fn put_function(
        &self,
        name: &FunctionName,
        source: impl Into<FunctionSource>,
        on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<FunctionRecord, Error> {
        let source = source.into();
        let path = match &source {
            FunctionSource::File(path) => path.clone(),
            FunctionSource::Bytes(_) => Default::default(),
        };
        let (body, len) = source.open(on_progress).await?;
        let mut request = self
            .function(Method::PUT, name, &[])
            .header(CONTENT_LENGTH, len)
            .body(body);
        if let Some(limit) = self.long() {
            request = request.timeout(limit);
        }
        let sent = request
            .send()
            .await
            .map_err(|error| match source_failure(&error) {
                Some(source) => Error::Io { path, source },
                None => Error::transport(self.upload().address(), &error),
            });
        self.upload().json_of(sent?).await
    }

    /// Fetches a function's bytes as they were put.
    pub async fn get_function(&self, name: &FunctionName) -> Result<Download, Error> {
        let request = self.function(Method::GET, name, &[]);
        let response = self.upload().send_ok(request, self.long()).await?;
        Ok(Download::new(self.clone(), response))
    }

    /// What is known of a function.
    pub async fn function_info(&self, name: &FunctionName) -> Result<FunctionInfo, Error> {
        let request = self.function(Method::GET, name, &["info"]);
        self.upload().json(request, self.short()).await
    }

    /// Replaces all of a function's own limits.
    pub async fn set_limits(
        &self,
        name: &FunctionName,
        limits: &LimitOverrides,
    ) -> Result<FunctionRecord, Error> {
        limits.check().map_err(|e| Error::Invalid(e.to_string()))?;
        let request = self.function(Method::PUT, name, &["limits"]).json(limits);
        self.upload().json(request, self.short()).await
    }

    /// Removes a function.
    pub async fn delete_function(&self, name: &FunctionName) -> Result<(), Error> {
        let request = self.function(Method::DELETE, name, &[]);
        let response = self.upload().send_ok(request, self.short()).await?;
        self.upload().read(response).await.map(drop)
    }

    /// A user's functions in the order of their names, fetched as the stream is read.
    pub fn list_functions(
        &self,
        user: &Name,
    ) -> impl Stream<Item = Result<FunctionRecord, Error>> + Send + use<> {
        let (client, user) = (self.clone(), user.clone());
        pages::all(self.upload().address().to_owned(), move |after| {
            let (client, user) = (client.clone(), user.clone());
            async move {
                let request = client.upload().request(Method::GET, &["f", user.as_str()]);
                let page: FunctionsPage = client.page(request, after).await?;
                Ok(Page {
                    items: page.functions,
                    next: page.next,
                })
            }
        })
    }

    /// The users who have functions, in the order of their names.
    pub fn list_users(&self) -> impl Stream<Item = Result<Name, Error>> + Send + use<> {
        let client = self.clone();
        pages::all(self.upload().address().to_owned(), move |after| {
            let client = client.clone();
            async move {
                let request = client.upload().request(Method::GET, &["f"]);
                let page: UsersPage = client.page(request, after).await?;
                Ok(Page {
                    items: page.users,
                    next: page.next,
                })
            }
        })
    }

    async fn page<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
        after: Option<String>,
    ) -> Result<T, Error> {
        let request = request.query(&[("limit", PAGE_ITEMS)]);
        let request = match after {
            Some(cursor) => request.query(&[("after", cursor)]),
            None => request,
        };
        self.upload().json(request, self.short()).await
    }

    fn function(&self, method: Method, name: &FunctionName, below: &[&str]) -> RequestBuilder {
        let mut segments = vec!["f", name.user.as_str(), name.function.as_str()];
        segments.extend_from_slice(below);
        self.upload().request(method, &segments)
    }
}
