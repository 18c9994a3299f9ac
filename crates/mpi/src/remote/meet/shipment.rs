//! What the ranks of a part bring to a collective, as bytes: what there is, and then the data.

use serde::{Deserialize, Serialize};

use super::Here;
use crate::collective::{Data, Deposit, Parts, Signature};
use crate::error::Class;
use crate::held::Held;
use crate::mailbox::Bytes;

/// What another part has shipped.
pub(super) struct Shipment<'a> {
    manifest: Manifest,
    data: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    /// Whose signature it is, in the communicator.
    by: u32,
    signature: Signed,
    /// The first number for new communicators, from the part that gives them.
    contexts: u64,
    items: Vec<Item>,
}

/// A [`Signature`].
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Signed {
    call: String,
    root: Option<u32>,
    kind: u32,
    bytes: Option<u64>,
}

/// What one rank has put down, if it has.
#[derive(Serialize, Deserialize)]
struct Item {
    /// In the communicator.
    rank: u32,
    /// Bytes of data, or the class of what has failed.
    data: Result<u64, i32>,
    /// What is for whom, if not all for all.
    parts: Option<Vec<(u32, u64)>>,
}

impl Shipment<'_> {
    /// What ranks of this part have put down, as far as it is for `ranks` of another.
    pub(super) fn write(here: &Here, own: &[u32], contexts: u64, ranks: &[u32]) -> Vec<u8> {
        let mut items = Vec::with_capacity(own.len());
        let mut data: Vec<&[u8]> = Vec::with_capacity(own.len());
        if ranks.iter().any(|rank| here.reach.is_for(*rank)) {
            for rank in own {
                items.extend(item(
                    &here.deposits[*rank as usize],
                    *rank,
                    ranks,
                    &mut data,
                ));
            }
        }
        let (by, signature) = &here.signature;
        let manifest = Manifest {
            by: *by,
            signature: Signed::of(signature),
            contexts,
            items,
        };
        let size = data.iter().map(|bytes| bytes.len()).sum::<usize>();
        // Writing to memory does not fail.
        let mut written =
            postcard::to_extend(&manifest, Vec::with_capacity(size + 128)).unwrap_or_default();
        for bytes in data {
            written.extend_from_slice(bytes);
        }
        written
    }
}

impl<'a> Shipment<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (manifest, data) = postcard::take_from_bytes(bytes).ok()?;
        Some(Self { manifest, data })
    }

    pub(super) fn agrees_with(&self, signature: &Signature) -> bool {
        self.manifest.signature == Signed::of(signature)
    }

    /// Who has begun what, for people.
    pub(super) fn signature(&self) -> (u32, String) {
        (self.manifest.by, self.manifest.signature.describe())
    }

    pub(super) fn contexts(&self) -> u64 {
        self.manifest.contexts
    }

    /// Puts the data where the ranks of the communicator have theirs. Nothing if it makes no sense.
    pub(super) fn unpack(self, here: &mut Here, ranks: &[u32], held: Held) -> Option<()> {
        let mut data = self.data;
        let (size, bytes) = (here.deposits.len(), here.signature.1.bytes);
        let mut held = Some(held);
        for item in self.manifest.items {
            if !ranks.contains(&item.rank) {
                return None;
            }
            let deposit = here.deposits.get_mut(item.rank as usize)?;
            let len = match item.data {
                Ok(len) => usize::try_from(len).ok()?,
                Err(code) => {
                    deposit.data = Data::Failed(Class::from_code(code)?);
                    continue;
                }
            };
            let (own, rest) = data.split_at_checked(len)?;
            data = rest;
            deposit.parts = match item.parts {
                Some(parts) => read_parts(&parts, size, len)?,
                None if bytes.is_some_and(|bytes| bytes != len as u64) => return None,
                None => Parts::One,
            };
            deposit.data = Data::Here(Bytes::from_slice(own));
            // All of it with the first.
            deposit.held = held.take();
        }
        data.is_empty().then_some(())
    }
}

/// What a rank has for others, unless that is nothing.
fn item<'a>(
    deposit: &'a Deposit,
    rank: u32,
    ranks: &[u32],
    data: &mut Vec<&'a [u8]>,
) -> Option<Item> {
    let (bytes, parts): (&[u8], _) = match (&deposit.copy, &deposit.data) {
        (Some((bytes, parts)), _) => (bytes, parts),
        (None, Data::Here(bytes)) => (bytes, &deposit.parts),
        (None, Data::Failed(class)) => {
            return Some(Item {
                rank,
                data: Err(*class as i32),
                parts: None,
            });
        }
        (None, Data::None | Data::There(_)) => return None,
    };
    if let Parts::One = parts {
        data.push(bytes);
        return Some(Item {
            rank,
            data: Ok(bytes.len() as u64),
            parts: None,
        });
    }
    let mut sizes = Vec::with_capacity(ranks.len());
    for other in ranks {
        let part = bytes.get(parts.bytes(*other as usize, bytes.len()));
        let part = part.unwrap_or_default();
        sizes.push((*other, part.len() as u64));
        data.push(part);
    }
    Some(Item {
        rank,
        data: Ok(sizes.iter().map(|(_, size)| size).sum()),
        parts: Some(sizes),
    })
}

/// Parts of `len` bytes for some of `size` ranks, which have to be in their order.
fn read_parts(parts: &[(u32, u64)], size: usize, len: usize) -> Option<Parts> {
    let mut each = vec![(0, 0); size];
    for (rank, bytes) in parts {
        each.get_mut(*rank as usize)?.1 = *bytes;
    }
    let sum = each
        .iter()
        .try_fold(0_u64, |sum, (_, bytes)| sum.checked_add(*bytes));
    let is_ordered = parts.is_sorted_by(|one, next| one.0 < next.0);
    (is_ordered && sum == Some(len as u64)).then_some(Parts::Each(each))
}

impl Signed {
    fn of(signature: &Signature) -> Self {
        Self {
            call: signature.call.to_owned(),
            root: signature.root,
            kind: signature.kind,
            bytes: signature.bytes,
        }
    }

    fn describe(&self) -> String {
        crate::collective::describe(&self.call, self.root, self.kind, self.bytes)
    }
}
