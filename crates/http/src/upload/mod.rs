//! The upload listener: storing functions, state and shared files, and looking at them.

mod delete;
mod file;
mod get;
mod kind;
mod limits;
mod list;
mod objects;
mod put;
mod python;
mod receive;
mod state;
mod tokens;
mod view;

use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::{flush, workers};

pub(crate) use file::AT_URL as FILE_AT_URL;
pub(crate) use kind::Kind;
pub(crate) use objects::{AT_URL as OBJECT_AT_URL, ServersOnly, servers_only};

pub(crate) fn routes() -> Vec<UtoipaMethodRouter<Api>> {
    let mut routes = vec![
        routes!(
            put::put_function,
            get::get_function,
            delete::delete_function
        ),
        routes!(get::function_info),
        routes!(limits::put_limits),
        routes!(list::list_users),
        routes!(list::list_functions),
        routes!(
            python::put_python,
            python::get_python,
            python::delete_python
        ),
        routes!(python::python_info),
        routes!(python::put_python_limits),
        routes!(python::list_python_users),
        routes!(python::list_python),
        routes!(flush::flush),
        routes!(workers::list_workers),
    ];
    routes.extend(state::routes());
    routes.extend(file::routes());
    routes.extend(objects::routes());
    routes.extend(tokens::routes());
    routes
}
