//! A pack as a stream: head, ready-made entries one after the other, the SHA-1 of it all; in frames or raw.
//!
//! Holds at most one frame (without framing: as many bytes) and never a list of objects, so that a hundred megabytes cost
//! 64 KB. It does not look into entries: [`crate::entry`] made them. Formats: gitformat-pack; gitprotocol-pack, "Packfile Data".

use sha1::{Digest, Sha1};

use crate::pkt_line::{self, FLUSH};

/// The most bytes of a pack in one frame: a line's payload less the number of the band.
pub const FRAME_BYTES: usize = pkt_line::MAX_PAYLOAD_BYTES - 1;

const BAND_DATA: u8 = 1;
const BAND_ERROR: u8 = 3;

/// How the bytes of a pack travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As they are, in pieces of the same size; v0 without `side-band-64k`.
    Raw,
    /// In frames on band 1, closed by a flush; v0 with `side-band-64k`, and always in v2.
    SideBand64k,
}

impl Framing {
    /// What stands in front of the data of a frame: the length, filled in when it is known, and the band.
    fn head(self) -> &'static [u8] {
        match self {
            Self::Raw => &[],
            Self::SideBand64k => &[0, 0, 0, 0, BAND_DATA],
        }
    }
}

/// Where the checksum at the end comes from.
#[derive(Debug)]
enum Trailer {
    /// From the bytes: of the frame in the making, those from `unread` on are still to be taken in.
    Running {
        hash: Sha1,
        unread: usize,
    },
    Known([u8; 20]),
}

/// Why a pack cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// More entries came than the head announced.
    #[error("the pack got more objects than it announced")]
    TooMany,
    /// The end came before all announced entries.
    #[error("the pack got fewer objects than it announced")]
    TooFew,
}

/// A pack in the making. Each call appends to `out` what can be sent; the caller drains `out` when it likes.
///
/// Entries lie scattered in memory. They are gathered first and hashed from the frame: the processor fetches from memory
/// while it copies, but not while it hashes, so hashing them where they lie takes twice the time.
#[derive(Debug)]
pub struct PackStream {
    missing: u32,
    framing: Framing,
    trailer: Trailer,
    frame: Vec<u8>,
}

impl PackStream {
    /// Begins a pack of `objects` entries.
    pub fn begin(objects: u32, framing: Framing, out: &mut Vec<u8>) -> PackStream {
        PackStream::open(objects, framing, Trailer::Running { hash: Sha1::new(), unread: framing.head().len() }, out)
    }

    /// Begins a pack that was streamed before with the same entries in the same order, and ended in `trailer`.
    ///
    /// Saves half of the work. A wrong trailer makes clients reject the pack; it cannot make them accept other objects.
    pub fn begin_again(objects: u32, framing: Framing, trailer: [u8; 20], out: &mut Vec<u8>) -> PackStream {
        PackStream::open(objects, framing, Trailer::Known(trailer), out)
    }

    fn open(objects: u32, framing: Framing, trailer: Trailer, out: &mut Vec<u8>) -> PackStream {
        let mut stream = PackStream { missing: objects, framing, trailer, frame: Vec::new() };
        let mut head = *b"PACK\0\0\0\x02\0\0\0\0";
        head[8..].copy_from_slice(&objects.to_be_bytes());
        stream.carry(&head, out);
        stream
    }

    /// Adds one entry.
    pub fn entry(&mut self, entry: &[u8], out: &mut Vec<u8>) -> Result<(), PackError> {
        self.missing = self.missing.checked_sub(1).ok_or(PackError::TooMany)?;
        self.carry(entry, out);
        Ok(())
    }

