//! What is known of each chunk of a value that is kept in memory: the core of dirty
//! tracking, without the bytes.

/// A chunk of a region.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    pub(super) kind: Kind,
    /// Mappings through which it can be written now.
    writers: u32,
    /// How often it was written by a host call, opened for writing, or closed again.
    changes: u32,
}

/// Where a chunk's bytes are, and whether they may differ from the global tier's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// In the global tier only.
    #[default]
    Absent,
    /// In memory, as in the global tier; all zeros, and no memory was used for it.
    Zero,
    /// In memory, as in the global tier.
    Clean,
    /// In memory and perhaps changed. The twin has it as in the global tier.
    Tracked,
    /// In memory and new: to be written whole. There is no twin.
    Whole,
}

/// What a pusher saw of a chunk when it took its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    kind: Kind,
    changes: u32,
}

impl Chunk {
    /// Whether a push has to look at it.
    pub(super) fn may_differ(&self) -> bool {
        matches!(self.kind, Kind::Tracked | Kind::Whole)
    }

    /// Whether a mapping can write it now.
    pub(super) fn is_writable(&self) -> bool {
        self.writers > 0
    }

    /// Notes that its bytes are in memory now.
    pub(super) fn arrive(&mut self, kind: Kind) {
        debug_assert!(self.kind == Kind::Absent && matches!(kind, Kind::Zero | Kind::Clean));
        self.kind = kind;
    }

    /// Notes that it is about to be changed; it has a twin, or was new.
    pub(super) fn change(&mut self, kind: Kind) {
        debug_assert!(matches!(kind, Kind::Tracked | Kind::Whole));
        self.kind = kind;
        self.changes = self.changes.wrapping_add(1);
    }

    /// Notes that a mapping can write it, after [`Self::change`].
    pub(super) fn open(&mut self) {
        self.writers += 1;
    }

    /// Notes that a mapping can no longer write it. Until now it may have.
    pub(super) fn close(&mut self) {
        self.writers = self.writers.saturating_sub(1);
        self.changes = self.changes.wrapping_add(1);
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket {
            kind: self.kind,
            changes: self.changes,
        }
    }

    /// Whether the chunk is as it was when `ticket` was taken, for good: nothing has
    /// changed it since, and no mapping can.
    pub(super) fn stands_still(&self, ticket: Ticket) -> bool {
        self.writers == 0 && self.ticket() == ticket
    }
}

impl Ticket {
    /// Whether the chunk had no twin.
    pub(super) fn is_whole(self) -> bool {
        self.kind == Kind::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_that_was_changed_after_the_look_does_not_stand_still() {
        let mut chunk = Chunk::default();
        chunk.arrive(Kind::Clean);
        chunk.change(Kind::Tracked);
        let ticket = chunk.ticket();
        assert!(chunk.stands_still(ticket));
        chunk.change(Kind::Tracked);
        assert!(!chunk.stands_still(ticket));
    }

    #[test]
    fn a_chunk_that_others_could_write_since_does_not_stand_still() {
        let mut chunk = Chunk::default();
        chunk.arrive(Kind::Zero);
        chunk.change(Kind::Tracked);
        chunk.open();
        let ticket = chunk.ticket();
        assert!(!chunk.stands_still(ticket));
        chunk.close();
        assert!(!chunk.stands_still(ticket));
        let ticket = chunk.ticket();
        assert!(chunk.stands_still(ticket));
        // Another mapping came and went: it may have written.
        chunk.change(Kind::Tracked);
        chunk.open();
        chunk.close();
        assert!(!chunk.stands_still(ticket));
    }
}
