//! Packs, entry by entry.

use crate::Error;
use bytes::Bytes;
use wharf_git_wire::Framing;

/// The entries of a pack in their order, made or looked up one at a time.
#[derive(Debug)]
pub struct Pack {
    objects: u32,
}

impl Pack {
    /// How many entries there are in all.
    #[must_use]
    pub fn objects(&self) -> u32 {
        self.objects
    }

    /// Begins to send it.
    #[must_use]
    pub fn begin(self, framing: Framing, out: &mut Vec<u8>) -> Transfer {
        let _ = (framing, out);
        todo!()
    }
}

impl Iterator for Pack {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

/// A pack on its way.
#[derive(Debug)]
pub struct Transfer {
    pack: Pack,
}

impl Transfer {
    /// Appends to `out` until it has at least `enough` bytes or the pack is complete; `false` when it is complete, and
    /// nothing is to be called any more. A single entry is never split: `out` can become larger by one of them.
    pub fn fill(&mut self, enough: usize, out: &mut Vec<u8>) -> Result<bool, Error> {
        let _ = (enough, out, &self.pack);
        todo!()
    }

    /// Ends a pack that cannot be completed, with a text for whoever reads git's output.
    pub fn abort(self, text: &str, out: &mut Vec<u8>) {
        let _ = (text, out);
        todo!()
    }
}
