//! The key that all servers of a cluster share.

use std::fmt;

/// A proof that somebody has the key. Comparing two takes the same time wherever they differ.
pub(crate) type Proof = blake3::Hash;

/// Which side of a connection proves something: what one has said is of no use to the other.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Dials,
    Accepts,
}

/// What a connection runs over. A proof is good for one, and for nothing that somebody else
/// makes of it.
#[derive(Clone, Copy)]
pub(crate) enum Channel {
    /// The connection as it is.
    Plain,
    /// TLS, and what only the two ends of this one session know.
    Tls([u8; 32]),
}

/// What proves that a process belongs to the cluster.
///
/// It is derived from the cluster's key, so that nothing that is made with it says anything
/// about what else that key is for.
#[derive(Clone)]
pub struct LinkKey([u8; 32]);

impl LinkKey {
    /// The links' key of the cluster with this key.
    #[must_use]
    pub fn new(cluster_key: &[u8; 32]) -> Self {
        Self(blake3::derive_key("faasm link 2026 handshake", cluster_key))
    }

    /// What `role` has to show after these two greetings, which have a fresh nonce each.
    pub(crate) fn prove(
        &self,
        role: Role,
        channel: Channel,
        dialed: &[u8],
        accepted: &[u8],
    ) -> Proof {
        let mut mac = blake3::Hasher::new_keyed(&self.0);
        mac.update(&[role as u8]);
        for greeting in [dialed, accepted] {
            mac.update(&(greeting.len() as u64).to_le_bytes());
            mac.update(greeting);
        }
        if let Channel::Tls(session) = channel {
            mac.update(&session);
        }
        mac.finalize()
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}
