//! Attributes of communicators.

use std::ops::Bound;
use std::sync::Arc;

use crate::abi::{
    APPNUM, Address, DUP_FN, HOST, Handle, INT_BYTES, IO, KEYVAL_INVALID, LASTUSEDCODE, MAX_TAG,
    PROC_NULL, TAG_UB, UNIVERSE_SIZE, WTIME_IS_GLOBAL,
};
use crate::comm::Attribute;
use crate::error::{Class, Error, Result};
use crate::host::{Callback, Host, HostExt};
use crate::keyval::Keyval;
use crate::memory::{Memory, MemoryExt};
use crate::rank::Rank;

/// What an attribute takes, in bytes, with its key and its place in the tree.
const ATTRIBUTE: usize = 2 * size_of::<Attribute>() + size_of::<Keyval>();

/// The predefined attributes of `MPI_COMM_WORLD`, which programs get the addresses of.
const PREDEFINED: [i32; 7] = [
    TAG_UB,
    IO,
    HOST,
    WTIME_IS_GLOBAL,
    APPNUM,
    LASTUSEDCODE,
    UNIVERSE_SIZE,
];

pub(crate) fn comm_create_keyval<H: Host>(
    host: &mut H,
    copy: i32,
    delete: i32,
    keyval: Address,
    extra_state: i32,
) -> Result<()> {
    let key = Keyval {
        copy: copy.cast_unsigned(),
        delete: delete.cast_unsigned(),
        extra_state: extra_state.cast_unsigned(),
    };
    let handle = host.rank().keyvals.insert(Arc::new(key))?;
    host.with(|memory| Ok(memory.write_word(keyval, handle.0)?))
}

pub(crate) fn comm_free_keyval<H: Host>(host: &mut H, keyval: Address) -> Result<()> {
    let handle = host.with(|memory| Ok(Handle(memory.read_word(keyval)?)))?;
    // Attributes that have it keep it.
    host.rank().keyvals.remove(handle)?;
    host.with(|memory| Ok(memory.write_int(keyval, KEYVAL_INVALID)?))
}

impl<M: Memory> Rank<M> {
    fn set_attribute(
        &mut self,
        comm: Handle,
        keyval: Handle,
        (key, value): (Arc<Keyval>, u32),
    ) -> Result<()> {
        let _held = self.account.hold(ATTRIBUTE)?;
        let attribute = Attribute { key, value, _held };
        let attributes = &mut self.comms.get_mut(comm)?.attributes;
        attributes.insert(keyval, attribute);
        Ok(())
    }

    /// A key, also one that was freed while the communicator has an attribute with it.
    fn keyval(&self, comm: Handle, keyval: Handle) -> Result<Arc<Keyval>> {
        match self.keyvals.get(keyval) {
            Ok(found) => Ok(Arc::clone(found)),
            Err(error) => match self.comms.get(comm)?.attributes.get(&keyval) {
                Some(attribute) => Ok(Arc::clone(&attribute.key)),
                None => Err(error),
            },
        }
    }
}

pub(crate) async fn comm_set_attr<H: Host>(
    host: &mut H,
    comm: Handle,
    keyval: Handle,
    value: i32,
) -> Result<()> {
    host.rank().comm(comm)?;
    let key = host.rank().keyval(comm, keyval)?;
    delete(host, comm, keyval).await?;
    host.rank()
        .set_attribute(comm, keyval, (key, value.cast_unsigned()))
}

pub(crate) async fn comm_get_attr<H: Host>(
    host: &mut H,
    comm: Handle,
    keyval: Handle,
    value: Address,
    flag: Address,
) -> Result<()> {
    host.rank().comm(comm)?;
    let predefined = PREDEFINED
        .iter()
        .position(|&key| Handle::from(key) == keyval);
    let found = match predefined {
        Some(index) if comm == Handle::COMM_WORLD => Some(predefined_at(host, index).await?),
        Some(_) => None,
        None => {
            host.rank().keyval(comm, keyval)?;
            let attributes = &host.rank().comms.get(comm)?.attributes;
            attributes.get(&keyval).map(|attribute| attribute.value)
        }
    };
    host.with(|memory| {
        if let Some(found) = found {
            memory.write_word(value, found)?;
        }
        Ok(memory.write_int(flag, i32::from(found.is_some()))?)
    })
}

/// Where the value of a predefined attribute is in the program's memory.
async fn predefined_at<H: Host>(host: &mut H, index: usize) -> Result<u32> {
    let at = match host.rank().attributes_at {
        Some(at) => at,
        None => {
            let rank = host.rank();
            let (me, size) = (rank.me.cast_signed(), rank.world.size().cast_signed());
            let last = Class::Errhandler as i32;
            // Each part of a world has a clock of its own.
            let is_global = i32::from(rank.world.remote.is_none());
            let values = [MAX_TAG, me, PROC_NULL, is_global, 0, last, size];
            let bytes = values.len() as u32 * INT_BYTES;
            let at = host.memory_for(bytes).await?.ok_or_else(|| {
                Class::NoMem.because("the program's malloc has no memory for attributes")
            })?;
            host.with(|memory| Ok(memory.write_ints(Address(at), &values)?))?;
            host.rank().attributes_at = Some(at);
            at
        }
    };
    Ok(Address(at).item(index, INT_BYTES).0)
}

