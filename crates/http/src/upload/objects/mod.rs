//! The objects of this server's storage, for other servers of the cluster.

mod change;
mod guard;
mod list;
mod read;
mod target;

use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::api::Api;

pub(crate) use guard::ServersOnly;

/// Where the list is.
const LIST: &str = "/storage";

/// Where objects are by their keys, which have slashes in them.
pub(crate) const AT_URL: &str = "/storage/{key}";

pub(super) fn routes() -> Vec<UtoipaMethodRouter<Api>> {
    vec![
        routes!(list::list_objects),
        routes!(read::get_object, change::put_object, change::delete_object),
    ]
}

/// What guards a path instead of what guards others, if anything does.
pub(crate) fn servers_only(path: &str, api: &Api) -> Option<ServersOnly> {
    match [LIST, AT_URL].contains(&path) {
        true => ServersOnly::new(api),
        false => None,
    }
}
