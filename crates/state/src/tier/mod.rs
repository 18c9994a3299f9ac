//! The global tier: where values are durable.

#[cfg(feature = "conformance")]
pub mod conformance;
mod embedded;
mod error;
mod patches;
mod words;

use std::time::Duration;

use bytes::Bytes;
use faasm_model::{Key, Name, StateKey};
use futures::future::BoxFuture;

pub use embedded::{EmbeddedOptions, EmbeddedTier};
pub use error::{Error, Result};
pub use patches::{Patches, Piece, at_most};
pub use words::{Expect, Fence, Generation, ListedKey, Meta, Patch, Pin, Usage, Version};

/// Bytes of a value that are kept, moved and compared together. A multiple of the page
/// size, and a little below a power of two: values of that size fill the pages of the
/// embedded database, those of 64 KiB take twice their room.
pub const CHUNK_BYTES: u64 = 61_440;

/// Largest value, in bytes: lengths are 32-bit `long`s in functions.
pub const MAX_VALUE_BYTES: u64 = (1 << 31) - 1;

/// Most bytes of patches in one operation.
pub const MAX_PATCH_BYTES: u64 = 8 << 20;

/// Most chunks that the patches of one operation touch: each is written anew.
pub const MAX_PATCH_CHUNKS: u64 = 512;

/// What an appended element counts beside its bytes, so that empty ones are not for free.
pub const ELEMENT_OVERHEAD_BYTES: u64 = 16;

/// Most entries in one list of keys or users.
pub const MAX_LISTED: usize = 1_000;

/// Durable values, shared by all workers.
///
/// What a method changed is durable when it returns, except for locks. A future that is
/// dropped half way does not take its change back: it may or may not be made, but never
/// by half. Any method answers [`Error::Closed`] after [`close`](Self::close), and any
/// that writes may answer [`Error::NoSpace`]; the tier goes on when there is room again.
///
/// A value has a *generation*: setting it makes a new one, patching it does not. It has a
/// *version*, which every change of the value raises, and which is never used again for
/// the same key, deletion included. What was never written inside a value is zeros and
/// takes no room.
pub trait GlobalTier: Send + Sync {
    /// What is known of a value; `None` if there is none. The generation stays readable
    /// as long as the pin lives, whatever happens to the value.
    fn open<'a>(&'a self, key: &'a StateKey) -> BoxFuture<'a, Result<Option<(Meta, Pin)>>>;

    /// `length` bytes of a generation from `offset` on, of one moment; zeros where nothing
    /// was written or where its size ends. At most [`MAX_PATCH_BYTES`].
    ///
    /// # Errors
    /// [`Error::Superseded`] when the generation is gone.
    fn read(
        &self,
        generation: Generation,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'_, Result<Bytes>>;

    /// Changes parts of a value in one step, and extends it with zeros to `size` bytes if
    /// it is smaller. Patches lie within that size and do not overlap; together they have
    /// at most [`MAX_PATCH_BYTES`] and touch at most [`MAX_PATCH_CHUNKS`].
    ///
    /// # Errors
    /// [`Error::Superseded`] when `generation` is not the value's present one;
    /// [`Error::Fenced`]; [`Error::Quota`]; [`Error::TooLarge`]; [`Error::Overlap`].
    fn patch<'a>(
        &'a self,
        key: &'a StateKey,
        generation: Generation,
        size: u64,
        patches: Vec<Patch>,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>>;

    /// Sets a value of `size` bytes, zeros but for `patches`, as a new generation. Patches
    /// as in [`patch`](Self::patch).
    ///
    /// # Errors
    /// [`Error::Conflict`] when the value is not as `expect` says; [`Error::Fenced`];
    /// [`Error::Quota`]; [`Error::TooLarge`]; [`Error::Overlap`].
    fn put<'a>(
        &'a self,
        key: &'a StateKey,
        size: u64,
        patches: Vec<Patch>,
        expect: Expect,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>>;

    /// Begins a generation for a value of `user` that is written in many steps, and that
    /// nobody sees before [`publish`](Self::publish). It is dropped with its pin, and by a
    /// restart.
    fn stage<'a>(&'a self, user: &'a Name) -> BoxFuture<'a, Result<(Generation, Pin)>>;

    /// Writes parts of a staged generation. Patches as in [`patch`](Self::patch), without
    /// a size.
    ///
    /// # Errors
    /// [`Error::Superseded`] when there is no such staged generation.
    fn write_staged(
        &self,
        generation: Generation,
        patches: Vec<Patch>,
    ) -> BoxFuture<'_, Result<()>>;

    /// Makes a staged generation the value, with `size` bytes.
    ///
    /// # Errors
    /// Those of [`put`](Self::put), [`Error::TooLarge`] also when something was written
    /// behind `size`; [`Error::Superseded`] when there is no such staged generation, or it
    /// may be, when it is another user's.
    fn publish<'a>(
        &'a self,
        key: &'a StateKey,
        generation: Generation,
        size: u64,
        expect: Expect,
        fence: Option<Fence>,
    ) -> BoxFuture<'a, Result<Meta>>;

