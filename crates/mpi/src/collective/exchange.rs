//! Meeting at a stage.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::stage::{Arrival, Board, Data, Deposit, Outcome, Parts, Signature, Span, Stage};
use crate::comm::Comm;
use crate::datatype::{self, Layout};
use crate::error::Result;
use crate::host::{Host, HostExt};
use crate::memory::Memory;
use crate::op::Combine;
use crate::progress::wait_until;
use crate::rank::Rank;
use crate::remote::Here;
use crate::world::{Doing, communicator};

/// How many collectives a rank may leave before all have come: what it has put down is kept.
const MAX_LEFT: usize = 16;

/// What a rank comes with.
pub(crate) struct Given {
    pub(crate) signature: Signature,
    pub(crate) deposit: Deposit,
    /// Whether it needs what the others have.
    pub(crate) waits: bool,
    /// How the data gets to the ranks of other parts.
    pub(crate) reach: Reach,
}

/// What is made of what all ranks have put down. The function gives numbers for new communicators,
/// which are the same in all parts of a world.
pub(crate) trait Make:
    FnOnce(&[Deposit], &mut dyn FnMut() -> u64) -> Outcome + Send + 'static
{
}

impl<F> Make for F where F: FnOnce(&[Deposit], &mut dyn FnMut() -> u64) -> Outcome + Send + 'static {}

/// Who needs the data that ranks put down.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    /// All ranks, each what is for it.
    All,
    /// All ranks: communicators are made of it.
    Making,
    /// This rank of the communicator.
    One(u32),
    /// All ranks, put together by an operation.
    Folded(Combine),
    /// This rank of the communicator, put together by an operation.
    FoldedForOne(u32, Combine),
}

/// A collective that all ranks have begun, for one of them. To be [ended](Self::end).
pub(crate) struct Meeting {
    pub(crate) board: Arc<Board>,
    context: u64,
    /// Whether others may still copy from here.
    is_shown: bool,
}

/// Where ranks meet: the stage, the number of the collective, and the place of the rank.
pub(crate) struct Place<'a> {
    pub(crate) stage: &'a Arc<Stage>,
    pub(crate) round: u64,
    pub(crate) rank: u32,
    pub(crate) context: u64,
}

