//! Parts of a blob, as HTTP asks for them.

/// Which bytes of a blob are wanted; the three forms of an HTTP byte range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// `first-`: from an offset to the end.
    From(u64),
    /// `first-last`: both included; an end beyond the blob is cut to it.
    Between(u64, u64),
    /// `-length`: the last bytes; the whole blob when it is shorter.
    Last(u64),
}

impl Range {
    /// The half-open interval this means in a blob of `len` bytes, or none when no byte of the blob lies in it.
    #[must_use]
    pub fn resolve(self, len: u64) -> Option<std::ops::Range<u64>> {
        let range = match self {
            Self::From(first) => first..len,
            Self::Between(first, last) => first..last.saturating_add(1).min(len),
            Self::Last(length) => len.saturating_sub(length)..len,
        };
        (!range.is_empty()).then_some(range)
    }

    /// The value of the header `Range`.
    pub(crate) fn header(self) -> String {
        match self {
            Self::From(first) => format!("bytes={first}-"),
            Self::Between(first, last) => format!("bytes={first}-{last}"),
            Self::Last(length) => format!("bytes=-{length}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Range::{Between, From, Last};

    #[test]
    fn resolves_as_http_does() {
        assert_eq!(From(0).resolve(10), Some(0..10));
        assert_eq!(From(9).resolve(10), Some(9..10));
        assert_eq!(From(10).resolve(10), None);
        assert_eq!(Between(2, 4).resolve(10), Some(2..5));
        assert_eq!(Between(2, u64::MAX).resolve(10), Some(2..10));
        assert_eq!(Between(4, 2).resolve(10), None);
        assert_eq!(Last(3).resolve(10), Some(7..10));
        assert_eq!(Last(30).resolve(10), Some(0..10));
        assert_eq!(Last(0).resolve(10), None);
        assert_eq!(From(0).resolve(0), None);
    }
}