    /// Ends the pack, the frames and the answer; returns the trailer, for [`PackStream::begin_again`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<[u8; 20], PackError> {
        if self.missing != 0 {
            return Err(PackError::TooFew);
        }
        self.hash_frame();
        let trailer = match self.trailer {
            Trailer::Running { hash, .. } => hash.finalize().into(),
            Trailer::Known(trailer) => trailer,
        };
        self.trailer = Trailer::Known(trailer);
        self.carry(&trailer, out);
        self.send_frame(out);
        if self.framing == Framing::SideBand64k {
            out.extend_from_slice(FLUSH);
        }
        Ok(trailer)
    }

    /// Ends a pack that cannot be completed. With frames the client's user reads `text`; without, the missing trailer
    /// alone says that something went wrong.
    pub fn abort(mut self, text: &str, out: &mut Vec<u8>) {
        self.send_frame(out);
        if self.framing == Framing::SideBand64k {
            let mut payload = vec![BAND_ERROR];
            payload.extend_from_slice(pkt_line::printable(text).as_bytes());
            payload.push(b'\n');
            pkt_line::line(&payload, out);
            out.extend_from_slice(FLUSH);
        }
    }

    /// Bytes that belong to the pack and are not yet in any `out`; at most [`FRAME_BYTES`].
    pub fn held_back_bytes(&self) -> usize {
        self.frame.len().saturating_sub(self.framing.head().len())
    }

    fn carry(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        let full = self.framing.head().len() + FRAME_BYTES;
        while !bytes.is_empty() {
            if self.frame.is_empty() {
                self.frame.reserve_exact(full);
                self.frame.extend_from_slice(self.framing.head());
            }
            let (now, later) = bytes.split_at(bytes.len().min(full - self.frame.len()));
            self.frame.extend_from_slice(now);
            bytes = later;
            if self.frame.len() == full {
                self.send_frame(out);
            }
        }
    }

    fn hash_frame(&mut self) {
        if let Trailer::Running { hash, unread } = &mut self.trailer
            && let Some(bytes) = self.frame.get(*unread..)
        {
            hash.update(bytes);
            *unread = self.frame.len();
        }
    }

    fn send_frame(&mut self, out: &mut Vec<u8>) {
        if self.held_back_bytes() == 0 {
            return;
        }
        self.hash_frame();
        if let Trailer::Running { unread, .. } = &mut self.trailer {
            *unread = self.framing.head().len();
        }
        if self.framing == Framing::SideBand64k {
            let length = pkt_line::length_field(self.frame.len() - 4);
            self.frame[..4].copy_from_slice(&length);
        }
        if out.is_empty() {
            // Handed over rather than copied.
            std::mem::swap(out, &mut self.frame);
        } else {
            out.append(&mut self.frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkt_line::{MAX_PAYLOAD_BYTES, Packet};
    use proptest::prelude::*;

    fn stream(entries: &[Vec<u8>], framing: Framing) -> (Vec<u8>, [u8; 20]) {
        let mut out = Vec::new();
        let mut pack = PackStream::begin(u32::try_from(entries.len()).unwrap(), framing, &mut out);
        for entry in entries {
            pack.entry(entry, &mut out).unwrap();
            assert!(pack.held_back_bytes() < FRAME_BYTES);
        }
        let trailer = pack.finish(&mut out).unwrap();
        (out, trailer)
    }

    /// The bytes of band 1, and the texts of band 3, up to the flush that must be the end.
    fn unframe(mut bytes: &[u8]) -> (Vec<u8>, Vec<String>) {
        let (mut data, mut texts) = (Vec::new(), Vec::new());
        loop {
            let (packet, rest) = pkt_line::read(bytes, MAX_PAYLOAD_BYTES).unwrap();
            bytes = rest;
            match packet {
                Packet::Data([1, payload @ ..]) => data.extend_from_slice(payload),
                Packet::Data([3, payload @ ..]) => texts.push(String::from_utf8(payload.to_vec()).unwrap()),
                Packet::Flush => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(bytes, b"");
        (data, texts)
    }

    #[test]
    fn counts_are_kept() {
        let mut out = Vec::new();
        let mut pack = PackStream::begin(1, Framing::Raw, &mut out);
        pack.entry(b"x", &mut out).unwrap();
        assert_eq!(pack.entry(b"x", &mut out), Err(PackError::TooMany));
        let pack = PackStream::begin(1, Framing::SideBand64k, &mut out);
        assert_eq!(pack.finish(&mut out), Err(PackError::TooFew));
    }

    #[test]
    fn a_broken_pack_says_why_and_has_no_trailer() {
        let mut out = Vec::new();
        let mut pack = PackStream::begin(2, Framing::SideBand64k, &mut out);
        pack.entry(b"entry", &mut out).unwrap();
        pack.abort("try again", &mut out);
        assert_eq!(unframe(&out), (b"PACK\0\0\0\x02\0\0\0\x02entry".to_vec(), vec!["try again\n".to_owned()]));
        let mut out = Vec::new();
        PackStream::begin(2, Framing::Raw, &mut out).abort("try again", &mut out);
        assert_eq!(out, b"PACK\0\0\0\x02\0\0\0\x02");
    }

    #[test]
    fn frames_are_filled_to_the_last_byte() {
        for extra in [0, 1, 2] {
            // 12 bytes of head and 20 of trailer around the entry: the last frame is full, or holds 1 or 2 bytes.
            let entry = vec![5; 2 * FRAME_BYTES - 32 + extra];
            let (framed, _) = stream(&[entry], Framing::SideBand64k);
            let frames = 2 + usize::from(extra > 0);
            assert_eq!(framed.len(), 2 * FRAME_BYTES + extra + frames * 5 + 4);
            assert_eq!(&framed[..5], b"fff0\x01");
        }
    }

    proptest! {
        #[test]
        fn framed_and_raw_are_the_same_pack(
            entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20),
            big in 0_usize..200_000,
        ) {
            let entries = [entries, vec![vec![9; big]]].concat();
            let (raw, trailer) = stream(&entries, Framing::Raw);
            let (framed, again) = stream(&entries, Framing::SideBand64k);
            prop_assert_eq!(trailer, again);
            prop_assert_eq!(&unframe(&framed), &(raw.clone(), vec![]));
            prop_assert_eq!(<[u8; 20]>::from(Sha1::digest(&raw[..raw.len() - 20])), trailer);
            let mut out = Vec::new();
            let count = u32::try_from(entries.len()).unwrap();
            let mut pack = PackStream::begin_again(count, Framing::SideBand64k, trailer, &mut out);
            for entry in &entries {
                pack.entry(entry, &mut out).unwrap();
            }
            pack.finish(&mut out).unwrap();
            prop_assert_eq!(out, framed);
        }
    }
}
