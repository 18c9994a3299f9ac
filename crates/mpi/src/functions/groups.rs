//! Groups of ranks.

use super::comms::compare;
use crate::abi::{Address, Handle, IDENT, INT_BYTES, PROC_NULL, UNDEFINED};
use crate::comm::Group;
use crate::error::{Class, Error, Result};
use crate::host::{Host, HostExt};
use crate::memory::MemoryExt;

fn hand_out<H: Host>(host: &mut H, group: Group, at: Address) -> Result<()> {
    let handle = host.rank().new_group(group)?;
    host.with(|memory| Ok(memory.write_word(at, handle.0)?))
}

fn place(group: &Group, member: u32) -> i32 {
    let place = group.iter().position(|&other| other == member);
    place.map_or(UNDEFINED, |place| place as i32)
}

pub(crate) fn group_size<H: Host>(host: &mut H, group: Handle, size: Address) -> Result<()> {
    let group = host.rank().group(group)?;
    host.with(|memory| Ok(memory.write_word(size, group.len() as u32)?))
}

pub(crate) fn group_rank<H: Host>(host: &mut H, group: Handle, rank: Address) -> Result<()> {
    let (group, me) = (host.rank().group(group)?, host.rank().me);
    host.with(|memory| Ok(memory.write_int(rank, place(&group, me))?))
}

pub(crate) fn group_translate_ranks<H: Host>(
    host: &mut H,
    from: Handle,
    count: i32,
    ranks: Address,
    to: Handle,
    found: Address,
) -> Result<()> {
    let (from, to) = (host.rank().group(from)?, host.rank().group(to)?);
    let count = length(count)?;
    host.with(|memory| {
        for index in 0..count {
            let value = match memory.read_int(ranks.item(index, INT_BYTES))? {
                PROC_NULL => PROC_NULL,
                rank => place(&to, from[member(&from, rank)?]),
            };
            memory.write_int(found.item(index, INT_BYTES), value)?;
        }
        Ok(())
    })
}

/// Ranks or ranges that one call may list: far more than there are, and no long work.
const MOST: usize = 1 << 16;

fn length(count: i32) -> Result<usize> {
    let length = usize::try_from(count);
    let length = length.map_err(|_| Class::Arg.because("a length is negative"))?;
    match length <= MOST {
        true => Ok(length),
        false => Err(Class::Arg.because(format!("a list is longer than {MOST}"))),
    }
}

fn member(group: &Group, rank: i32) -> Result<usize> {
    let found = usize::try_from(rank)
        .ok()
        .filter(|&rank| rank < group.len());
    found.ok_or_else(|| outside(rank))
}

fn outside(rank: i32) -> Error {
    Class::Rank.because(format!("the rank {rank} is not in the group"))
}

pub(crate) fn group_compare<H: Host>(
    host: &mut H,
    first: Handle,
    second: Handle,
    result: Address,
) -> Result<()> {
    let (first, second) = (host.rank().group(first)?, host.rank().group(second)?);
    let value = compare(&first, &second, IDENT);
    host.with(|memory| Ok(memory.write_int(result, value)?))
}

macro_rules! sets {
    ($($name:ident: |$first:ident, $second:ident| $members:expr;)*) => {$(
        pub(crate) fn $name<H: Host>(
            host: &mut H,
            first: Handle,
            second: Handle,
            new: Address,
        ) -> Result<()> {
            let ($first, $second) = (host.rank().group(first)?, host.rank().group(second)?);
            hand_out(host, $members, new)
        }
    )*};
}

sets! {
    group_union: |first, second| {
        let added = second.iter().filter(|member| !first.contains(member));
        first.iter().chain(added).copied().collect()
    };
    group_intersection: |first, second| {
        first.iter().filter(|member| second.contains(member)).copied().collect()
    };
    group_difference: |first, second| {
        first.iter().filter(|member| !second.contains(member)).copied().collect()
    };
}

/// Places in a group, none of them twice.
fn distinct(group: &Group, ranks: &[i32]) -> Result<Vec<usize>> {
    let mut is_taken = vec![false; group.len()];
    let mut places = Vec::with_capacity(ranks.len().min(group.len()));
    for &rank in ranks {
        let place = member(group, rank)?;
        if std::mem::replace(&mut is_taken[place], true) {
            return Err(Class::Rank.because(format!("the rank {rank} is given twice")));
        }
        places.push(place);
    }
    Ok(places)
}

