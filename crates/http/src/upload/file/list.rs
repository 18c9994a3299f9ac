//! What is in a directory of shared files.

use axum::response::Response;
use faasm_model::SharedPath;
use faasm_storage::{FileRecord, Files};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::{EntryView, FileView};
use crate::error::{ApiError, ErrorCode};
use crate::query::flag;
use crate::{page, reply};

/// How to list a directory; a file is answered whatever this says.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// All files below the directory, instead of what is right in it.
    #[serde(default, deserialize_with = "flag")]
    #[param(required = false)]
    recursive: bool,
    /// Most items of the answer: 1 to 1000, 100 if left out.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A directory.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Directory<'a> {
    /// What is right in it, by name.
    Entries {
        /// The files and directories.
        entries: Vec<EntryView<'a>>,
        /// Pass it as `after` for the next page; null if this is the last.
        next: Option<&'a str>,
    },
    /// With `recursive`: all files below it, by path.
    Files {
        /// The files.
        files: Vec<FileView<'a>>,
        /// Pass it as `after` for the next page; null if this is the last.
        #[schema(value_type = Option<String>)]
        next: Option<&'a SharedPath>,
    },
}

/// A page of `directory`; `None` stands for the root.
pub(super) fn answer(
    files: &Files,
    directory: Option<&SharedPath>,
    query: &ListQuery,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let after = query.after.as_deref();
    if !query.recursive {
        let page = files.list(directory, after, limit)?;
        return reply::json(&Directory::Entries {
            entries: page.items.iter().map(EntryView::from).collect(),
            next: page.next.as_deref(),
        });
    }
    let invalid = |rule| ApiError::new(ErrorCode::InvalidPath, format!("`after`: {rule}"));
    let after = after.map(SharedPath::new).transpose().map_err(invalid)?;
    let page = files.walk(directory, after.as_ref(), limit)?;
    let views = page.items.iter().map(AsRef::<FileRecord>::as_ref);
    reply::json(&Directory::Files {
        files: views.map(FileView::from).collect(),
        next: page.next.as_ref(),
    })
}
