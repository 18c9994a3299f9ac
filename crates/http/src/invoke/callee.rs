//! What a request in JSON calls: a module, an MPI world of one, or a Python function.

use faasm_model::{FunctionName, Name, Target, WorldSize};

use super::form::{Form, missing};
use crate::HttpOptions;
use crate::error::ApiError;
use crate::extract::{self, PYTHON_USER, name, optional};

/// What `function` says, for want of a function, in a call of a Python function.
const PYTHON_FUNCTION: &str = "py_func";

/// What the request calls, and as what.
pub(super) fn of(form: &Form, options: &HttpOptions) -> Result<(FunctionName, Target), ApiError> {
    let world = world(form, options)?;
    match (form.python, world) {
        (Some(true), None) => python(form),
        (Some(true), Some(_)) => {
            let problem =
                "Python functions are no MPI programs: leave out one of `python` and `mpi`";
            Err(ApiError::field("mpi", problem))
        }
        (Some(false) | None, None) => Ok((module(form)?, Target::Wasm)),
        (Some(false) | None, Some(size)) => Ok((module(form)?, Target::Mpi { size })),
    }
}

/// The size of the MPI world that is asked for, if one is: a size alone asks for one as well.
fn world(form: &Form, options: &HttpOptions) -> Result<Option<WorldSize>, ApiError> {
    match (form.mpi, form.mpi_world_size) {
        (Some(false), _) | (None, None | Some(0)) => Ok(None),
        (Some(true), None) => Ok(Some(options.mpi_default_world_size)),
        (_, Some(size)) => match WorldSize::new(size) {
            Ok(size) => Ok(Some(size)),
            Err(error) => Err(ApiError::field("mpi_world_size", error)),
        },
    }
}

fn module(form: &Form) -> Result<FunctionName, ApiError> {
    let python_fields = [
        ("py_user", &form.py_user),
        ("py_func", &form.py_func),
        ("py_entry", &form.py_entry),
    ];
    if let Some((field, _)) = python_fields.iter().find(|(_, value)| value.is_some()) {
        let problem = "is for Python functions: set `python` to true as well";
        return Err(ApiError::field(field, problem));
    }
    let (user, function) = match (&form.user, &form.function) {
        (Some(user), Some(function)) => (user, function),
        (Some(_), None) => {
            return Err(missing(
                "`function` is missing: the name of the function to call",
            ));
        }
        (None, Some(_)) => {
            return Err(missing(
                "`user` is missing: the owner of the function to call",
            ));
        }
        (None, None) => {
            return Err(missing(
                "the request needs `user` and `function` to make a call, or `status` and `id` to ask about one",
            ));
        }
    };
    Ok(FunctionName {
        user: name("user", user)?,
        function: name("function", function)?,
    })
}

fn python(form: &Form) -> Result<(FunctionName, Target), ApiError> {
    let needed = |field: &str, value: &Option<String>, what: &str| -> Result<Name, ApiError> {
        let missing = || missing(&format!("`{field}` is missing: {what}"));
        name(field, value.as_ref().ok_or_else(missing)?)
    };
    let called = FunctionName {
        user: needed(
            "py_user",
            &form.py_user,
            "the owner of the Python function to call",
        )?,
        function: needed(
            "py_func",
            &form.py_func,
            "the name of the Python function to call",
        )?,
    };
    extract::refuse_reserved("py_user", &called.user)?;
    if form.user.as_ref().is_some_and(|user| user != PYTHON_USER) {
        let problem = "the user of a Python call is python, or left out; its owner is `py_user`";
        return Err(ApiError::field("user", problem));
    }
    let known = [PYTHON_FUNCTION, called.function.as_str()];
    let function = form.function.as_deref();
    if function.is_some_and(|function| !known.contains(&function)) {
        let problem = "the function of a Python call is py_func, or left out; its name is in the field `py_func`";
        return Err(ApiError::field("function", problem));
    }
    let entry = optional("py_entry", form.py_entry.as_deref(), name)?;
    Ok((called, Target::Python { entry }))
}
