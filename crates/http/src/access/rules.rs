//! What each request needs. What is not in this table is refused to everybody.

use axum::http::Method;
use faasm_auth::Scope;

use Scope::{Admin, Files, Invoke, Read, Upload};

use crate::upload::{FILE_AT_URL, OBJECT_AT_URL};

/// What a token must have for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// No token is asked for.
    Nothing,
    /// Any token that counts.
    Token,
    /// One of these scopes. It is about no user, or about users that the handler finds out: that
    /// one looks at them, with the help of [`Caller`](super::Caller).
    Scope(&'static [Scope]),
    /// One of these scopes for the user in the path.
    OfUser(&'static [Scope]),
    /// One of these scopes for all users.
    OfAll(&'static [Scope]),
    /// The key of the cluster, which a server that has none cannot ask for: no token will do.
    Server,
    /// More than any token has: nobody has said yet what this request needs.
    Unknown,
}

/// What `method` of `path`, a template as in the description, needs.
pub(crate) fn need(method: &Method, path: &str) -> Need {
    let method = match *method {
        Method::HEAD => "GET",
        ref other => other.as_str(),
    };
    match (method, path) {
        ("GET", "/healthz" | "/readyz") => Need::Nothing,
        ("GET", "/openapi.json") => Need::Token,
        // Their labels name the users and functions of everybody.
        ("GET", "/metrics") => Need::OfAll(&[Read]),
        ("POST", "/flush") | ("GET", "/workers") | (_, "/tokens" | "/tokens/{id}") => {
            Need::Scope(&[Admin])
        }

        ("GET", "/f" | "/p" | "/s") => Need::Scope(&[Read]),
        ("GET", "/f/{user}" | "/p/{user}" | "/s/{user}") => Need::OfUser(&[Read]),
        ("GET", "/f/{user}/{function}" | "/f/{user}/{function}/info") => Need::OfUser(&[Read]),
        ("GET", "/p/{user}/{function}" | "/p/{user}/{function}/info") => Need::OfUser(&[Read]),
        ("PUT" | "DELETE", "/f/{user}/{function}" | "/p/{user}/{function}") => {
            Need::OfUser(&[Upload])
        }
        ("PUT", "/f/{user}/{function}/limits" | "/p/{user}/{function}/limits") => {
            Need::OfUser(&[Upload])
        }
        ("GET", "/s/{user}/{key}" | "/s/{user}/{key}/elements") => Need::OfUser(&[Read]),
        ("PUT" | "DELETE", "/s/{user}/{key}") => Need::OfUser(&[Upload]),
        ("POST" | "DELETE", "/s/{user}/{key}/elements") => Need::OfUser(&[Upload]),

        // Shared files belong to all users.
        ("GET", "/file" | FILE_AT_URL) => Need::Scope(&[Read, Files]),
        ("PUT" | "DELETE", "/file" | FILE_AT_URL) => Need::Scope(&[Files]),

        ("GET", "/storage") | ("GET" | "PUT" | "DELETE", OBJECT_AT_URL) => Need::Server,

        ("POST", "/invoke/{user}/{function}") => Need::OfUser(&[Invoke]),
        // The body says whose, and what.
        ("POST", "/") => Need::Scope(&[Invoke, Read]),
        // Whose a call is, is known once it is found.
        ("GET", "/calls" | "/calls/{id}" | "/calls/{id}/graph") => Need::Scope(&[Invoke, Read]),
        ("DELETE", "/calls/{id}") => Need::Scope(&[Invoke]),
        _ => Need::Unknown,
    }
}
