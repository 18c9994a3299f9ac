//! Shared files, by the header `FilePath` or by their URL.

mod condition;
mod delete;
mod get;
mod list;
mod put;
mod target;
mod view;

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{RefOr, Required};
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::openapi;

/// Where files are by their URL; the path may have slashes in it, and may be empty.
pub(crate) const AT_URL: &str = "/file/{path}";

pub(super) fn routes() -> Vec<UtoipaMethodRouter<Api>> {
    let by_header = routes!(put::put_file, get::get_file, delete::delete_file);
    vec![at_url(by_header.clone()), by_header]
}

/// The same routes for who writes the path into the URL.
fn at_url((schemas, mut paths, handlers): UtoipaMethodRouter<Api>) -> UtoipaMethodRouter<Api> {
    let items = std::mem::take(&mut paths.paths).into_values();
    let moved = items.map(|mut item| {
        openapi::operations_mut(&mut item).for_each(take_path_from_url);
        (AT_URL.to_owned(), item)
    });
    paths.paths = moved.collect();
    (schemas, paths, handlers)
}

fn take_path_from_url(operation: &mut Operation) {
    let id = operation.operation_id.take();
    operation.operation_id = id.map(|id| format!("{id}_at_url"));
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.name == target::HEADER
        {
            parameter.name = target::PARAMETER.to_owned();
            parameter.parameter_in = ParameterIn::Path;
            parameter.required = Required::True;
        }
    }
}
