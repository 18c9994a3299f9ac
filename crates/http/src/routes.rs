//! The two listeners' routers.

use axum::handler::HandlerWithoutStateExt;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use tower::Layer;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::access::Guard;
use crate::api::Api;
use crate::error::{ApiError, ErrorCode};
use crate::front::Front;
use crate::openapi::{self, Document};
use crate::{current, health, invoke, metrics, upload};

/// What the upload listener answers.
pub fn upload_router(api: Api) -> Router {
    router("faasm upload", api, upload::routes())
}

/// What the invoke listener answers.
pub fn invoke_router(api: Api) -> Router {
    router("faasm invoke", api, invoke::routes())
}

fn common() -> Vec<UtoipaMethodRouter<Api>> {
    vec![
        routes!(health::healthz),
        routes!(health::readyz),
        routes!(metrics::metrics),
        routes!(openapi::openapi),
    ]
}

/// One list of routes gives the router, the description, and what `Allow` says.
fn router(title: &str, api: Api, mut routes: Vec<UtoipaMethodRouter<Api>>) -> Router {
    routes.extend(common());
    let document = openapi::document(title, &routes, api.tokens.is_some()).to_json();
    let document = Document(document.unwrap_or_default().into());
    let cors = api
        .options
        .cors_origin
        .as_ref()
        .map(|origin| origin.layer());
    let mut router = Router::new();
    for (_, paths, handlers) in routes {
        for (path, item) in paths.paths {
            let mut handlers = handlers.clone();
            let servers = upload::servers_only(&path, &api);
            if let Some(servers) = servers {
                let stand = from_fn_with_state(servers, upload::ServersOnly::stand);
                handlers = handlers.layer(stand);
            } else if let Some(tokens) = &api.tokens {
                let open_metrics = api.options.open_metrics;
                let guard = Guard::new(&path, tokens.clone(), open_metrics);
                handlers = handlers.layer(from_fn_with_state(guard, Guard::stand));
            }
            if api.calls.is_in_cluster() && current::is_shared(&path) {
                let calls = api.calls.clone();
                handlers = handlers.layer(from_fn_with_state(calls, current::require));
            }
            // Not guarded: whoever asks for a method that there is not learns only that.
            handlers = handlers.fallback(method_not_allowed);
            if path == openapi::PATH {
                handlers = handlers.layer(Extension(document.clone()));
            }
            if let Some(cors) = &cors {
                handlers = handlers.layer(cors.clone());
            }
            let front = Front::new(&path, openapi::allow(&item), cors.is_some());
            let handlers = handlers.layer(front);
            for pattern in patterns(&path) {
                router = router.route(pattern, handlers.clone());
            }
        }
    }
    let nowhere = Front::new("unmatched", None, cors.is_some());
    let fallback = nowhere.layer(route_not_found.into_service());
    router.fallback_service(fallback).with_state(api)
}

/// What axum is told of a described path. OpenAPI has no notation for a parameter that may
/// be empty or have slashes in it.
fn patterns(path: &str) -> Vec<&str> {
    match path {
        upload::FILE_AT_URL => vec!["/file/", "/file/{*path}"],
        upload::OBJECT_AT_URL => vec!["/storage/{*key}"],
        plain => vec![plain],
    }
}

async fn route_not_found(method: Method, uri: Uri) -> ApiError {
    let problem = format!("there is no {method} {}", uri.path());
    ApiError::new(ErrorCode::RouteNotFound, problem)
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let problem = format!("{} does not answer to {method}", uri.path());
    ApiError::new(ErrorCode::MethodNotAllowed, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Need, need};

    #[test]
    fn somebody_has_said_what_every_route_needs() {
        let all = [upload::routes(), invoke::routes(), common()].concat();
        for (_, paths, _) in all {
            for (path, item) in paths.paths {
                let methods = [
                    (Method::GET, item.get),
                    (Method::PUT, item.put),
                    (Method::POST, item.post),
                    (Method::DELETE, item.delete),
                ];
                for (method, _) in methods.iter().filter(|(_, there)| there.is_some()) {
                    assert_ne!(need(method, &path), Need::Unknown, "{method} {path}");
                }
            }
        }
    }

    #[test]
    fn what_nobody_has_thought_of_is_for_nobody() {
        for (method, path) in [
            (Method::GET, "/new"),
            (Method::PATCH, "/f/{user}"),
            (Method::POST, "/calls"),
        ] {
            assert_eq!(need(&method, path), Need::Unknown, "{method} {path}");
        }
    }
}
