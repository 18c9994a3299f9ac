//! The invoke listener: making calls and asking about them.

mod answer;
mod callee;
mod calls;
mod form;
mod idempotency;
mod json_form;
mod parts;
mod raw;
mod run;
mod view;

use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::{flush, workers};

pub(crate) fn routes() -> Vec<UtoipaMethodRouter<Api>> {
    vec![
        routes!(json_form::post),
        routes!(raw::invoke),
        routes!(calls::list_calls),
        routes!(calls::get_call, calls::cancel_call),
        routes!(calls::call_graph),
        routes!(flush::flush),
        routes!(workers::list_workers),
    ]
}
