//! Hints.

use crate::abi::{Address, Handle, MAX_INFO_KEY, MAX_INFO_VALUE};
use crate::error::{Class, Result};
use crate::host::{Host, HostExt};
use crate::info::Info;
use crate::memory::{Memory, MemoryExt};
use crate::rank::Rank;

impl<M: Memory> Rank<M> {
    fn info(&self, handle: Handle) -> Result<&Info> {
        match handle {
            Handle::INFO_ENV => Ok(&self.no_info),
            made => self.infos.get(made),
        }
    }

    /// A copy of the hints of a handle that may be `MPI_INFO_NULL`.
    pub(crate) fn info_or_none(&self, handle: Handle) -> Result<Info> {
        match handle {
            Handle::INFO_NULL => self.no_info.copy(),
            handle => self.info(handle)?.copy(),
        }
    }
}

fn hand_out<H: Host>(host: &mut H, info: Info, at: Address) -> Result<()> {
    let handle = host.rank().infos.insert(info)?;
    host.with(|memory| Ok(memory.write_word(at, handle.0)?))
}

fn read_key<H: Host>(host: &mut H, key: Address) -> Result<Vec<u8>> {
    let key = host.with(|memory| Ok(memory.read_string(key, MAX_INFO_KEY)?))?;
    key.filter(|key| !key.is_empty())
        .ok_or_else(|| Class::InfoKey.into())
}

pub(crate) fn info_create<H: Host>(host: &mut H, info: Address) -> Result<()> {
    let empty = host.rank().no_info.copy()?;
    hand_out(host, empty, info)
}

pub(crate) fn info_dup<H: Host>(host: &mut H, info: Handle, new: Address) -> Result<()> {
    let copy = host.rank().info(info)?.copy()?;
    hand_out(host, copy, new)
}

pub(crate) fn info_free<H: Host>(host: &mut H, info: Address) -> Result<()> {
    let handle = host.with(|memory| Ok(Handle(memory.read_word(info)?)))?;
    host.rank().infos.remove(handle)?;
    host.with(|memory| Ok(memory.write_word(info, Handle::INFO_NULL.0)?))
}

pub(crate) fn info_set<H: Host>(
    host: &mut H,
    info: Handle,
    key: Address,
    value: Address,
) -> Result<()> {
    host.rank().infos.get(info)?;
    let key = read_key(host, key)?;
    let value = host.with(|memory| Ok(memory.read_string(value, MAX_INFO_VALUE)?))?;
    let value = value.ok_or(Class::InfoValue)?;
    host.rank().infos.get_mut(info)?.set(key, value)
}

pub(crate) fn info_delete<H: Host>(host: &mut H, info: Handle, key: Address) -> Result<()> {
    host.rank().infos.get(info)?;
    let key = read_key(host, key)?;
    host.rank().infos.get_mut(info)?.remove(&key)
}

/// The value of a key, if there is one.
fn find<H: Host>(host: &mut H, info: Handle, key: Address) -> Result<Option<Vec<u8>>> {
    host.rank().info(info)?;
    let key = read_key(host, key)?;
    Ok(host.rank().info(info)?.get(&key).map(<[u8]>::to_vec))
}

pub(crate) fn info_get<H: Host>(
    host: &mut H,
    info: Handle,
    key: Address,
    len: i32,
    value: Address,
    flag: Address,
) -> Result<()> {
    let found = find(host, info, key)?;
    let len = usize::try_from(len).map_err(|_| Class::Arg.because("the length is negative"))?;
    host.with(|memory| {
        if let Some(found) = &found {
            memory.write_string(value, &found[..found.len().min(len)])?;
        }
        Ok(memory.write_int(flag, i32::from(found.is_some()))?)
    })
}

pub(crate) fn info_get_string<H: Host>(
    host: &mut H,
    info: Handle,
    key: Address,
    len: Address,
    value: Address,
    flag: Address,
) -> Result<()> {
    let found = find(host, info, key)?;
    host.with(|memory| {
        if let Some(found) = &found {
            // Its final zero counts.
            let room = memory.read_int(len)?;
            if let Ok(room @ 1..) = usize::try_from(room) {
                memory.write_string(value, &found[..found.len().min(room - 1)])?;
            }
            memory.write_word(len, found.len() as u32 + 1)?;
        }
        Ok(memory.write_int(flag, i32::from(found.is_some()))?)
    })
}

pub(crate) fn info_get_valuelen<H: Host>(
    host: &mut H,
    info: Handle,
    key: Address,
    len: Address,
    flag: Address,
) -> Result<()> {
    let found = find(host, info, key)?;
    host.with(|memory| {
        if let Some(found) = &found {
            memory.write_word(len, found.len() as u32)?;
        }
        Ok(memory.write_int(flag, i32::from(found.is_some()))?)
    })
}

pub(crate) fn info_get_nkeys<H: Host>(host: &mut H, info: Handle, count: Address) -> Result<()> {
    let keys = host.rank().info(info)?.len();
    host.with(|memory| Ok(memory.write_word(count, keys as u32)?))
}

pub(crate) fn info_get_nthkey<H: Host>(
    host: &mut H,
    info: Handle,
    index: i32,
    key: Address,
) -> Result<()> {
    let index = usize::try_from(index).map_err(|_| Class::Arg)?;
    let found = host.rank().info(info)?.key(index).map(<[u8]>::to_vec);
    let found = found.ok_or_else(|| Class::Arg.because("there are not so many keys"))?;
    host.with(|memory| Ok(memory.write_string(key, &found)?))
}
