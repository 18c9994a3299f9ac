//! Reading and changing values.

use bytes::Bytes;
use faasm_model::{Name, StateKey};
use faasm_state::tier::{
    CHUNK_BYTES, Error, Expect, Fence, Generation, MAX_PATCH_BYTES, MAX_VALUE_BYTES, Meta, Patch,
    Patches, Pin, Result, Version, at_most,
};

use super::super::assemble::Code;
use super::super::janitor;
use super::super::keys::Shard;
use super::super::link::only;
use super::super::reading::Part;
use super::super::request::{Answer, Call};
use super::super::scripts;
use super::RedisTier;

impl RedisTier {
    pub(super) async fn open_value(&self, key: &StateKey) -> Result<Option<(Meta, Pin)>> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.link.prefix().entry(key));
        command.arg(&["generation", "version", "size"]);
        let row = self.row(command).await?;
        if row.iter().all(Bytes::is_empty) {
            return Ok(None);
        }
        let meta = self.meta(&row)?;
        Ok(Some((meta, self.pins.pin(meta.generation, false))))
    }

    pub(super) async fn read_part(&self, part: Part) -> Result<Bytes> {
        at_most("the bytes of a read", part.length, MAX_PATCH_BYTES)?;
        let call = self.call_of(&scripts::READ, part.generation);
        let call = part.request(call).expecting(part.length);
        part.read(&done(self.link.script(call).await?)?)
    }

    pub(super) async fn patch_value(
        &self,
        key: &StateKey,
        generation: Generation,
        size: u64,
        patches: Vec<Patch>,
        fence: Option<Fence>,
    ) -> Result<Meta> {
        at_most("the value", size, MAX_VALUE_BYTES)?;
        let patches = Patches::new(patches)?;
        let end = patches.pieces().last().map_or(0, |piece| {
            u64::from(piece.chunk) * CHUNK_BYTES + (piece.start + piece.bytes.len()) as u64
        });
        let call = self.call_on(&scripts::PATCH, key);
        let call = call.arg(generation.0).arg(size).arg(end).arg(shown(fence));
        let call = with_pieces(call, &patches, |_| true);
        let answer = self.link.script(call).await?;
        if let Answer::Refused(word, there) = &answer
            && word == "outside"
        {
            return Err(Error::TooLarge {
                what: "the end of a patch",
                size: end,
                limit: there.parse().unwrap_or(size),
            });
        }
        self.meta(&self.changed(answer, &key.user)?)
    }

    pub(super) async fn put_value(
        &self,
        key: &StateKey,
        size: u64,
        patches: Vec<Patch>,
        expect: Expect,
        fence: Option<Fence>,
    ) -> Result<Meta> {
        at_most("the value", size, MAX_VALUE_BYTES)?;
        let patches = Patches::new(patches)?;
        patches.within(size)?;
        let (kind, expected) = words(expect);
        let call = self.call_on(&scripts::PUT, key);
        let call = call.arg(Shard::of_user(&key.user).number()).arg(size);
        let call = call.arg(kind).arg(expected).arg(shown(fence));
        // In a new generation there are zeros already.
        let call = with_pieces(call, &patches, |bytes| bytes.iter().any(|&byte| byte != 0));
        self.meta(&self.change(call, &key.user).await?)
    }

    pub(super) async fn stage_value(&self, user: &Name) -> Result<(Generation, Pin)> {
        let call = self.call(&scripts::STAGE, user, "");
        let call = call.arg(Shard::of_user(user).number());
        let fields = self.change(call, user).await?;
        let generation = Generation(self.number("a generation", only(&fields))?);
        Ok((generation, self.pins.pin(generation, true)))
    }

    pub(super) async fn write_parts(
        &self,
        generation: Generation,
        patches: Vec<Patch>,
    ) -> Result<()> {
        let patches = Patches::new(patches)?;
        // The same bytes at the same place: once more does no harm.
        let call = self.call_of(&scripts::WRITE_STAGED, generation);
        let call = with_pieces(call.arg(generation.0), &patches, |_| true);
        done(self.link.script(call).await?)?;
        self.count_change();
        Ok(())
    }

    pub(super) async fn publish_value(
        &self,
        key: &StateKey,
        generation: Generation,
        size: u64,
        expect: Expect,
        fence: Option<Fence>,
    ) -> Result<Meta> {
        at_most("the value", size, MAX_VALUE_BYTES)?;
        let (kind, expected) = words(expect);
        let call = self
            .call_on(&scripts::PUBLISH, key)
            .arg(generation.0)
            .arg(size);
        let call = call.arg(kind).arg(expected).arg(shown(fence));
        let answer = self.link.script(call).await?;
        if let Answer::Refused(word, extent) = &answer
            && word == "large"
        {
            return Err(Error::TooLarge {
                what: "what was written of the value",
                size: extent.parse().unwrap_or(u64::MAX),
                limit: size,
            });
        }
        self.meta(&self.changed(answer, &key.user)?)
    }

    /// A script on a generation, which changes nothing or may be done twice.
    fn call_of(&self, code: &'static Code, generation: Generation) -> Call {
        let shard = Shard::of_generation(generation);
        janitor::call(self.link.prefix(), code, shard, self.options.grace)
    }

    pub(super) async fn delete_value(&self, key: &StateKey, expect: Expect) -> Result<bool> {
        let (kind, expected) = words(expect);
        let call = self.call_on(&scripts::DELETE, key).arg(kind).arg(expected);
        Ok(only(&self.change(call, &key.user).await?) == b"1")
    }
}

/// What came of a script that belongs to no user.
fn done(answer: Answer) -> Result<Vec<Bytes>> {
    match answer {
        Answer::Done(fields) => Ok(fields),
        Answer::Refused(word, _) if word == "superseded" => Err(Error::Superseded),
        Answer::Refused(_, detail) => Err(Error::Corrupted(detail)),
    }
}

/// An expectation as scripts have it.
fn words(expect: Expect) -> (&'static str, String) {
    match expect {
        Expect::Any => ("any", String::new()),
        Expect::Absent => ("absent", String::new()),
        Expect::Version(Version(version)) => ("version", version.to_string()),
        Expect::Generation(Generation(generation)) => ("generation", generation.to_string()),
    }
}

fn shown(fence: Option<Fence>) -> String {
    fence.map_or_else(String::new, |fence| fence.0.to_string())
}

fn with_pieces(call: Call, patches: &Patches, is_wanted: impl Fn(&[u8]) -> bool) -> Call {
    let pieces = patches.pieces().filter(|piece| is_wanted(piece.bytes));
    pieces.fold(call, |call, piece| {
        let bytes = Bytes::copy_from_slice(piece.bytes);
        call.arg(piece.chunk).arg(piece.start).bytes(bytes)
    })
}
