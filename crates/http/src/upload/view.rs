//! Functions in JSON.

use faasm_faaslet::ImageInfo;
use faasm_model::{ContentHash, LimitOverrides, Limits, Name};
use faasm_storage::FunctionRecord;
use serde::Serialize;
use utoipa::ToSchema;

/// A stored function.
#[derive(Serialize, ToSchema)]
#[schema(as = Function)]
pub(crate) struct FunctionView<'a> {
    /// The owner.
    #[schema(value_type = String)]
    user: &'a Name,
    /// The name among the owner's functions.
    #[schema(value_type = String)]
    function: &'a Name,
    /// BLAKE3 hash of the bytes that were put.
    #[schema(value_type = String)]
    hash: ContentHash,
    /// Their number.
    size: u64,
    /// When they were put, in milliseconds since 1970.
    uploaded_at_ms: u64,
    /// The function's own limits.
    #[schema(value_type = super::limits::OwnLimits)]
    limits: &'a LimitOverrides,
}

/// A stored function and the limits that its calls get.
#[derive(Serialize, ToSchema)]
#[schema(as = FunctionInfo)]
pub(crate) struct FunctionInfoView<'a> {
    #[serde(flatten)]
    #[schema(inline)]
    function: FunctionView<'a>,
    /// Its own limits over the server's.
    effective_limits: EffectiveLimits,
    /// What its initialiser has left, from which every call starts.
    image: Option<ImageView>,
}

/// An image of an initialised function.
#[derive(Serialize, ToSchema)]
#[schema(as = Image)]
pub(crate) struct ImageView {
    /// Memory that it takes in the server, in bytes, however many calls use it.
    bytes: u64,
    /// Linear memory that a call has from the start, in bytes.
    memory_bytes: u64,
}

/// The limits in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct EffectiveLimits {
    /// Largest linear memory, in bytes.
    memory_bytes: u64,
    /// Longest wall-clock time, in milliseconds.
    time_ms: u64,
    /// Most table elements.
    table_elements: u64,
    /// Largest sum of stdout, stderr and output data, in bytes.
    output_bytes: u64,
}

impl<'a> From<&'a FunctionRecord> for FunctionView<'a> {
    fn from(record: &'a FunctionRecord) -> Self {
        Self {
            user: &record.name.user,
            function: &record.name.function,
            hash: record.hash,
            size: record.size,
            uploaded_at_ms: record.uploaded_at_ms,
            limits: &record.limits,
        }
    }
}

impl<'a> FunctionInfoView<'a> {
    pub(crate) fn new(
        record: &'a FunctionRecord,
        limits: &Limits,
        image: Option<ImageInfo>,
    ) -> Self {
        Self {
            image: image.map(|image| ImageView {
                bytes: image.bytes,
                memory_bytes: image.memory_bytes,
            }),
            function: record.into(),
            effective_limits: EffectiveLimits {
                memory_bytes: limits.memory_bytes,
                time_ms: u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX),
                table_elements: limits.table_elements,
                output_bytes: limits.output_bytes,
            },
        }
    }
}
