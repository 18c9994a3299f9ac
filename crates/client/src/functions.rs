//! Storing functions and looking at them.

use faasm_model::{FunctionName, LimitOverrides, Name};
use futures::Stream;
use reqwest::{Method, RequestBuilder};

use crate::pages::List;
use crate::{
    Client, Download, Error, FunctionInfo, FunctionKind, FunctionRecord, Progress, Source,
};

impl Client {
    /// Stores a function. It is in force for the next call.
    ///
    /// `on_progress` is told after every piece that was handed to the connection.
    pub async fn put_function(
        &self,
        kind: FunctionKind,
        name: &FunctionName,
        source: impl Into<Source>,
        on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<FunctionRecord, Error> {
        let request = self.function(Method::PUT, kind, name, &[]);
        let response = self.send_source(request, source.into(), on_progress);
        self.upload().json_of(response.await?).await
    }

    /// Fetches a function's bytes as they were put.
    pub async fn get_function(
        &self,
        kind: FunctionKind,
        name: &FunctionName,
    ) -> Result<Download, Error> {
        let request = self.function(Method::GET, kind, name, &[]);
        let response = self.upload().send_ok(request, self.long()).await?;
        Ok(Download::new(self.clone(), response))
    }

    /// What is known of a function.
    pub async fn function_info(
        &self,
        kind: FunctionKind,
        name: &FunctionName,
    ) -> Result<FunctionInfo, Error> {
        let request = self.function(Method::GET, kind, name, &["info"]);
        self.upload().json(request, self.short()).await
    }

    /// Replaces all of a function's own limits.
    pub async fn set_limits(
        &self,
        kind: FunctionKind,
        name: &FunctionName,
        limits: &LimitOverrides,
    ) -> Result<FunctionRecord, Error> {
        limits.check().map_err(|e| Error::Invalid(e.to_string()))?;
        let request = self
            .function(Method::PUT, kind, name, &["limits"])
            .json(limits);
        self.upload().json(request, self.short()).await
    }

    /// Removes a function.
    pub async fn delete_function(
        &self,
        kind: FunctionKind,
        name: &FunctionName,
    ) -> Result<(), Error> {
        let request = self.function(Method::DELETE, kind, name, &[]);
        let response = self.upload().send_ok(request, self.short()).await?;
        self.upload().read(response).await.map(drop)
    }

    /// A user's functions in the order of their names, fetched as the stream is read.
    pub fn list_functions(
        &self,
        kind: FunctionKind,
        user: &Name,
    ) -> impl Stream<Item = Result<FunctionRecord, Error>> + Send + use<> {
        self.list(List::stored(&[kind.folder(), user.as_str()]))
    }

    /// The users who have functions, in the order of their names.
    pub fn list_users(
        &self,
        kind: FunctionKind,
    ) -> impl Stream<Item = Result<Name, Error>> + Send + use<> {
        self.list(List::stored(&[kind.folder()]))
    }

    fn function(
        &self,
        method: Method,
        kind: FunctionKind,
        name: &FunctionName,
        below: &[&str],
    ) -> RequestBuilder {
        let mut segments = vec![kind.folder(), name.user.as_str(), name.function.as_str()];
        segments.extend_from_slice(below);
        self.upload().request(method, &segments)
    }
}
