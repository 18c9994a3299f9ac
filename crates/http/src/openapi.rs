//! The API's own description.

use axum::Extension;
use axum::body::Bytes;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, Info, OpenApi, OpenApiBuilder, Paths, Ref, RefOr,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::access::{self, Need};
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

/// The name that the description has for tokens.
const TOKEN: &str = "token";

/// Describes the routes that a listener answers, and which of them need a token.
pub(crate) fn document(
    title: &str,
    routes: &[UtoipaMethodRouter<Api>],
    has_tokens: bool,
) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas = vec![(ErrorView::name().into_owned(), ErrorView::schema())];
    ErrorView::schemas(&mut schemas);
    for (of_route, items, _) in routes {
        schemas.extend(of_route.iter().cloned());
        paths.merge(items.clone());
    }
    for (path, item) in &mut paths.paths {
        operations_mut(item).for_each(add_error);
        if has_tokens {
            add_token(path, item);
        }
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(TOKEN, bearer)
        .build();
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

/// Says which operations of a path need a token.
fn add_token(path: &str, item: &mut PathItem) {
    let by_method = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
    ];
    for (method, operation) in by_method {
        if let Some(operation) = operation
            && access::need(&method, path) != Need::Nothing
        {
            let token = SecurityRequirement::new(TOKEN, [""; 0]);
            operation.security = Some(vec![token]);
        }
    }
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
