//! What a call runs with.

use std::sync::Arc;

use super::lead::Gathered;
use crate::admission::Permit;

/// The right to the Faaslets of a call, and the parts of its world that are ready elsewhere.
pub(crate) struct Seats {
    /// For the Faaslets here. Whoever lends it out keeps it until the call is torn down.
    pub(crate) permit: Arc<Permit>,
    /// The other parts, if the call is a world that has some.
    pub(crate) gathered: Option<Box<Gathered>>,
}

impl From<Arc<Permit>> for Seats {
    fn from(permit: Arc<Permit>) -> Self {
        let gathered = None;
        Self { permit, gathered }
    }
}

impl From<Permit> for Seats {
    fn from(permit: Permit) -> Self {
        Arc::new(permit).into()
    }
}
