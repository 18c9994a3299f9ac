//! What the toolchain makes of real programs, with the clang of this machine.

#[cfg(test)]
mod driver;
mod examples;
mod module_shape;
#[cfg(test)]
mod mpi;
mod refusals;
mod state;
#[cfg(test)]
mod state_host;
#[cfg(test)]
mod support;
