//! From the errors of other crates to answers.

use faasm_calls::Refused;
use faasm_faaslet::{PublishError, Refusal};

use super::{ApiError, ErrorCode};

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let code = match &refused {
            Refused::UnknownFunction(_) => ErrorCode::FunctionNotFound,
            Refused::UnknownCall(_) => ErrorCode::CallNotFound,
            Refused::QueueFull { .. } => ErrorCode::QueueFull,
            Refused::NoMemory | Refused::NoFaaslets => ErrorCode::Overloaded,
            Refused::IdempotencyConflict(_) => ErrorCode::IdempotencyConflict,
            Refused::ShuttingDown => ErrorCode::NotReady,
            Refused::NoSpace => ErrorCode::NoSpace,
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
            PublishError::NoMemory(_) => Self::new(ErrorCode::Overloaded, error.to_string()),
            PublishError::Internal(_) => {
                Self::internal("the server failed to compile the module", &error)
            }
        }
    }
}

fn code_of(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::Invalid(_) | Refusal::Component | Refusal::Text(_) => ErrorCode::InvalidModule,
        Refusal::UnknownImports(_) | Refusal::ImportType(_) => ErrorCode::UnknownImport,
        Refusal::MissingExport { .. } | Refusal::ExportType { .. } => ErrorCode::MissingExport,
        Refusal::TooLarge(_) | Refusal::Limit(_) => ErrorCode::ModuleTooLarge,
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
        match error {
            Error::NoSpace { .. } => Self::new(ErrorCode::NoSpace, error.to_string()),
            Error::TooLarge { .. } => Self::new(ErrorCode::BodyTooLarge, error.to_string()),
            Error::DamagedCode { .. } => Self::new(ErrorCode::DamagedCode, error.to_string()),
            Error::InvalidLimit(limit) => Self::field(limit.field, limit),
            other => Self::internal("the server could not read or write its data", other),
        }
    }
}
