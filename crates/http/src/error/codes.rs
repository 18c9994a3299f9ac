//! All codes of errors, with the status and the hint that go with each.

use axum::http::StatusCode;

/// What is wrong with a request, as a stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The body, the query or the path cannot be understood.
    BadRequest,
    /// A user's or a function's name breaks the rule of names.
    InvalidName,
    /// The key of a state value breaks the rule of keys.
    InvalidKey,
    /// The path of a shared file breaks the rule of paths.
    InvalidPath,
    /// A field has a wrong type or a value out of range.
    InvalidField,
    /// A field that the request needs is absent.
    MissingField,
    /// The request has no token, and the server asks for one.
    NoToken,
    /// The token is wrong, was revoked, or has expired.
    BadToken,
    /// The token is good, and not for this.
    Forbidden,
    /// Nothing answers at this path.
    RouteNotFound,
    /// No such function is stored.
    FunctionNotFound,
    /// The call's id was never issued, or its result has expired.
    CallNotFound,
    /// There is no such state value.
    StateNotFound,
    /// There is no such shared file or directory.
    FileNotFound,
    /// There is no such object in the storage.
    ObjectNotFound,
    /// There is no such token.
    TokenNotFound,
    /// The path answers to other methods.
    MethodNotAllowed,
    /// The body of the request paused for too long.
    RequestTimeout,
    /// The server lets anybody in, and has no tokens.
    TokensOff,
    /// No more tokens can be made.
    TooManyTokens,
    /// The idempotency key belongs to another request.
    IdempotencyConflict,
    /// A file cannot be stored where a directory is, nor below a file.
    FileConflict,
    /// What takes a file was asked of a directory.
    IsADirectory,
    /// What takes a directory was asked of a file.
    NotADirectory,
    /// An object was to be stored only if there was none.
    ObjectExists,
    /// The state value is not as the request's condition says.
    StateConflict,
    /// The body is over a limit.
    BodyTooLarge,
    /// The user would have more state than is allowed.
    StateQuota,
    /// The value has none of the bytes that were asked for.
    RangeNotSatisfiable,
    /// The upload is not a valid WebAssembly module.
    InvalidModule,
    /// The module imports what the host does not provide.
    UnknownImport,
    /// The module lacks an export that functions have, or it has another type.
    MissingExport,
    /// The function's initialiser failed.
    InitialiserFailed,
    /// The module asks for more than a call can get.
    ModuleTooLarge,
    /// The Python file does not parse.
    PythonSyntaxError,
    /// The top-level code of the Python file failed.
    PythonImportFailed,
    /// The upload is not a zip archive of a Python function.
    InvalidArchive,
    /// The request asks for something that this version cannot do.
    Unsupported,
    /// The user has too many calls waiting.
    QueueFull,
    /// The user calls more often than they may.
    CallQuota,
    /// There are not as many Faaslets free as an MPI world has ranks.
    NoRoomForWorld,
    /// The server's memory or its Faaslets are used up.
    Overloaded,
    /// The server is starting, or shutting down.
    NotReady,
    /// What keeps the state cannot be reached, or does not do its work.
    StateUnavailable,
    /// What the servers of a cluster share cannot be reached.
    ClusterUnavailable,
    /// The tokens of the cluster cannot be reached, or other servers could not be told of a change.
    TokensUnavailable,
    /// The storage is elsewhere and cannot be used, or the other servers cannot be told of a
    /// change.
    StorageUnavailable,
    /// The server has no Python runtime.
    PythonNotInstalled,
    /// The server's disk is full.
    NoSpace,
    /// The user would have more bytes of functions than they may.
    StorageQuota,
    /// There would be more shared files than are allowed.
    FileQuota,
    /// Stored code is not what was uploaded.
    DamagedCode,
    /// A state value cannot be read back.
    DamagedState,
    /// The bytes of a shared file are not what was put.
    DamagedFile,
    /// A fault of the server.
    Internal,
}

/// A row of the table.
struct Row(&'static str, StatusCode, &'static str);

