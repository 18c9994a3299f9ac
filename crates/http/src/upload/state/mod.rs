//! State: values by user and key, and lists of appended elements beside them.

mod append;
mod clear;
mod condition;
mod delete;
mod elements;
mod get;
mod list;
mod put;
mod view;

use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::api::Api;

pub(super) fn routes() -> Vec<UtoipaMethodRouter<Api>> {
    vec![
        routes!(put::put_state, get::get_state, delete::delete_state),
        routes!(
            append::append_element,
            elements::get_elements,
            clear::clear_elements
        ),
        routes!(list::list_state_users),
        routes!(list::list_keys),
    ]
}