    /// Removes a value; `false` if there is none. Its appended elements stay.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the value is not as `expect` says.
    fn delete<'a>(&'a self, key: &'a StateKey, expect: Expect) -> BoxFuture<'a, Result<bool>>;

    /// A user's keys that begin with `prefix`, sorted by bytes, from the one behind
    /// `after` on: at most `limit`, and at most 1,000. Keys that only have appended
    /// elements are among them.
    fn list<'a>(
        &'a self,
        user: &'a Name,
        prefix: &'a str,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<ListedKey>>>;

    /// Users who have keys, sorted, from the one behind `after` on: at most `limit`, and
    /// at most 1,000.
    fn users<'a>(
        &'a self,
        after: Option<&'a Name>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Name>>>;

    /// What a user's values and elements take.
    fn usage<'a>(&'a self, user: &'a Name) -> BoxFuture<'a, Result<Usage>>;

    /// Adds an element of at most [`MAX_PATCH_BYTES`] at the end of the key's list, which
    /// is apart from its value, and returns how many there are now. Appends of one key
    /// have one order, that in which they return included.
    ///
    /// # Errors
    /// [`Error::Quota`]; [`Error::TooLarge`].
    fn append<'a>(&'a self, key: &'a StateKey, element: Bytes) -> BoxFuture<'a, Result<u64>>;

    /// Elements of the key's list from the one of index `first` (0 is the oldest) on: at
    /// most `count`, and, beside the first of them, at most [`MAX_PATCH_BYTES`] together,
    /// each with its [`ELEMENT_OVERHEAD_BYTES`]. The list ends where none come any more.
    fn appended<'a>(
        &'a self,
        key: &'a StateKey,
        first: u64,
        count: u64,
    ) -> BoxFuture<'a, Result<Vec<Bytes>>>;

    /// Empties the key's list.
    fn clear_appended<'a>(&'a self, key: &'a StateKey) -> BoxFuture<'a, Result<()>>;

    /// Takes the key's global lock for `lease`, if nobody has it; `None` if somebody has.
    /// The fence is greater than any that was given out for this key before, and a holder
    /// whose lease ran out can no longer write with its own once there is a new holder.
    fn lock<'a>(
        &'a self,
        key: &'a StateKey,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>>>;

    /// Extends the lease of a lock; `false` if it is no longer held with this fence.
    fn renew<'a>(
        &'a self,
        key: &'a StateKey,
        fence: Fence,
        lease: Duration,
    ) -> BoxFuture<'a, Result<bool>>;

    /// Gives a lock back, if it is still held with this fence.
    fn unlock<'a>(&'a self, key: &'a StateKey, fence: Fence) -> BoxFuture<'a, Result<()>>;

    /// How many durable commits were made, for who watches: many changes share one.
    fn commits(&self) -> u64;

    /// Finishes what was asked for before and lets go of the storage.
    fn close(&self) -> BoxFuture<'_, ()>;
}
