//! What the toolchain makes of real programs, with the clang of this machine.

mod examples;
mod module_shape;
mod refusals;
#[cfg(test)]
mod support;
