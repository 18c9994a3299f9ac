//! Shared files: putting, fetching, listing and removing them.

use faasm_model::{ContentHash, SharedPath};
use futures::{Stream, StreamExt};
use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, Serialize};

use crate::pages::List;
use crate::{Client, Download, Error, Progress, Source};

/// A shared file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Where functions open it.
    pub path: SharedPath,
    /// What there is.
    #[serde(flatten)]
    pub version: FileVersion,
}

/// A shared file as it was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVersion {
    /// In bytes.
    pub size: u64,
    /// The hash of its bytes.
    pub hash: ContentHash,
    /// When it was put, in milliseconds since 1970.
    pub modified_at_ms: u64,
}

/// An entry of a shared directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// Its name in the directory.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: EntryKind,
}

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum EntryKind {
    /// A file.
    File(FileVersion),
    /// A directory.
    Directory,
}

#[derive(Deserialize)]
struct Deleted {
    deleted: u64,
}

const RECURSIVE: (&str, &str) = ("recursive", "true");

impl FileRecord {
    /// The path from `directory`, if the file is below it; `None` stands for the root.
    pub fn below(&self, directory: Option<&SharedPath>) -> Option<&str> {
        let path = self.path.as_str();
        match directory {
            Some(directory) => path.strip_prefix(directory.as_str())?.strip_prefix('/'),
            None => Some(path),
        }
    }
}

impl Client {
    /// Stores a shared file. Whoever opens it from then on finds it.
    ///
    /// `on_progress` is told after every piece that was handed to the connection.
    pub async fn put_file(
        &self,
        path: &SharedPath,
        source: impl Into<Source>,
        on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<FileRecord, Error> {
        let request = self.file(Method::PUT, path);
        let response = self.send_source(request, source.into(), on_progress);
        self.upload().json_of(response.await?).await
    }

    /// Fetches a shared file. It is an [`Error::IsADirectory`] if the path is that of a
    /// directory.
    pub async fn get_file(&self, path: &SharedPath) -> Result<Download, Error> {
        let request = self.file(Method::GET, path);
        let response = self.upload().send_ok(request, self.long()).await?;
        let download = Download::new(self.clone(), response);
        match download.is_json() {
            true => Err(Error::IsADirectory(path.clone())),
            false => Ok(download),
        }
    }

    /// A directory's entries in the order of their names, fetched as the stream is read.
    /// `None` stands for the root.
    pub fn list_files(
        &self,
        directory: Option<&SharedPath>,
    ) -> impl Stream<Item = Result<DirectoryEntry, Error>> + Send + use<> {
        self.list(List::stored(&in_directory(directory)))
    }

    /// All files below a directory in the order of their paths, fetched as the stream is
    /// read. `None` stands for the root. A server that lists what is elsewhere is not
    /// believed.
    pub fn walk_files(
        &self,
        directory: Option<&SharedPath>,
    ) -> impl Stream<Item = Result<FileRecord, Error>> + Send + use<> {
        let mut list = List::stored(&in_directory(directory));
        list.query.push((RECURSIVE.0, RECURSIVE.1.to_owned()));
        let address = self.upload().address().to_owned();
        let directory = directory.cloned();
        self.list(list).map(move |listed| {
            let record: FileRecord = listed?;
            match record.below(directory.as_ref()) {
                Some(_) => Ok(record),
                None => {
                    let what = format!("it lists {:?} as below {directory:?}", record.path);
                    Err(Error::protocol(&address, what))
                }
            }
        })
    }

    /// Removes a file. Whoever has it open keeps what it has. It is an
    /// [`Error::IsADirectory`] if the path is that of a directory.
    pub async fn delete_file(&self, path: &SharedPath) -> Result<(), Error> {
        let request = self.file(Method::DELETE, path);
        match self.upload().send_ok(request, self.short()).await {
            Ok(response) => self.upload().read(response).await.map(drop),
            Err(Error::Refused { code, .. }) if code == "is_a_directory" => {
                Err(Error::IsADirectory(path.clone()))
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a file, or all files below a directory, and says how many there were. Others
    /// may see part of them gone.
    pub async fn delete_files(&self, path: &SharedPath) -> Result<u64, Error> {
        let request = self.file(Method::DELETE, path).query(&[RECURSIVE]);
        let deleted: Deleted = self.upload().json(request, self.long()).await?;
        Ok(deleted.deleted)
    }

    fn file(&self, method: Method, path: &SharedPath) -> RequestBuilder {
        self.upload().request(method, &segments(path))
    }
}

/// The path as segments of a URL. A shared path has no name that a URL cannot have.
fn segments(path: &SharedPath) -> Vec<&str> {
    ["file"].into_iter().chain(path.names()).collect()
}

/// The same for a directory, where a file is refused: with a slash at the end.
fn in_directory(directory: Option<&SharedPath>) -> Vec<&str> {
    let mut segments = directory.map_or_else(|| vec!["file"], segments);
    segments.push("");
    segments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientOptions;

    #[test]
    fn every_path_has_a_url_of_its_own() {
        let client = Client::new(ClientOptions::default()).unwrap();
        let url = |segments: &[&str]| {
            let request = client.upload().request(Method::GET, segments);
            request.build().unwrap().url().path().to_owned()
        };
        for (path, escaped) in [
            ("a/b", "a/b"),
            ("a b/c?d#e", "a%20b/c%3Fd%23e"),
            ("%2e%2e/x", "%252e%252e/x"),
            ("C:\\x", "C:%5Cx"),
            (".../ä", ".../%C3%A4"),
        ] {
            let path = SharedPath::new(path).unwrap();
            assert_eq!(url(&segments(&path)), format!("/file/{escaped}"));
            assert_eq!(url(&in_directory(Some(&path))), format!("/file/{escaped}/"));
        }
        assert_eq!(url(&in_directory(None)), "/file/");
    }
}
