//! Communicators.

use std::sync::Arc;

use super::making::{Room, create, create_with, divide, enter, hand_out, vote};
use crate::abi::{
    Address, COMM_TYPE_SHARED, CONGRUENT, Handle, IDENT, MAX_OBJECT_NAME, SIMILAR, UNDEFINED,
    UNEQUAL,
};
use crate::collective::{Deposit, Given, Key, Place, Reach, Signature, exchange_at};
use crate::comm::{Comm, Group};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::info::Info;
use crate::memory::MemoryExt;
use crate::sync::lock;

pub(crate) fn comm_size<H: Host>(host: &mut H, comm: Handle, size: Address) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    host.with(|memory| Ok(memory.write_word(size, comm.size() as u32)?))
}

pub(crate) fn comm_rank<H: Host>(host: &mut H, comm: Handle, rank: Address) -> Result<()> {
    let comm = host.rank().comm(comm)?;
    host.with(|memory| Ok(memory.write_word(rank, comm.rank)?))
}

pub(crate) fn comm_test_inter<H: Host>(host: &mut H, comm: Handle, flag: Address) -> Result<()> {
    host.rank().comm(comm)?;
    host.with(|memory| Ok(memory.write_int(flag, 0)?))
}

/// How two groups compare: with the same ranks in the same order, in another, or not.
pub(super) fn compare(first: &Group, second: &Group, same: i32) -> i32 {
    if first == second {
        return same;
    }
    let sorted = |group: &Group| {
        let mut ranks = group.to_vec();
        ranks.sort_unstable();
        ranks
    };
    match sorted(first) == sorted(second) {
        true => SIMILAR,
        false => UNEQUAL,
    }
}

pub(crate) fn comm_compare<H: Host>(
    host: &mut H,
    first: Handle,
    second: Handle,
    result: Address,
) -> Result<()> {
    let (second, first) = (host.rank().comm(second)?, host.rank().comm(first)?);
    let value = match first.context == second.context {
        true => IDENT,
        false => compare(&first.group, &second.group, CONGRUENT),
    };
    host.with(|memory| Ok(memory.write_int(result, value)?))
}

pub(crate) fn comm_group<H: Host>(host: &mut H, comm: Handle, group: Address) -> Result<()> {
    let rank = host.rank();
    let comm = rank.comm(comm)?;
    let handle = rank.new_group(Arc::clone(&comm.group))?;
    host.with(|memory| Ok(memory.write_word(group, handle.0)?))
}

pub(crate) async fn comm_split<H: Host>(
    host: &mut H,
    comm: Handle,
    color: i32,
    key: i32,
    new: Address,
) -> Result<()> {
    let old = host.rank().comm(comm)?;
    if color < 0 && color != UNDEFINED {
        return Err(Class::Arg.because(format!("the color is {color}")));
    }
    let color = (color != UNDEFINED).then_some(color);
    let made = create_with(host, comm, &old, color, key).await?;
    hand_out(host, comm, made, new).map(drop)
}

pub(crate) async fn comm_split_type<H: Host>(
    host: &mut H,
    comm: Handle,
    kind: i32,
    key: i32,
    _info: Handle,
    new: Address,
) -> Result<()> {
    let old = host.rank().comm(comm)?;
    let color = match kind {
        COMM_TYPE_SHARED => Some(host.rank().world.own_part() as i32),
        UNDEFINED => None,
        _ => return Err(Class::Arg.because(format!("the type of split is {kind}"))),
    };
    let made = create_with(host, comm, &old, color, key).await?;
    hand_out(host, comm, made, new).map(drop)
}

pub(crate) async fn comm_create<H: Host>(
    host: &mut H,
    comm: Handle,
    group: Handle,
    new: Address,
) -> Result<()> {
    let rank = host.rank();
    let old = rank.comm(comm)?;
    let (group, me) = (rank.group(group)?, rank.me);
    check_members(&old, &group)?;
    // Groups of different ranks may be different, if they have no rank in common.
    let color = group.iter().min().filter(|_| group.contains(&me));
    let key = group.iter().position(|&member| member == me).unwrap_or(0);
    let color = color.map(|&color| color.cast_signed());
    let made = create_with(host, comm, &old, color, key as i32).await?;
    hand_out(host, comm, made, new).map(drop)
}

fn check_members(comm: &Comm, group: &Group) -> Result<()> {
    match group.iter().all(|member| comm.group.contains(member)) {
        true => Ok(()),
        false => Err(Class::Group.because("a rank of the group is not in the communicator")),
    }
}

