//! From the errors of other crates to answers.

use faasm_calls::Refused;
use faasm_faaslet::{PublishError, PythonRefused, Refusal};
use faasm_state::tier;

use super::{ApiError, ErrorCode, Position};

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let code = match &refused {
            Refused::UnknownFunction(_) | Refused::UnknownPython(_) => ErrorCode::FunctionNotFound,
            Refused::UnknownCall(_) => ErrorCode::CallNotFound,
            Refused::QueueFull { .. } => ErrorCode::QueueFull,
            Refused::WorldTooLarge(_) => ErrorCode::InvalidField,
            Refused::NoRoomForWorld(_) | Refused::WorldTooLargeForCluster(_) => {
                ErrorCode::NoRoomForWorld
            }
            Refused::NoMemory | Refused::NoFaaslets => ErrorCode::Overloaded,
            Refused::IdempotencyConflict(_) => ErrorCode::IdempotencyConflict,
            Refused::ShuttingDown => ErrorCode::NotReady,
            Refused::NoSpace => ErrorCode::NoSpace,
            Refused::CutOff | Refused::Unannounced(_) | Refused::Unavailable(_) => {
                ErrorCode::ClusterUnavailable
            }
            Refused::Log(error) => return Self::internal("the server's call log failed", error),
        };
        Self::new(code, refused.to_string())
    }
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        match &error {
            PublishError::Refused(refusal) => Self::new(code_of(refusal), refusal.to_string()),
            PublishError::Storage(error) => Self::from(error.as_ref()),
            PublishError::NoMemory(_) | PublishError::NoMemoryForImage => {
                Self::new(ErrorCode::Overloaded, error.to_string())
            }
            PublishError::NoPython => Self::new(ErrorCode::PythonNotInstalled, error.to_string()),
            PublishError::Python(refused) => Self::from(refused.as_ref()),
            PublishError::Internal(_) => {
                Self::internal("the server failed to compile the module", &error)
            }
        }
    }
}

impl From<&PythonRefused> for ApiError {
    fn from(refused: &PythonRefused) -> Self {
        let (code, position) = match *refused {
            PythonRefused::Syntax { line, column, .. } => {
                (ErrorCode::PythonSyntaxError, Position::new(line, column))
            }
            PythonRefused::Encoding(_) => (ErrorCode::PythonSyntaxError, None),
            PythonRefused::Import(_) => (ErrorCode::PythonImportFailed, None),
            PythonRefused::Archive(_) => (ErrorCode::InvalidArchive, None),
        };
        Self::new(code, refused.to_string()).at(position)
    }
}

fn code_of(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::Invalid(_) | Refusal::Component | Refusal::Text(_) | Refusal::Reserved(_) => {
            ErrorCode::InvalidModule
        }
        Refusal::UnknownImports(_) | Refusal::ImportType(_) => ErrorCode::UnknownImport,
        Refusal::MissingExport { .. } | Refusal::ExportType { .. } => ErrorCode::MissingExport,
        Refusal::Initialiser(_) => ErrorCode::InitialiserFailed,
        Refusal::TooLarge(_) | Refusal::Limit(_) => ErrorCode::ModuleTooLarge,
    }
}

impl From<faasm_auth::Error> for ApiError {
    fn from(error: faasm_auth::Error) -> Self {
        use faasm_auth::Error;
        match &error {
            Error::NoSpace => Self::new(ErrorCode::NoSpace, error.to_string()),
            Error::TooMany(_) => Self::new(ErrorCode::TooManyTokens, error.to_string()),
            Error::Closed => Self::new(ErrorCode::NotReady, error.to_string()),
            Error::Unavailable(_) | Error::Unannounced { .. } => {
                Self::new(ErrorCode::TokensUnavailable, error.to_string())
            }
            Error::Exists(_) | Error::InUse(_) | Error::NoRandomness(_) | Error::Storage(_) => {
                Self::internal("the server failed to keep its tokens", error)
            }
        }
    }
}

impl From<faasm_storage::Error> for ApiError {
    fn from(error: faasm_storage::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&faasm_storage::Error> for ApiError {
    fn from(error: &faasm_storage::Error) -> Self {
        use faasm_storage::Error;
        let code = match error {
            Error::NoSpace { .. } => ErrorCode::NoSpace,
            Error::TooLarge { .. } => ErrorCode::BodyTooLarge,
            Error::DamagedCode { .. } => ErrorCode::DamagedCode,
            Error::DamagedFile { .. } => ErrorCode::DamagedFile,
            Error::NotFound(_) => ErrorCode::FileNotFound,
            Error::IsADirectory(_) => ErrorCode::IsADirectory,
            Error::NotADirectory(_) => ErrorCode::NotADirectory,
            Error::Conflict { .. } | Error::Exists(_) | Error::NotEmpty(_) => {
                ErrorCode::FileConflict
            }
            Error::Quota { .. } => ErrorCode::FileQuota,
            Error::TooManyOpen { .. } => ErrorCode::Overloaded,
            Error::Unavailable { .. } | Error::Unannounced { .. } => ErrorCode::StorageUnavailable,
            Error::InvalidObject { .. } => ErrorCode::BadRequest,
            Error::InvalidLimit(limit) => return Self::field(limit.field, limit),
            other => {
                return Self::internal("the server could not read or write its data", other);
            }
        };
        Self::new(code, error.to_string())
    }
}

impl From<faasm_state::Error> for ApiError {
    fn from(error: faasm_state::Error) -> Self {
        use faasm_state::Error;
        match error {
            Error::Tier(error) => error.into(),
            Error::ValueTooLarge(_) => Self::new(ErrorCode::BodyTooLarge, error.to_string()),
            Error::NoMemory | Error::LocalLimit { .. } | Error::LocalValues { .. } => {
                Self::new(ErrorCode::Overloaded, error.to_string())
            }
            other => Self::internal("the server's state failed", other),
        }
    }
}

impl From<tier::Error> for ApiError {
    fn from(error: tier::Error) -> Self {
        use tier::Error;
        let code = match &error {
            Error::Conflict(_) | Error::Superseded | Error::Fenced { .. } => {
                ErrorCode::StateConflict
            }
            Error::Quota { .. } => ErrorCode::StateQuota,
            Error::TooLarge { .. } => ErrorCode::BodyTooLarge,
            Error::NoSpace => ErrorCode::NoSpace,
            Error::Closed => ErrorCode::NotReady,
            Error::Unavailable(_) => ErrorCode::StateUnavailable,
            Error::Corrupted(_) => ErrorCode::DamagedState,
            other => return Self::internal("the server could not read or write its state", other),
        };
        Self::new(code, error.to_string())
    }
}