/// Meets the other ranks of a communicator. What all of it makes is up to the last to come.
/// Nothing, if the rank does not wait for them.
pub(crate) async fn exchange<H: Host>(
    host: &mut H,
    comm: &Comm,
    mut given: Given,
    make: impl Make,
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
    mut given: Given,
    make: impl Make,
) -> Result<Option<Meeting>> {
    if let Some(span) = &place.stage.span {
        given.copy_for_others(host, span)?;
    }
    let rank = host.rank();
    let (me, call) = (rank.me, rank.call);
    let Given {
        signature,
        deposit,
        waits,
        reach,
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
        .arrive(at, signature.clone(), deposit, waits.then_some(me))
    {
        Arrival::Early(board) => board,
        Arrival::Last {
            board,
            deposits,
            mut waiting,
        } => match &place.stage.span {
            None => {
                let outcome = make(&deposits, &mut || rank.world.new_contexts(1));
                board.fill(deposits, outcome);
                for other in waiting {
                    rank.world.notify(other);
                }
                return Ok(Some(meeting(board)));
            }
            Some(span) => {
                waiting.extend(waits.then_some(me));
                let here = Here {
                    stage: Arc::clone(place.stage),
                    signature: (place.rank, signature),
                    context: place.context,
                    reach,
                    deposits,
                    waiting,
                    board: Arc::clone(&board),
                    make: Box::new(make),
                };
                rank.world.meet(span, place.round, here);
                board
            }
        },
        Arrival::Mismatch(both) => {
            let [(first, theirs), (second, mine)] = *both;
            let both = [(first, theirs.to_string()), (second, mine.to_string())];
            let reason = mismatch(place.context, rank.world.size(), &both);
            return Err(rank.abort(None, reason).into());
        }
    };
    let left = &mut host.rank().left;
    left.retain(|board| !board.is_filled());
    let is_ahead = left.len() >= MAX_LEFT;
    if waits || (is_ahead && is_to_wait(host.rank(), &place)) {
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

/// Lets a rank that would not wait be told when all have come, if they have not.
fn is_to_wait<M: Memory>(rank: &Rank<M>, place: &Place<'_>) -> bool {
    let (stage, round) = (place.stage, place.round);
    stage.wait_for(round, rank.me) || rank.world.wait_for_parts(stage, round, rank.me)
}

impl Given {
    /// Copies data that stays where it is, for ranks of other parts that need it.
    fn copy_for_others<H: Host>(&mut self, host: &mut H, span: &Span) -> Result<()> {
        let Data::There(layout) = &self.deposit.data else {
            return Ok(());
        };
        let elsewhere = span.others.iter().flat_map(|(_, ranks)| ranks);
        let mut wanted: Vec<usize> = elsewhere
            .filter(|rank| self.reach.is_for(**rank))
            .map(|rank| *rank as usize)
            .collect();
        // What is put down is in the order of the ranks.
        wanted.sort_unstable();
        if wanted.is_empty() {
            return Ok(());
        }
        let (sections, parts) = match &self.deposit.parts {
            Parts::One => (vec![layout.clone()], Parts::One),
            parts => {
                let mut sizes = vec![(0, 0); span.size()];
                let mut sections = Vec::with_capacity(wanted.len());
                for rank in wanted {
                    let (first, count) = parts.of(rank, layout.count);
                    let section = layout.part(first, count)?;
                    sizes[rank].1 = section.size;
                    sections.push(section);
                }
                (sections, Parts::Each(sizes))
            }
        };
        let total = sections.iter().map(|section| section.size).sum::<u64>() as usize;
        self.deposit.held = host.rank().world.hold_for_parts(total)?;
        let mut bytes = Vec::with_capacity(total);
        host.with(|memory| {
            let mut pack =
                |section: &Layout| datatype::pack(memory, section, 0, section.size, &mut bytes);
            Ok(sections.iter().try_for_each(&mut pack)?)
        })?;
        self.deposit.copy = Some((bytes, parts));
        Ok(())
    }
}

impl Reach {
    /// Whether a rank needs the data of others.
    pub(crate) fn is_for(self, rank: u32) -> bool {
        match self {
            Self::All | Self::Making | Self::Folded(_) => true,
            Self::One(one) | Self::FoldedForOne(one, _) => one == rank,
        }
    }

    /// How the data of a part is put together, if it is.
    pub(crate) fn folding(self) -> Option<Combine> {
        match self {
            Self::Folded(op) | Self::FoldedForOne(_, op) => Some(op),
            Self::All | Self::Making | Self::One(_) => None,
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(self.call, self.root, self.kind, self.bytes))
    }
}

/// Why a world ends of which two ranks of a communicator have begun different things.
pub(crate) fn mismatch(context: u64, world_size: u32, both: &[(u32, String); 2]) -> String {
    let comm = communicator(context, world_size);
    let [(first, one), (second, another)] = both;
    format!(
        "mismatched collectives on communicator {comm}: its rank {first} calls {one}, \
         its rank {second} calls {another}"
    )
}

/// What a rank has begun, for people.
pub(crate) fn describe(call: &str, root: Option<u32>, kind: u32, bytes: Option<u64>) -> String {
    let root = root.map(|root| format!("root {root}"));
    let bytes = bytes.map(|bytes| format!("{bytes} bytes"));
    let kind = (kind != 0).then(|| format!("operation {kind:#x}"));
    let parts: Vec<String> = [root, bytes, kind].into_iter().flatten().collect();
    format!("{call}({})", parts.join(", "))
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
