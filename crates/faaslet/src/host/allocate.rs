//! Memory from the guest's own `malloc`, for what the host hands over to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{AsContextMut, Caller, Extern};

use crate::faaslet::Faaslet;

/// Longest time that an allocation may hold a stack that others wait for.
const LONGEST: Duration = Duration::from_secs(1);

/// Why the guest's allocator gave no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unallocated {
    #[error("the module exports no `malloc` for it")]
    NoMalloc,
    #[error("the module's `malloc` is not a `void *malloc(size_t)`")]
    WrongType,
    #[error("the module's `malloc` asks for it itself")]
    Nested,
    #[error("the module's `malloc` has no memory for it")]
    Full,
}

/// Has the guest's allocator settle on its heap, before the host grows the memory for
/// something else: wasi-libc's takes all memory that there is at its first use, whoever
/// grew it. A module that exports no `malloc` has to see to that itself.
pub(super) async fn settle_heap(caller: &mut Caller<'_, Faaslet>) -> wasmtime::Result<()> {
    if std::mem::replace(&mut caller.data_mut().is_heap_settled, true) {
        return Ok(());
    }
    // The few bytes stay allocated: most modules export no `free`.
    let _unneeded = allocate(caller, 1).await?;
    Ok(())
}

/// Has the guest allocate `size` bytes. The outer error ends the guest: its `malloc` did.
pub(super) async fn allocate(
    caller: &mut Caller<'_, Faaslet>,
    size: u32,
) -> wasmtime::Result<Result<u32, Unallocated>> {
    // A call into the guest from here has a stack of its own, of which there are few. One
    // that got here again would take more and more of them.
    if caller.data().allocating_until.is_some() {
        return Ok(Err(Unallocated::Nested));
    }
    let Some(Extern::Func(malloc)) = caller.get_export("malloc") else {
        return Ok(Err(Unallocated::NoMalloc));
    };
    let Ok(malloc) = malloc.typed::<u32, u32>(&*caller) else {
        return Ok(Err(Unallocated::WrongType));
    };
    let stacks = Arc::clone(&caller.data().shared.spare_stacks);
    let stack = caller.data().wait(stacks.acquire_owned()).await?;
    caller.data_mut().allocating_until = Some(Instant::now() + LONGEST);
    let pointer = malloc
        .call_async(caller.as_context_mut(), size.max(1))
        .await?;
    caller.data_mut().allocating_until = None;
    drop(stack);
    Ok(match pointer {
        0 => Err(Unallocated::Full),
        pointer => Ok(pointer),
    })
}
