//! Bytes with a checksum behind them, so that what the disk changed is never taken for
//! what was written.

/// What a seal takes behind the bytes.
pub(super) const SEAL_BYTES: usize = 4;

/// Puts the seal behind `bytes`, which belong at `place`.
pub(super) fn seal(place: [u64; 3], bytes: &mut Vec<u8>) {
    let sum = checksum(place, bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
}

/// The bytes under the seal; `None` when they are not those that were written at `place`.
pub(super) fn unseal(place: [u64; 3], sealed: &[u8]) -> Option<&[u8]> {
    let (bytes, sum) = sealed.split_last_chunk::<SEAL_BYTES>()?;
    (u32::from_le_bytes(*sum) == checksum(place, bytes)).then_some(bytes)
}

fn checksum(place: [u64; 3], bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for number in place {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_or_place_breaks_the_seal() {
        let mut sealed = b"some bytes".to_vec();
        seal([1, 2, 3], &mut sealed);
        assert_eq!(unseal([1, 2, 3], &sealed), Some(b"some bytes".as_slice()));
        assert_eq!(unseal([1, 3, 2], &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 0x10;
            assert_eq!(unseal([1, 2, 3], &changed), None, "{at}");
            assert_eq!(unseal([1, 2, 3], &sealed[..at]), None, "{at}");
        }
    }
}
