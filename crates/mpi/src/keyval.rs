//! The keys of attributes.

/// A key, with what happens to its values. The functions are numbers in the program's table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Keyval {
    pub(crate) copy: u32,
    pub(crate) delete: u32,
    pub(crate) extra_state: u32,
}