pub(crate) async fn comm_delete_attr<H: Host>(
    host: &mut H,
    comm: Handle,
    keyval: Handle,
) -> Result<()> {
    host.rank().comm(comm)?;
    host.rank().keyval(comm, keyval)?;
    match delete(host, comm, keyval).await? {
        true => Ok(()),
        false => Err(Class::Keyval.because("the communicator has no such attribute")),
    }
}

/// Deletes an attribute, if there is one.
async fn delete<H: Host>(host: &mut H, comm: Handle, keyval: Handle) -> Result<bool> {
    let entry = host.rank().comms.get(comm)?;
    let Some(attribute) = entry.attributes.get(&keyval) else {
        return Ok(false);
    };
    let (key, value) = (Arc::clone(&attribute.key), attribute.value);
    if key.delete != 0 {
        let arguments = [comm.0, keyval.0, value, key.extra_state];
        call(host, key.delete, &arguments).await?;
    }
    // The function may have deleted it itself.
    let entry = host.rank().comms.get_mut(comm)?;
    entry.attributes.remove(&keyval);
    Ok(true)
}

/// Calls a function of the program, which returns an error code.
async fn call<H: Host>(host: &mut H, function: u32, arguments: &[u32]) -> Result<()> {
    match host
        .call_back(Callback::Attribute(function), arguments)
        .await?
    {
        Some(0) => Ok(()),
        Some(code) => Err(Error::Returned(code)),
        None => Err(Class::Arg.because("an attribute's function is not in the program's table")),
    }
}

/// Deletes all attributes of a communicator that goes.
pub(super) async fn delete_all<H: Host>(host: &mut H, comm: Handle) -> Result<()> {
    // The latest first.
    while let Some(keyval) = last(host, comm)? {
        delete(host, comm, keyval).await?;
    }
    Ok(())
}

fn last<H: Host>(host: &mut H, comm: Handle) -> Result<Option<Handle>> {
    let attributes = &host.rank().comms.get(comm)?.attributes;
    Ok(attributes.keys().next_back().copied())
}

/// Copies the attributes of a communicator to its duplicate, as their keys say.
pub(super) async fn copy_all<H: Host>(host: &mut H, from: Handle, to: Handle) -> Result<()> {
    let attributes = &host.rank().comms.get(from)?.attributes;
    if attributes.values().all(|attribute| attribute.key.copy == 0) {
        return Ok(());
    }
    let words = host.memory_for(2 * INT_BYTES).await?;
    let words = Address(words.ok_or(Class::NoMem)?);
    let copied = copy_each(host, from, to, words).await;
    host.free(words.0).await?;
    copied
}

async fn copy_each<H: Host>(host: &mut H, from: Handle, to: Handle, words: Address) -> Result<()> {
    let mut after = Bound::Unbounded;
    while let Some((keyval, key, value)) = next(host, from, after)? {
        after = Bound::Excluded(keyval);
        if let Some(value) = copy(host, from, (keyval, &key, value), words).await? {
            host.rank().set_attribute(to, keyval, (key, value))?;
        }
    }
    Ok(())
}

type Found = (Handle, Arc<Keyval>, u32);

/// The next attribute of a communicator, whatever functions of the program have done to the last.
fn next<H: Host>(host: &mut H, comm: Handle, after: Bound<Handle>) -> Result<Option<Found>> {
    let attributes = &host.rank().comms.get(comm)?.attributes;
    let next = attributes.range((after, Bound::Unbounded)).next();
    Ok(next.map(|(keyval, found)| (*keyval, Arc::clone(&found.key), found.value)))
}

async fn copy<H: Host>(
    host: &mut H,
    comm: Handle,
    (keyval, key, value): (Handle, &Keyval, u32),
    words: Address,
) -> Result<Option<u32>> {
    match key.copy {
        0 => return Ok(None),
        DUP_FN => return Ok(Some(value)),
        _ => {}
    }
    let (out, flag) = (words, words.item(1, INT_BYTES));
    host.with(|memory| Ok(memory.write_ints(words, &[0, 0])?))?;
    let arguments = [comm.0, keyval.0, key.extra_state, value, out.0, flag.0];
    call(host, key.copy, &arguments).await?;
    host.with(|memory| {
        let is_copied = memory.read_int(flag)? != 0;
        let value = memory.read_word(out)?;
        Ok(is_copied.then_some(value))
    })
}
