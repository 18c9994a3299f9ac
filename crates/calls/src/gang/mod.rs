//! MPI worlds that span several servers of a cluster.
//!
//! The server that has the call runs rank 0 and the ranks after it for which it has room: the first
//! *part* of the world. It asks the others how much room they have ([`gather`]), packs the rest, and
//! has each of the chosen ones reserve all that its part needs ([`take`]) before any rank runs, so
//! that worlds never wait for each other with half of what they need. From then on all parts
//! talk to each other directly, over one ordered stream for each world and direction ([`share`],
//! [`lane`]): messages of MPI, which are never empty, and between them and the first part empty
//! ones, which are signals. The request to a part stays open as long as the world, so that the end
//! of either side is the end of the part.
//!
//! | from | signal | means |
//! |---|---|---|
//! | a part to the first | 1st | all is reserved |
//! | the first to a part | 1st | the ranks begin |
//! | a part to the first | 2nd | all its ranks have ended, and all that they sent was before this |
//! | the first to a part | 2nd | all ranks of all parts have ended; the request is answered |

mod asked;
mod gather;
mod lane;
mod layout;
mod lead;
mod pack;
mod seats;
mod share;
mod take;

pub(crate) use asked::{Asked, PartEnded, read};
pub(crate) use lead::{Gathered, Ran};
pub(crate) use seats::Seats;
pub(crate) use share::Worlds;
