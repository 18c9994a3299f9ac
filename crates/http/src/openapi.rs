//! The API's own description.

use axum::Extension;
use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, Info, OpenApi, OpenApiBuilder, Paths, Ref, RefOr,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::api::Api;
use crate::error::ErrorView;
use crate::reply;

pub(crate) const PATH: &str = "/openapi.json";

/// The description of one listener, in JSON.
#[derive(Clone)]
pub(crate) struct Document(pub(crate) Bytes);

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses(
    (status = 200, description = "An OpenAPI document", body = serde_json::Value),
))]
pub(crate) async fn openapi(Extension(document): Extension<Document>) -> Response {
    reply::with(StatusCode::OK, reply::JSON, document.0)
}

/// Describes the routes that a listener answers.
pub(crate) fn document(title: &str, routes: &[UtoipaMethodRouter<Api>]) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas = vec![(ErrorView::name().into_owned(), ErrorView::schema())];
    ErrorView::schemas(&mut schemas);
    for (of_route, items, _) in routes {
        schemas.extend(of_route.iter().cloned());
        paths.merge(items.clone());
    }
    for item in paths.paths.values_mut() {
        operations_mut(item).for_each(add_error);
    }
    let components = ComponentsBuilder::new().schemas_from_iter(schemas).build();
    OpenApiBuilder::new()
        .info(Info::new(title, env!("CARGO_PKG_VERSION")))
        .paths(paths)
        .components(Some(components))
        .build()
}

/// The methods that a path answers, as `Allow` names them.
pub(crate) fn allow(item: &PathItem) -> Option<HeaderValue> {
    let methods = [
        ("GET, HEAD", item.get.is_some()),
        ("PUT", item.put.is_some()),
        ("POST", item.post.is_some()),
        ("DELETE", item.delete.is_some()),
        ("OPTIONS", true),
    ];
    let answered = methods.iter().filter(|(_, is_there)| *is_there);
    let names: Vec<_> = answered.map(|(name, _)| *name).collect();
    HeaderValue::try_from(names.join(", ")).ok()
}

/// All that a path answers.
pub(crate) fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
    ];
    all.into_iter().flatten()
}

/// Every operation may end in an error, and all errors look alike.
fn add_error(operation: &mut Operation) {
    let schema = Ref::from_schema_name(ErrorView::name());
    let response = ResponseBuilder::new()
        .description("An error: one line of text, or this with `Accept: application/json`")
        .content(
            "application/json",
            ContentBuilder::new().schema(Some(schema)).build(),
        )
        .build();
    operation
        .responses
        .responses
        .insert("default".into(), RefOr::T(response));
}
