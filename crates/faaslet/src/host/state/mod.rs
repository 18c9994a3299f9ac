//! State: values by key, shared by the calls of a user.

mod appended;
mod locks;
mod map;
mod push;
mod read;
mod write;

use faasm_model::Key;
use faasm_state::{Error, Session};
use wasmtime::{Caller, Linker};

use crate::faaslet::Faaslet;
use crate::memory::guest;
use crate::stop::Stop;

pub(super) use map::MAPPING;

type Host<'a> = Caller<'a, Faaslet>;

/// Longest text of a key that is looked at: somewhat more than a key may have, so that the
/// rule of keys is what a longer one breaks.
const MAX_KEY_TEXT: usize = 2 * Key::MAX_LEN;

/// What is copied between a guest and a value at once.
const PIECE: u32 = 1 << 20;

pub(super) fn add(linker: &mut Linker<Faaslet>) -> wasmtime::Result<()> {
    read::add(linker)?;
    map::add(linker)?;
    write::add(linker)?;
    push::add(linker)?;
    appended::add(linker)?;
    locks::add(linker)
}

/// The key at `pointer` in the guest.
fn key(host: &mut Host<'_>, import: &'static str, pointer: u32) -> wasmtime::Result<Key> {
    let (memory, _) = guest(host, import)?;
    let text = memory.c_str(pointer, MAX_KEY_TEXT)?;
    Key::new(&text).map_err(|error| misuse(import, error))
}

/// A `long` that counts bytes.
fn bytes(import: &'static str, what: &str, value: i32) -> wasmtime::Result<u32> {
    u32::try_from(value).map_err(|_| misuse(import, format_args!("the {what} {value} is negative")))
}

fn misuse(import: &'static str, problem: impl ToString) -> wasmtime::Error {
    let problem = problem.to_string();
    Stop::Misuse { import, problem }.into()
}

/// Does something with the call's state, and waits for it.
async fn with<T>(
    host: &Host<'_>,
    import: &'static str,
    work: impl AsyncFnOnce(&Session) -> Result<T, Error>,
) -> wasmtime::Result<T> {
    let faaslet = host.data();
    let done = faaslet.wait(work(faaslet.session())).await?;
    done.map_err(|error| Stop::State { import, error }.into())
}
