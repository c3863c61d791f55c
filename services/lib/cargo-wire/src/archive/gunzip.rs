//! One gzip member, inflated as a stream up to a limit.
//!
//! A decoder of many members would let a second archive hide behind the first one.

use super::ArchiveError;
use flate2::bufread::GzDecoder;
use std::io::{self, Read};

/// Reads what one gzip member inflates to.
pub(super) struct Gunzip<'a> {
    member: GzDecoder<&'a [u8]>,
    produced: u64,
    limit: u64,
}

/// Marks the error of a reader that met the limit.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} bytes")]
struct OverLimit(u64);

impl<'a> Gunzip<'a> {
    pub(super) fn new(archive: &'a [u8], limit: u64) -> Self {
        Self { member: GzDecoder::new(archive), produced: 0, limit }
    }

    /// Demands that the member was the whole input; call at the end of the stream.
    pub(super) fn finish(self) -> Result<(), ArchiveError> {
        wharf_trial::mutant!(SecondMemberAccepted { return Ok(()); });
        if self.member.into_inner().is_empty() { Ok(()) } else { Err(ArchiveError::TrailingBytes) }
    }
}

impl Read for Gunzip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.member.read(buffer)?;
        self.produced = self.produced.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.produced > self.limit { Err(io::Error::other(OverLimit(self.limit))) } else { Ok(count) }
    }
}

/// What a read error means for the archive.
pub(super) fn fault(error: &io::Error) -> ArchiveError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<OverLimit>()) {
        Some(OverLimit(limit)) => ArchiveError::TooLarge { limit: *limit },
        None => ArchiveError::Gzip(crate::dependency::shorten(&error.to_string())),
    }
}
