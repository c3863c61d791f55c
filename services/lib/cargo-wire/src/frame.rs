//! The publish body: `u32le` length, JSON, `u32le` length, package archive, and nothing after it.
//!
//! Never looks inside either part. Format: cargo book, "Registry Web API", Publish.

use bytes::Bytes;

/// How large the two parts of a publish body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Largest JSON head.
    pub metadata_bytes: u32,
    /// Largest package archive.
    pub archive_bytes: u32,
}

impl FrameLimits {
    /// The largest archive limit an org may set.
    pub const ARCHIVE_BYTES_MAX: u32 = 100 * 1024 * 1024;

    /// The longest body that can be acceptable, for the gate in front of the reader.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        8 + u64::from(self.metadata_bytes) + u64::from(self.archive_bytes)
    }
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { metadata_bytes: 1024 * 1024, archive_bytes: 10 * 1024 * 1024 }
    }
}

/// Why a publish body cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The body ends before the parts it announces.
    #[error("the upload is incomplete: it ends inside the {0}; run `cargo publish` again")]
    Truncated(&'static str),
    /// Bytes follow the archive.
    #[error(
        "the upload has {0} bytes after the package; run `cargo publish` again, without a proxy that alters bodies"
    )]
    Trailing(usize),
    /// The JSON head is above its limit.
    #[error(
        "the package metadata is {bytes} bytes, more than the {limit} allowed; shorten the readme or the feature list"
    )]
    MetadataTooLarge {
        /// Announced length.
        bytes: u32,
        /// The limit.
        limit: u32,
    },
    /// The archive is above its limit.
    #[error(
        "the package is {bytes} bytes, more than the {limit} allowed; leave files out with `package.exclude` in Cargo.toml, or ask an administrator for a higher limit"
    )]
    ArchiveTooLarge {
        /// Announced length.
        bytes: u32,
        /// The limit.
        limit: u32,
    },
}

/// A publish body in its two parts; both are views into the body, nothing is copied.
#[derive(Debug, Clone)]
pub struct PublishFrame {
    /// The JSON head, unparsed.
    pub metadata: Bytes,
    /// The package archive, unchecked.
    pub archive: Bytes,
}

impl PublishFrame {
    /// Takes a whole body apart.
    pub fn parse(body: &Bytes, limits: &FrameLimits) -> Result<Self, FrameError> {
        // The limit is compared with the announced length first, so that an oversized upload is named as such even
        // when the gate in front of us cut it short.
        let (length, at) = length(body, 0, "metadata length")?;
        if length > limits.metadata_bytes {
            return Err(FrameError::MetadataTooLarge { bytes: length, limit: limits.metadata_bytes });
        }
        let (metadata, at) = part(body, at, length, "metadata")?;
        let (length, at) = self::length(body, at, "package length")?;
        if length > limits.archive_bytes {
            return Err(FrameError::ArchiveTooLarge { bytes: length, limit: limits.archive_bytes });
        }
        let (archive, at) = part(body, at, length, "package")?;
        match body.len() - at {
            0 => Ok(Self { metadata, archive }),
            rest => Err(FrameError::Trailing(rest)),
        }
    }
}

fn length(body: &Bytes, at: usize, what: &'static str) -> Result<(u32, usize), FrameError> {
    let field = body.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(FrameError::Truncated(what))?;
    Ok((u32::from_le_bytes(*field), at + 4))
}

fn part(body: &Bytes, at: usize, length: u32, what: &'static str) -> Result<(Bytes, usize), FrameError> {
    let length = usize::try_from(length).map_err(|_| FrameError::Truncated(what))?;
    let end = at.checked_add(length).filter(|end| *end <= body.len()).ok_or(FrameError::Truncated(what))?;
    Ok((body.slice(at..end), end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::frame;
    use proptest::prelude::*;

    const LIMITS: FrameLimits = FrameLimits { metadata_bytes: 8, archive_bytes: 16 };

    #[test]
    fn parts_are_views_into_the_body() {
        let body = frame(b"{}", b"crate");
        let parsed = PublishFrame::parse(&body, &LIMITS).unwrap();
        assert_eq!((&parsed.metadata[..], &parsed.archive[..]), (&b"{}"[..], &b"crate"[..]));
        assert_eq!(parsed.metadata.as_ptr(), body[4..].as_ptr());
        assert_eq!(parsed.archive.as_ptr(), body[10..].as_ptr());
    }

    #[test]
    fn limits_are_inclusive() {
        assert!(PublishFrame::parse(&frame(&[b' '; 8], &[0; 16]), &LIMITS).is_ok());
        assert_eq!(
            PublishFrame::parse(&frame(&[b' '; 9], &[0; 16]), &LIMITS).unwrap_err(),
            FrameError::MetadataTooLarge { bytes: 9, limit: 8 }
        );
        assert_eq!(
            PublishFrame::parse(&frame(&[b' '; 8], &[0; 17]), &LIMITS).unwrap_err(),
            FrameError::ArchiveTooLarge { bytes: 17, limit: 16 }
        );
        assert_eq!(LIMITS.body_bytes(), 32);
    }

    proptest! {
        #[test]
        fn only_the_exact_body_parses(json in proptest::collection::vec(any::<u8>(), 0..8), archive in proptest::collection::vec(any::<u8>(), 0..16)) {
            let body = frame(&json, &archive);
            let parsed = PublishFrame::parse(&body, &LIMITS).unwrap();
            prop_assert_eq!(&parsed.metadata[..], &json[..]);
            prop_assert_eq!(&parsed.archive[..], &archive[..]);
            for end in 0..body.len() {
                let cut = PublishFrame::parse(&body.slice(..end), &LIMITS);
                prop_assert!(matches!(cut, Err(FrameError::Truncated(_))), "cut at {}", end);
            }
            let mut longer = body.to_vec();
            longer.push(0);
            prop_assert!(matches!(PublishFrame::parse(&longer.into(), &LIMITS), Err(FrameError::Trailing(1))));
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = PublishFrame::parse(&body.into(), &LIMITS);
        }
    }
}
