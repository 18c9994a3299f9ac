//! What an operator can set about state.

/// Settings of [`State`](crate::State).
#[derive(Clone, Debug)]
pub struct Options {
    /// Most bytes of state that a call can have mapped: 2 GiB.
    pub max_mapped_bytes: u64,
    /// Most bytes of this worker's memory for one user's state; copies that are like the
    /// global tier give way.
    pub max_local_bytes: u64,
    /// Values in memory beyond which unused ones are dropped, and most of one user that are in
    /// use or not pushed: 4,096. Each takes a file descriptor.
    pub max_local_values: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_mapped_bytes: 2 << 30,
            max_local_bytes: 8 << 30,
            max_local_values: 4_096,
        }
    }
}
