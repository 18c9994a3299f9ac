//! The runtime of Python functions.

use faasm_python::Runtime;

use super::Check;
use crate::commands::python::{HOW_TO_INSTALL, describe};

const NAME: &str = "python";

pub fn check() -> Check {
    let found = Runtime::find().and_then(|found| match found {
        Some(runtime) => runtime.verify().map(|()| Some(runtime)),
        None => Ok(None),
    });
    match found {
        Ok(Some(runtime)) => {
            let dir = runtime.dir().display();
            Check::ok(NAME, format!("{} in {dir}", describe(&runtime)))
        }
        Ok(None) => Check::warn(
            NAME,
            "no runtime: Python functions cannot be stored",
            HOW_TO_INSTALL,
        ),
        Err(error) => {
            let text = error.to_string();
            let (found, todo) = text.split_once('\n').unwrap_or((&text, HOW_TO_INSTALL));
            Check::fail(NAME, found, todo)
        }
    }
}