impl ErrorCode {
    /// Every code.
    pub const ALL: &[Self] = &[
        Self::BadRequest,
        Self::InvalidName,
        Self::InvalidKey,
        Self::InvalidPath,
        Self::InvalidField,
        Self::MissingField,
        Self::NoToken,
        Self::BadToken,
        Self::Forbidden,
        Self::RouteNotFound,
        Self::FunctionNotFound,
        Self::CallNotFound,
        Self::StateNotFound,
        Self::FileNotFound,
        Self::ObjectNotFound,
        Self::TokenNotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::TokensOff,
        Self::TooManyTokens,
        Self::IdempotencyConflict,
        Self::FileConflict,
        Self::IsADirectory,
        Self::NotADirectory,
        Self::ObjectExists,
        Self::StateConflict,
        Self::BodyTooLarge,
        Self::StateQuota,
        Self::RangeNotSatisfiable,
        Self::InvalidModule,
        Self::UnknownImport,
        Self::MissingExport,
        Self::InitialiserFailed,
        Self::ModuleTooLarge,
        Self::PythonSyntaxError,
        Self::PythonImportFailed,
        Self::InvalidArchive,
        Self::Unsupported,
        Self::QueueFull,
        Self::CallQuota,
        Self::NoRoomForWorld,
        Self::Overloaded,
        Self::NotReady,
        Self::StateUnavailable,
        Self::ClusterUnavailable,
        Self::TokensUnavailable,
        Self::StorageUnavailable,
        Self::PythonNotInstalled,
        Self::NoSpace,
        Self::StorageQuota,
        Self::FileQuota,
        Self::DamagedCode,
        Self::DamagedState,
        Self::DamagedFile,
        Self::Internal,
    ];