fn include<H: Host>(host: &mut H, group: &Group, ranks: &[i32], new: Address) -> Result<()> {
    let places = distinct(group, ranks)?;
    hand_out(
        host,
        places.into_iter().map(|place| group[place]).collect(),
        new,
    )
}

fn exclude<H: Host>(host: &mut H, group: &Group, ranks: &[i32], new: Address) -> Result<()> {
    let places = distinct(group, ranks)?;
    let members = group.iter().enumerate();
    let left = members.filter(|(place, _)| !places.contains(place));
    hand_out(host, left.map(|(_, member)| *member).collect(), new)
}

/// The ranks of an array, which are all different.
fn listed<H: Host>(host: &mut H, group: &Group, count: i32, ranks: Address) -> Result<Vec<i32>> {
    let count = length(count)?;
    if count > group.len() {
        return Err(Class::Rank.because("there are more ranks than in the group"));
    }
    host.with(|memory| Ok(memory.read_ints(ranks, count)?))
}

/// The ranks of an array of ranges: first, last, step.
fn ranges<H: Host>(host: &mut H, group: &Group, count: i32, at: Address) -> Result<Vec<i32>> {
    let count = length(count)?;
    let mut ranks = Vec::new();
    for index in 0..count {
        let range = at.item(index, 3 * INT_BYTES);
        let range = host.with(|memory| Ok(memory.read_ints(range, 3)?))?;
        let &[first, last, step] = range.as_slice() else {
            return Err(Class::Intern.into());
        };
        add_range(group, &mut ranks, (first, last, step))?;
    }
    Ok(ranks)
}

fn add_range(group: &Group, ranks: &mut Vec<i32>, range: (i32, i32, i32)) -> Result<()> {
    let (first, last, step) = range;
    if step == 0 {
        return Err(Class::Arg.because("the step of a range is zero"));
    }
    member(group, first)?;
    let (mut rank, last, step) = (i64::from(first), i64::from(last), i64::from(step));
    while (step > 0 && rank <= last) || (step < 0 && rank >= last) {
        let value = i32::try_from(rank).map_err(|_| Class::Rank)?;
        member(group, value)?;
        if ranks.len() == group.len() {
            return Err(Class::Rank.because("the ranges give a rank twice"));
        }
        ranks.push(value);
        rank += step;
    }
    Ok(())
}

pub(crate) fn group_incl<H: Host>(
    host: &mut H,
    group: Handle,
    count: i32,
    ranks: Address,
    new: Address,
) -> Result<()> {
    let group = host.rank().group(group)?;
    let ranks = listed(host, &group, count, ranks)?;
    include(host, &group, &ranks, new)
}

pub(crate) fn group_excl<H: Host>(
    host: &mut H,
    group: Handle,
    count: i32,
    ranks: Address,
    new: Address,
) -> Result<()> {
    let group = host.rank().group(group)?;
    let ranks = listed(host, &group, count, ranks)?;
    exclude(host, &group, &ranks, new)
}

pub(crate) fn group_range_incl<H: Host>(
    host: &mut H,
    group: Handle,
    count: i32,
    at: Address,
    new: Address,
) -> Result<()> {
    let group = host.rank().group(group)?;
    let ranks = ranges(host, &group, count, at)?;
    include(host, &group, &ranks, new)
}

pub(crate) fn group_range_excl<H: Host>(
    host: &mut H,
    group: Handle,
    count: i32,
    at: Address,
    new: Address,
) -> Result<()> {
    let group = host.rank().group(group)?;
    let ranks = ranges(host, &group, count, at)?;
    exclude(host, &group, &ranks, new)
}

pub(crate) fn group_free<H: Host>(host: &mut H, group: Address) -> Result<()> {
    let handle = host.with(|memory| Ok(Handle(memory.read_word(group)?)))?;
    if handle != Handle::GROUP_EMPTY {
        host.rank().groups.remove(handle)?;
    }
    host.with(|memory| Ok(memory.write_word(group, Handle::GROUP_NULL.0)?))
}
