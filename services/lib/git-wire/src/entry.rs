//! Pack entries: a variable-length head of kind and size, then the content as a zlib stream.
//!
//! An entry depends on nothing around it, so it is made once and copied into every pack it belongs to. There are no
//! deltas. Files are deflated once, at publish; trees and commits, which change with every view, are stored: 1.3 times
//! the bytes for a thirty-fourth of the time. Formats: gitformat-pack, RFC 1950, RFC 1951.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::object::Kind;

/// The most bytes one stored block holds.
const STORED_BLOCK_BYTES: usize = 65_535;

/// An encoder that is used again and again.
///
/// A fresh one for each small object would take about 300 KB from the allocator every time, and what is kept pins the
/// holes it leaves. Keep one for each thread that makes entries.
#[derive(Debug)]
pub struct Deflater(Compress);

impl Default for Deflater {
    fn default() -> Deflater {
        Deflater::new()
    }
}

impl Deflater {
    /// An encoder of level 6.
    pub fn new() -> Deflater {
        Deflater(Compress::new(Compression::new(6), true))
    }

    /// The entry of an object, deflated. The result holds no spare capacity.
    pub fn entry(&mut self, kind: Kind, content: &[u8]) -> Result<Vec<u8>, DeflateError> {
        let mut out = Vec::with_capacity(content.len() / 4 + 64);
        head(kind, content.len(), &mut out);
        self.0.reset();
        loop {
            let taken = usize::try_from(self.0.total_in()).map_err(|_| DeflateError)?;
            let rest = content.get(taken..).ok_or(DeflateError)?;
            match self.0.compress_vec(rest, &mut out, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => break,
                Ok(Status::Ok | Status::BufError) => out.reserve(out.len().max(64)),
                Err(_) => return Err(DeflateError),
            }
        }
        out.shrink_to_fit();
        Ok(out)
    }
}

/// The encoder refused, which it has no reason to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the zlib encoder failed")]
pub struct DeflateError;

/// A decoder that is used again and again, for the same reason as [`Deflater`].
#[derive(Debug)]
pub struct Inflater(Decompress);

impl Default for Inflater {
    fn default() -> Inflater {
        Inflater::new()
    }
}

impl Inflater {
    /// A decoder.
    pub fn new() -> Inflater {
        Inflater(Decompress::new(true))
    }

    /// The content of an entry that was made here. The announced size is believed, so nothing from outside may come in.
    pub fn content(&mut self, entry: &[u8]) -> Result<Vec<u8>, InflateError> {
        let end_of_head = entry.iter().position(|byte| byte & 0x80 == 0).ok_or(InflateError)?;
        let size = entry[1..=end_of_head]
            .iter()
            .rev()
            .try_fold(0_usize, |size, byte| size.checked_mul(128).map(|size| size | usize::from(byte & 0x7f)))
            .and_then(|size| size.checked_mul(16))
            .ok_or(InflateError)?
            | usize::from(entry[0] & 15);
        let body = &entry[end_of_head + 1..];
        // One byte more than needed, or the decoder may stop before it has read the checksum.
        let mut out = Vec::with_capacity(size + 1);
        self.0.reset(true);
        match self.0.decompress_vec(body, &mut out, FlushDecompress::Finish) {
            Ok(Status::StreamEnd) if out.len() == size && self.0.total_in() == body.len() as u64 => Ok(out),
            _ => Err(InflateError),
        }
    }
}

/// The bytes are no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a pack entry")]
pub struct InflateError;

/// The entry of an object with its content stored as it is.
pub fn stored(kind: Kind, content: &[u8]) -> Vec<u8> {
    let blocks = content.len().div_ceil(STORED_BLOCK_BYTES).max(1);
    let mut out = Vec::with_capacity(content.len() + blocks * 5 + 16);
    head(kind, content.len(), &mut out);
    // CMF and FLG: deflate with a 32 KB window, fastest level, no dictionary.
    out.extend_from_slice(&[0x78, 0x01]);
    for number in 1..=blocks {
        let from = (number - 1) * STORED_BLOCK_BYTES;
        let block = &content[from..content.len().min(from + STORED_BLOCK_BYTES)];
        // Cannot be cut: a block has at most 65,535 bytes.
        let length = block.len() as u16;
        out.push(u8::from(number == blocks));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&adler32(content).to_be_bytes());
    out
}

/// Three bits of kind and four of size in the first byte, then seven bits of size in each that follows.
fn head(kind: Kind, size: usize, out: &mut Vec<u8>) {
    let code = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
    };
    let mut byte = (code << 4) | (size & 15) as u8;
    let mut rest = size >> 4;
    while rest != 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    // 5,552 is the most additions before the larger sum can overflow (RFC 1950, section 9).
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Decompress;
    use proptest::prelude::*;

    /// Kind code, announced size and content of an entry that must end where its stream ends.
    fn open(entry: &[u8]) -> (u8, usize, Vec<u8>) {
        let code = (entry[0] >> 4) & 7;
        let mut size = usize::from(entry[0] & 15);
        let mut at = 1;
        while entry[at - 1] & 0x80 != 0 {
            size |= usize::from(entry[at] & 0x7f) << (4 + 7 * (at - 1));
            at += 1;
        }
        let mut content = Vec::with_capacity(size + 1);
        let mut inflater = Decompress::new(true);
        let status = inflater.decompress_vec(&entry[at..], &mut content, flate2::FlushDecompress::Finish).unwrap();
        assert_eq!(status, flate2::Status::StreamEnd);
        assert_eq!(usize::try_from(inflater.total_in()).unwrap(), entry.len() - at);
        (code, size, content)
    }

    #[test]
    fn sizes_around_the_edges_of_heads_and_blocks() {
        let mut deflater = Deflater::new();
        for size in [0, 1, 15, 16, 2047, 2048, 65_535, 65_536, 131_070, 131_071, 300_000] {
            let content: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
            for entry in [stored(Kind::Tree, &content), deflater.entry(Kind::Tree, &content).unwrap()] {
                assert_eq!(open(&entry), (2, size, content.clone()), "{size}");
                assert_eq!(Inflater::new().content(&entry).as_ref(), Ok(&content), "{size}");
            }
        }
    }

    #[test]
    fn incompressible_content_fits_too() {
        let mut state = 1_u32;
        let content: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(100_000)
        .collect();
        let entry = Deflater::new().entry(Kind::Blob, &content).unwrap();
        assert_eq!(open(&entry), (3, content.len(), content));
        assert_eq!(entry.capacity(), entry.len());
    }

    proptest! {
        #[test]
        fn entries_open_to_what_went_in(contents in proptest::collection::vec(any::<Vec<u8>>(), 1..5)) {
            let mut deflater = Deflater::new();
            let mut inflater = Inflater::new();
            for content in contents {
                let entry = deflater.entry(Kind::Blob, &content).unwrap();
                prop_assert_eq!(&entry, &Deflater::new().entry(Kind::Blob, &content).unwrap(), "no trace of earlier use");
                prop_assert_eq!(open(&entry), (3, content.len(), content.clone()));
                prop_assert_eq!(&inflater.content(&entry).unwrap(), &content);
                prop_assert_eq!(&inflater.content(&stored(Kind::Tree, &content)).unwrap(), &content);
                prop_assert_eq!(inflater.content(&entry[..entry.len() - 1]), Err(InflateError));
                prop_assert_eq!(inflater.content(&[&entry[..], b"x"].concat()), Err(InflateError));
                prop_assert_eq!(open(&stored(Kind::Commit, &content)), (1, content.len(), content));
            }
        }
    }
}