pub(crate) async fn comm_create_group<H: Host>(
    host: &mut H,
    comm: Handle,
    group: Handle,
    tag: i32,
    new: Address,
) -> Result<()> {
    let rank = host.rank();
    let old = rank.comm(comm)?;
    let (group, me, call) = (rank.group(group)?, rank.me, rank.call);
    check_members(&old, &group)?;
    if tag < 0 {
        return Err(Class::Tag.because(format!("the tag is {tag}")));
    }
    let Some(place) = group.iter().position(|&member| member == me) else {
        return host.with(|memory| Ok(memory.write_word(new, Handle::COMM_NULL.0)?));
    };
    let room = Room::new(host, group.len(), None)?;
    let key = Key::Group {
        of: old.context,
        tag,
        group: Arc::clone(&group),
    };
    let world = Arc::clone(&host.rank().world);
    let new_stage = || world.new_stage(key.clone(), &group);
    let stage = Arc::clone(
        lock(&world.meetings)
            .entry(key.clone())
            .or_insert_with(new_stage),
    );
    let given = Given {
        signature: Signature {
            call,
            root: None,
            kind: 0,
            bytes: None,
        },
        deposit: vote(Some(0), place as i32),
        waits: true,
        reach: Reach::Making,
    };
    let place = Place {
        stage: &stage,
        round: 0,
        rank: place as u32,
        context: old.context,
    };
    let number = place.rank;
    let (shared, members) = (Arc::clone(&world), Arc::clone(&group));
    let make = move |deposits: &[Deposit], context: &mut dyn FnMut() -> u64| {
        // Whoever comes from here on begins another.
        lock(&shared.meetings).remove(&key);
        divide(&shared, &members, deposits, context)
    };
    let meeting = exchange_at(host, place, given, make).await?;
    let made = enter(host, meeting.ok_or(Class::Intern)?, number).await?;
    hand_out(host, comm, room.fill(made), new).map(drop)
}

pub(crate) async fn comm_dup<H: Host>(host: &mut H, comm: Handle, new: Address) -> Result<()> {
    let info = host.rank().comms.get(comm)?.info.copy()?;
    duplicate(host, comm, info, new).await
}

pub(crate) async fn comm_dup_with_info<H: Host>(
    host: &mut H,
    comm: Handle,
    info: Handle,
    new: Address,
) -> Result<()> {
    host.rank().comm(comm)?;
    let info = host.rank().info_or_none(info)?;
    duplicate(host, comm, info, new).await
}

async fn duplicate<H: Host>(host: &mut H, comm: Handle, info: Info, new: Address) -> Result<()> {
    let old = host.rank().comm(comm)?;
    let vote = (Some(0), old.rank.cast_signed());
    let made = create(host, comm, &old, vote, Some(info)).await?;
    let made = made.with(old.cart.clone());
    let handle = hand_out(host, comm, made, new)?;
    if let Err(error) = super::attributes::copy_all(host, comm, handle).await {
        host.rank().comms.remove(handle)?;
        host.with(|memory| Ok(memory.write_word(new, Handle::COMM_NULL.0)?))?;
        host.rank().raising = comm;
        return Err(error);
    }
    Ok(())
}

pub(crate) async fn comm_free<H: Host>(host: &mut H, comm: Address) -> Result<()> {
    let handle = host.with(|memory| Ok(Handle(memory.read_word(comm)?)))?;
    if matches!(handle, Handle::COMM_WORLD | Handle::COMM_SELF) {
        return Err(Class::Comm.because("it is predefined"));
    }
    host.rank().comm(handle)?;
    super::attributes::delete_all(host, handle).await?;
    host.rank().comms.remove(handle)?;
    host.with(|memory| Ok(memory.write_word(comm, Handle::COMM_NULL.0)?))
}

pub(crate) fn comm_set_name<H: Host>(host: &mut H, comm: Handle, name: Address) -> Result<()> {
    host.rank().comm(comm)?;
    let name = host.with(|memory| Ok(memory.read_string(name, MAX_OBJECT_NAME)?))?;
    let name = name.ok_or_else(|| Class::Arg.because("the name is too long"))?;
    host.rank().comms.get_mut(comm)?.name = name;
    Ok(())
}

pub(crate) fn comm_get_name<H: Host>(
    host: &mut H,
    comm: Handle,
    name: Address,
    len: Address,
) -> Result<()> {
    host.rank().comm(comm)?;
    let text = host.rank().comms.get(comm)?.name.clone();
    host.with(|memory| {
        memory.write_string(name, &text)?;
        Ok(memory.write_word(len, text.len() as u32)?)
    })
}

pub(crate) fn comm_set_info<H: Host>(host: &mut H, comm: Handle, info: Handle) -> Result<()> {
    host.rank().comm(comm)?;
    let info = host.rank().info_or_none(info)?;
    host.rank().comms.get_mut(comm)?.info = info;
    Ok(())
}

pub(crate) fn comm_get_info<H: Host>(host: &mut H, comm: Handle, info: Address) -> Result<()> {
    let rank = host.rank();
    rank.comm(comm)?;
    let copy = rank.comms.get(comm)?.info.copy()?;
    let handle = rank.infos.insert(copy)?;
    host.with(|memory| Ok(memory.write_word(info, handle.0)?))
}