    #[rustfmt::skip]
    const fn row(self) -> Row {
        use StatusCode as S;
        match self {
            Self::BadRequest => Row("bad_request", S::BAD_REQUEST, "see /openapi.json for the form of requests"),
            Self::InvalidName => Row("invalid_name", S::BAD_REQUEST, "choose another name"),
            Self::InvalidKey => Row("invalid_key", S::BAD_REQUEST, "choose another key"),
            Self::InvalidPath => Row("invalid_path", S::BAD_REQUEST, "choose another path"),
            Self::InvalidField => Row("invalid_field", S::BAD_REQUEST, "see /openapi.json for the fields and their types"),
            Self::MissingField => Row("missing_field", S::BAD_REQUEST, "see /openapi.json for the fields"),
            Self::NoToken => Row("no_token", S::UNAUTHORIZED, "send the header Authorization: Bearer TOKEN"),
            Self::BadToken => Row("bad_token", S::UNAUTHORIZED, "ask whoever runs the server for another token"),
            Self::Forbidden => Row("forbidden", S::FORBIDDEN, "ask whoever runs the server for a token that is for this"),
            Self::RouteNotFound => Row("route_not_found", S::NOT_FOUND, "see /openapi.json for what this listener answers; upload and invoke are two listeners"),
            Self::FunctionNotFound => Row("function_not_found", S::NOT_FOUND, "upload it to the upload listener: PUT /f/{user}/{function}, or PUT /p/{user}/{function} for Python"),
            Self::CallNotFound => Row("call_not_found", S::NOT_FOUND, "GET /calls lists the calls that are known"),
            Self::StateNotFound => Row("state_not_found", S::NOT_FOUND, "GET /s/{user} on the upload listener lists the user's keys"),
            Self::FileNotFound => Row("file_not_found", S::NOT_FOUND, "GET /file/ on the upload listener lists the shared files"),
            Self::TokenNotFound => Row("token_not_found", S::NOT_FOUND, "GET /tokens on the upload listener lists the tokens"),
            Self::MethodNotAllowed => Row("method_not_allowed", S::METHOD_NOT_ALLOWED, "the header Allow names the methods"),
            Self::RequestTimeout => Row("request_timeout", S::REQUEST_TIMEOUT, "send the request again"),
            Self::TokensOff => Row("tokens_off", S::CONFLICT, "its operator can: `faasm serve --auth tokens`"),
            Self::TooManyTokens => Row("too_many_tokens", S::CONFLICT, "revoke those that are not used"),
            Self::IdempotencyConflict => Row("idempotency_conflict", S::CONFLICT, "use a new key for a new request"),
            Self::FileConflict => Row("file_conflict", S::CONFLICT, "delete what is in the way, or choose another path"),
            Self::IsADirectory => Row("is_a_directory", S::CONFLICT, "name a file in it; ?recursive=true deletes all of them"),
            Self::NotADirectory => Row("not_a_directory", S::CONFLICT, "leave out the / at the end of the path"),
            Self::ObjectNotFound => Row("object_not_found", S::NOT_FOUND, "GET /storage?prefix=functions/ on the upload listener lists objects"),
            Self::ObjectExists => Row("object_exists", S::PRECONDITION_FAILED, "leave it as it is, or put it without If-None-Match"),
            Self::StateConflict => Row("state_conflict", S::PRECONDITION_FAILED, "read the value again, and try with its version"),
            Self::BodyTooLarge => Row("body_too_large", S::PAYLOAD_TOO_LARGE, "send less, or have the server's limit raised"),
            Self::StateQuota => Row("state_quota", S::PAYLOAD_TOO_LARGE, "delete state that is not needed, or have the server's limit raised"),
            Self::RangeNotSatisfiable => Row("range_not_satisfiable", S::RANGE_NOT_SATISFIABLE, "the header Content-Range tells the size"),
            Self::InvalidModule => Row("invalid_module", S::UNPROCESSABLE_ENTITY, "`faasm build` makes modules that fit"),
            Self::UnknownImport => Row("unknown_import", S::UNPROCESSABLE_ENTITY, "define the symbol in the module, or use the host interface"),
            Self::MissingExport => Row("missing_export", S::UNPROCESSABLE_ENTITY, "build a WASI command: a program with a `main`"),
            Self::InitialiserFailed => Row("initialiser_failed", S::UNPROCESSABLE_ENTITY, "what it may do is in the page about initialisers"),
            Self::ModuleTooLarge => Row("module_too_large", S::UNPROCESSABLE_ENTITY, "let the module declare less"),
            Self::PythonSyntaxError => Row("python_syntax_error", S::UNPROCESSABLE_ENTITY, "the functions of this server are written in Python 3"),
            Self::PythonImportFailed => Row("python_import_failed", S::UNPROCESSABLE_ENTITY, "top-level code runs once, at the upload; what belongs to a call goes into `faasm_main`"),
            Self::InvalidArchive => Row("invalid_archive", S::UNPROCESSABLE_ENTITY, "`faasm py put USER FUNCTION DIR` makes archives that fit"),
            Self::Unsupported => Row("unsupported", S::UNPROCESSABLE_ENTITY, "leave the field out"),
            Self::QueueFull => Row("queue_full", S::TOO_MANY_REQUESTS, "try again after the time in Retry-After"),
            Self::CallQuota => Row("call_quota", S::TOO_MANY_REQUESTS, "slow down: try again after the time in Retry-After"),
            Self::NoRoomForWorld => Row("no_room_for_world", S::TOO_MANY_REQUESTS, "try again later, or with fewer ranks"),
            Self::Overloaded => Row("overloaded", S::SERVICE_UNAVAILABLE, "try again after the time in Retry-After"),
            Self::NotReady => Row("not_ready", S::SERVICE_UNAVAILABLE, "try again after the time in Retry-After"),
            Self::ClusterUnavailable => Row("cluster_unavailable", S::SERVICE_UNAVAILABLE, "try again after the time in Retry-After, or another server of the cluster; its operator can look with `faasm doctor redis`"),
            Self::StorageUnavailable => Row("storage_unavailable", S::SERVICE_UNAVAILABLE, "try again after the time in Retry-After"),
            Self::StateUnavailable => Row("state_unavailable", S::SERVICE_UNAVAILABLE, "try again after the time in Retry-After; its operator can look with `faasm doctor redis`"),
            Self::TokensUnavailable => Row("tokens_unavailable", S::SERVICE_UNAVAILABLE, "try again after the time in Retry-After; its operator can look with `faasm doctor redis`"),
            Self::PythonNotInstalled => Row("python_not_installed", S::SERVICE_UNAVAILABLE, "its operator can: `faasm python install`, then restart it"),
            Self::NoSpace => Row("no_space", S::INSUFFICIENT_STORAGE, "free space on the server's disk; nothing was stored"),
            Self::StorageQuota => Row("storage_quota", S::INSUFFICIENT_STORAGE, "delete functions that are not needed, or have --user-max-storage raised"),
            Self::FileQuota => Row("file_quota", S::INSUFFICIENT_STORAGE, "delete shared files, or have --max-file-bytes or --max-files raised"),
            Self::DamagedCode => Row("damaged_code", S::INTERNAL_SERVER_ERROR, "upload the function again"),
            Self::DamagedState => Row("damaged_state", S::INTERNAL_SERVER_ERROR, "set the value again"),
            Self::DamagedFile => Row("damaged_file", S::INTERNAL_SERVER_ERROR, "put the file again"),
            Self::Internal => Row("internal", S::INTERNAL_SERVER_ERROR, "the server's log says more under the x-request-id of this answer"),
        }
    }

    /// The code as answers carry it.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status that it comes with.
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        self.row().2
    }

    /// After how many seconds to try again, where that helps.
    pub const fn retry_after_seconds(self) -> Option<u16> {
        match self {
            Self::QueueFull
            | Self::CallQuota
            | Self::NoRoomForWorld
            | Self::Overloaded
            | Self::NotReady
            | Self::ClusterUnavailable
            | Self::StateUnavailable
            | Self::TokensUnavailable
            | Self::StorageUnavailable => Some(1),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_and_what_passes_says_when_to_come_back() {
        let codes: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            // Only somebody who installs the runtime mends that one.
            let passes = matches!(code.status().as_u16(), 429 | 503)
                && *code != ErrorCode::PythonNotInstalled;
            assert_eq!(code.retry_after_seconds().is_some(), passes, "{code:?}");
        }
    }
}
