//! Meeting at a stage.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::stage::{Arrival, Board, Data, Deposit, Outcome, Signature, Stage};
use crate::comm::Comm;
use crate::error::Result;
use crate::host::Host;
use crate::progress::wait_until;
use crate::world::{Doing, communicator};

/// How many collectives a rank may leave before all have come: what it has put down is kept.
const MAX_LEFT: usize = 16;

/// What a rank comes with.
pub(crate) struct Given {
    pub(crate) signature: Signature,
    pub(crate) deposit: Deposit,
    /// Whether it needs what the others have.
    pub(crate) waits: bool,
}

/// A collective that all ranks have begun, for one of them. To be [ended](Self::end).
pub(crate) struct Meeting {
    pub(crate) board: Arc<Board>,
    context: u32,
    /// Whether others may still copy from here.
    is_shown: bool,
}

/// Where ranks meet: the stage, the number of the collective, and the place of the rank.
pub(crate) struct Place<'a> {
    pub(crate) stage: &'a Arc<Stage>,
    pub(crate) round: u64,
    pub(crate) rank: u32,
    pub(crate) context: u32,
}

/// Meets the other ranks of a communicator. What all of it makes is up to the last to come.
/// Nothing, if the rank does not wait for them.
pub(crate) async fn exchange<H: Host>(
    host: &mut H,
    comm: &Comm,
    mut given: Given,
    make: impl FnOnce(&[Deposit]) -> Outcome + Send,
) -> Result<Option<Meeting>> {
    // Before it counts as having come.
    given.deposit.hold(&host.rank().account)?;
    let place = Place {
        stage: &comm.stage,
        round: comm.rounds.fetch_add(1, Ordering::Relaxed),
        rank: comm.rank,
        context: comm.context,
    };
    exchange_at(host, place, given, make).await
}

/// The same at a certain stage.
pub(crate) async fn exchange_at<H: Host>(
    host: &mut H,
    place: Place<'_>,
    given: Given,
    make: impl FnOnce(&[Deposit]) -> Outcome + Send,
) -> Result<Option<Meeting>> {
    let rank = host.rank();
    let (me, call) = (rank.me, rank.call);
    let Given {
        signature,
        deposit,
        waits,
    } = given;
    let is_shown = matches!(deposit.data, Data::There(_));
    let waits = waits || is_shown;
    let meeting = |board| Meeting {
        board,
        context: place.context,
        is_shown,
    };
    let at = (place.round, place.rank);
    let board = match place
        .stage
        .arrive(at, signature, deposit, waits.then_some(me))
    {
        Arrival::Early(board) => board,
        Arrival::Last {
            board,
            deposits,
            waiting,
        } => {
            let outcome = make(&deposits);
            board.fill(deposits, outcome);
            for other in waiting {
                rank.world.notify(other);
            }
            return Ok(Some(meeting(board)));
        }
        Arrival::Mismatch(both) => {
            let [(first, theirs), (second, mine)] = *both;
            let comm = communicator(place.context, rank.world.size());
            let reason = format!(
                "mismatched collectives on communicator {comm}: its rank {first} calls {theirs}, \
                 its rank {second} calls {mine}"
            );
            return Err(rank.abort(None, reason).into());
        }
    };
    let left = &mut host.rank().left;
    left.retain(|board| !board.is_filled());
    let is_ahead = left.len() >= MAX_LEFT;
    if waits || (is_ahead && place.stage.wait_for(place.round, me)) {
        let doing = Doing::Collective {
            call,
            context: place.context,
        };
        wait_until(host, doing, |_| board.is_filled()).await?;
    }
    if waits {
        return Ok(Some(meeting(board)));
    }
    let rank = host.rank();
    for other in board.leave() {
        rank.world.notify(other);
    }
    rank.left.push(board);
    Ok(None)
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call,
            root,
            kind,
            bytes,
        } = self;
        let root = root.map(|root| format!("root {root}"));
        let bytes = bytes.map(|bytes| format!("{bytes} bytes"));
        let kind = (*kind != 0).then(|| format!("operation {kind:#x}"));
        let parts: Vec<String> = [root, bytes, kind].into_iter().flatten().collect();
        write!(f, "{call}({})", parts.join(", "))
    }
}

impl Meeting {
    /// Leaves: this rank needs nothing more of the others. Waits for those who need its memory.
    pub(crate) async fn end<H: Host>(self, host: &mut H) -> Result<()> {
        let rank = host.rank();
        let (me, call) = (rank.me, rank.call);
        if self.is_shown {
            self.board.stay(me);
        }
        for other in self.board.leave() {
            rank.world.notify(other);
        }
        if !self.is_shown {
            return Ok(());
        }
        let doing = Doing::Collective {
            call,
            context: self.context,
        };
        wait_until(host, doing, |_| self.board.is_over()).await
    }
}
