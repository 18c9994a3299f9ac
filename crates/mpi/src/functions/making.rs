//! Making communicators: ranks vote, and the last to come divides them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::abi::{Address, Handle};
use crate::cart::Cart;
use crate::collective::{Data, Deposit, Given, Key, Meeting, Outcome, Reach, Signature, exchange};
use crate::comm::{Comm, CommEntry, Group, NewComm, weight};
use crate::error::{Class, Result};
use crate::held::Held;
use crate::host::{Host, HostExt};
use crate::info::Info;
use crate::mailbox::Bytes;
use crate::memory::{Memory, MemoryExt};
use crate::world::Shared;

/// What a rank has to say when communicators are made: its color, if it is to be in one, and key.
pub(super) fn vote(color: Option<i32>, key: i32) -> Deposit {
    let mut bytes = Bytes::new();
    bytes.push(u8::from(color.is_some()));
    bytes.extend_from_slice(&color.unwrap_or(0).to_le_bytes());
    bytes.extend_from_slice(&key.to_le_bytes());
    Deposit {
        data: Data::Here(bytes),
        ..Deposit::default()
    }
}

fn read_vote(deposit: &Deposit) -> Option<(i32, i32)> {
    let Data::Here(bytes) = &deposit.data else {
        return None;
    };
    let int = |at: usize| Some(i32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    match bytes.first()? {
        0 => None,
        _ => Some((int(1)?, int(5)?)),
    }
}

/// Divides ranks by color, in the order of their keys, then of their ranks.
pub(super) fn divide<M: Memory>(
    world: &Shared<M>,
    group: &Group,
    deposits: &[Deposit],
    context: &mut dyn FnMut() -> u64,
) -> Outcome {
    let mut colors: BTreeMap<i32, Vec<(i32, usize)>> = BTreeMap::new();
    for (rank, deposit) in deposits.iter().enumerate() {
        if let Some((color, key)) = read_vote(deposit) {
            colors.entry(color).or_default().push((key, rank));
        }
    }
    let mut made = vec![None; deposits.len()];
    for mut members in colors.into_values() {
        members.sort_unstable();
        let context = context();
        let group: Group = members.iter().map(|(_, rank)| group[*rank]).collect();
        let new = NewComm {
            stage: world.new_stage(Key::Comm(context), &group),
            context,
            group,
        };
        for (_, rank) in members {
            made[rank] = Some(new.clone());
        }
    }
    Outcome::Comms(made)
}

/// A new communicator, and what holds it.
pub(super) struct Made {
    comm: Option<Comm>,
    info: Info,
    held: Held,
}

impl Made {
    /// Gives the communicator a grid.
    pub(super) fn with(self, cart: Option<Cart>) -> Self {
        let comm = self.comm.map(|comm| Comm { cart, ..comm });
        Self { comm, ..self }
    }
}

/// Room for one of a new communicator's ranks: all that it could be refused for, before the others
/// count on it.
pub(super) struct Room {
    info: Info,
    held: Held,
}

impl Room {
    /// For a communicator of at most so many ranks.
    pub(super) fn new<H: Host>(host: &mut H, ranks: usize, info: Option<Info>) -> Result<Self> {
        let rank = host.rank();
        rank.comms.make_room()?;
        Ok(Self {
            info: info.unwrap_or_else(|| Info::new(&rank.account)),
            held: rank.account.hold(weight(ranks))?,
        })
    }

    pub(super) fn fill(self, comm: Option<Comm>) -> Made {
        let Self { info, held } = self;
        Made { comm, info, held }
    }
}

/// The communicator that a rank is in now.
pub(super) async fn enter<H: Host>(
    host: &mut H,
    meeting: Meeting,
    rank: u32,
) -> Result<Option<Comm>> {
    let made = match meeting.board.outcome() {
        Outcome::Comms(made) => made.get(rank as usize).cloned().flatten(),
        _ => return Err(Class::Intern.into()),
    };
    let me = host.rank().me;
    meeting.end(host).await?;
    Ok(made.and_then(|made| Comm::new(made, me)))
}

/// Makes communicators of the ranks with the same colors.
pub(super) async fn create_with<H: Host>(
    host: &mut H,
    handle: Handle,
    comm: &Comm,
    color: Option<i32>,
    key: i32,
) -> Result<Made> {
    create(host, handle, comm, (color, key), None).await
}

pub(super) async fn create<H: Host>(
    host: &mut H,
    handle: Handle,
    comm: &Comm,
    (color, key): (Option<i32>, i32),
    info: Option<Info>,
) -> Result<Made> {
    let room = Room::new(host, comm.size(), info)?;
    let rank = host.rank();
    let given = Given {
        signature: Signature {
            call: rank.call,
            root: None,
            kind: 0,
            bytes: None,
        },
        deposit: vote(color, key),
        waits: true,
        reach: Reach::Making,
    };
    rank.raising = handle;
    let (world, group) = (Arc::clone(&rank.world), Arc::clone(&comm.group));
    let make = move |deposits: &[Deposit], context: &mut dyn FnMut() -> u64| {
        divide(&world, &group, deposits, context)
    };
    let meeting = exchange(host, comm, given, make).await?;
    let made = enter(host, meeting.ok_or(Class::Intern)?, comm.rank).await?;
    Ok(room.fill(made))
}

/// Writes the handle of a new communicator, which has its error handler from the old one.
pub(super) fn hand_out<H: Host>(
    host: &mut H,
    old: Handle,
    made: Made,
    at: Address,
) -> Result<Handle> {
    let rank = host.rank();
    let errhandler = rank.comms.get(old)?.errhandler;
    let Made { comm, info, held } = made;
    let handle = match comm {
        Some(comm) => {
            let entry = CommEntry::new(comm, errhandler, info, held);
            rank.comms.insert(entry)?
        }
        None => Handle::COMM_NULL,
    };
    host.with(|memory| Ok(memory.write_word(at, handle.0)?))?;
    Ok(handle)
}
