//! What the toolchain makes of real programs, with the clang of this machine.

mod examples;
mod module_shape;
mod refusals;
mod state;
#[cfg(test)]
mod state_host;
#[cfg(test)]
mod support;
