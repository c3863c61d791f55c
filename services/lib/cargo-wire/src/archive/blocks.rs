//! A tar reader that knows only what packages need, and refuses the rest.
//!
//! Regular files and directories with GNU or ustar headers, GNU long names (`L`), local pax headers (`x`) with `path`,
//! `size` and `mtime`. Where readers in the wild are lenient in different ways (number formats, bytes after a NUL, sizes
//! given twice) it accepts only what all of them read alike. Formats: POSIX pax, GNU tar manual "Standard".

use super::gunzip::fault;
use super::paths::PATH_BYTES_MAX;
use super::{ArchiveError, shown};
use std::io::{self, Read};
use unicode_normalization::is_nfc;

const BLOCK: usize = 512;
/// Largest pax header: a path, a size and a time need far less.
const PAX_BYTES_MAX: u64 = 4096;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
}

/// One member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// As stored, not yet checked.
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) mode: u32,
    /// Where its data begin in the inflated stream.
    pub(super) data_at: u64,
}

/// Reads members in order.
pub(super) struct Reader<R> {
    input: R,
    at: u64,
    headers: usize,
    headers_max: usize,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(input: R, headers_max: usize) -> Self {
        Self { input, at: 0, headers: 0, headers_max }
    }

    pub(super) fn into_inner(self) -> R {
        self.input
    }

    /// The next member, or `None` after an end mark that is followed by nothing but zero blocks.
    ///
    /// The data of a member must be read with [`Reader::data`] before the next call.
    pub(super) fn next(&mut self) -> Result<Option<Member>, ArchiveError> {
        let mut long_name: Option<Vec<u8>> = None;
        let mut pax: Option<Pax> = None;
        loop {
            let block = self.block()?.ok_or(ArchiveError::Truncated)?;
            if block == [0; BLOCK] {
                if long_name.is_some() || pax.is_some() {
                    return Err(ArchiveError::Header("an extension header describes no member"));
                }
                self.end()?;
                return Ok(None);
            }
            self.headers += 1;
            if self.headers > self.headers_max {
                return Err(ArchiveError::TooManyEntries(self.headers_max));
            }
            let header = Header::parse(&block)?;
            let kind = match header.flag {
                b'L' => {
                    if long_name.is_some() {
                        return Err(ArchiveError::Header("two long names for one member"));
                    }
                    let mut name = self.small(header.size, PATH_BYTES_MAX as u64 + 1, "a long name above the limit")?;
                    name.pop_if(|last| *last == 0);
                    long_name = Some(name);
                    continue;
                }
                b'x' => {
                    if pax.is_some() {
                        return Err(ArchiveError::Pax("two for one member".into()));
                    }
                    let bytes = self.small(header.size, PAX_BYTES_MAX, "a pax header above the limit")?;
                    pax = Some(Pax::parse(&bytes)?);
                    continue;
                }
                b'0' | 0 => Kind::File,
                b'5' => Kind::Directory,
                flag => return Err(ArchiveError::EntryType { path: shown(&header.path), kind: type_name(flag) }),
            };
            // Writers that fill in the type here, too, mean the same; one that says otherwise has something in mind.
            let of_kind = if kind == Kind::File { 0o100_000 } else { 0o040_000 };
            if ![0, of_kind].contains(&(header.mode & !0o7777)) {
                return Err(ArchiveError::Header("its mode is that of another kind of file"));
            }
            let pax = pax.unwrap_or_default();
            if pax.size.is_some_and(|size| size != header.size) {
                return Err(ArchiveError::Pax("its size differs from the header's".into()));
            }
            if kind == Kind::Directory && header.size != 0 {
                return Err(ArchiveError::Header("a directory with data"));
            }
            let path = match (long_name, pax.path) {
                (Some(_), Some(_)) => return Err(ArchiveError::Pax("its path competes with a GNU long name".into())),
                (Some(path), None) | (None, Some(path)) => path,
                (None, None) => header.path,
            };
            return Ok(Some(Member { path, kind, size: header.size, mode: header.mode, data_at: self.at }));
        }
    }

    /// Hands the data of a member to `sink` piece by piece, and steps over the padding.
    pub(super) fn data(&mut self, member: &Member, mut sink: impl FnMut(&[u8])) -> Result<(), ArchiveError> {
        let mut buffer = [0; 8 * BLOCK];
        let mut data = member.size;
        let mut padded = data.checked_next_multiple_of(BLOCK as u64).ok_or(ArchiveError::Header("size"))?;
        while padded > 0 {
            let take = buffer.len().min(usize::try_from(padded).unwrap_or(usize::MAX));
            if self.fill(&mut buffer[..take])? != take {
                return Err(ArchiveError::Truncated);
            }
            let real = take.min(usize::try_from(data).unwrap_or(usize::MAX));
            sink(&buffer[..real]);
            data -= real as u64;
            padded -= take as u64;
        }
        Ok(())
    }

    fn small(&mut self, size: u64, limit: u64, too_long: &'static str) -> Result<Vec<u8>, ArchiveError> {
        if size > limit {
            return Err(ArchiveError::Header(too_long));
        }
        let member = Member { path: Vec::new(), kind: Kind::File, size, mode: 0, data_at: self.at };
        let mut bytes = Vec::new();
        self.data(&member, |part| bytes.extend_from_slice(part))?;
        Ok(bytes)
    }

    fn end(&mut self) -> Result<(), ArchiveError> {
        let mut more = 0_u64;
        while let Some(block) = self.block()? {
            if block != [0; BLOCK] {
                return Err(ArchiveError::AfterEnd);
            }
            more += 1;
        }
        // One zero block alone is not an end mark: some readers stop there, others ask for the second.
        if more == 0 { Err(ArchiveError::Truncated) } else { Ok(()) }
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, ArchiveError> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(ArchiveError::Truncated),
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.input.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fault(&error)),
            }
        }
        self.at += filled as u64;
        Ok(filled)
    }
}

struct Header {
    path: Vec<u8>,
    mode: u32,
    size: u64,
    flag: u8,
}

impl Header {
    fn parse(block: &[u8; BLOCK]) -> Result<Self, ArchiveError> {
        let sum: u32 =
            block.iter().enumerate().map(|(at, b)| u32::from(if (148..156).contains(&at) { b' ' } else { *b })).sum();
        if octal(&block[148..156]) != Some(u64::from(sum)) {
            return Err(ArchiveError::Header("its checksum is wrong"));
        }
        let name = text(&block[..100]).ok_or(ArchiveError::Header("bytes after the end of a name"))?;
        let path = match &block[257..265] {
            b"ustar\x0000" => {
                let prefix = text(&block[345..500]).ok_or(ArchiveError::Header("bytes after the end of a prefix"))?;
                if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
            }
            // GNU keeps times and sparse maps where ustar has the prefix; some readers take them for one.
            b"ustar  \0" if block[345..].iter().all(|b| *b == 0) => name.to_vec(),
            b"ustar  \0" => return Err(ArchiveError::Header("GNU extra fields")),
            _ => return Err(ArchiveError::Header("neither GNU nor ustar format")),
        };
        let number = |range: std::ops::Range<usize>, what| octal(&block[range]).ok_or(ArchiveError::Header(what));
        number(136..148, "its time is no octal number")?;
        // Of no use to us, but Python's reader takes a header with an unreadable one for the end of the archive.
        for field in [108..116, 116..124, 329..337, 337..345] {
            if !block[field.clone()].iter().all(|b| matches!(b, 0 | b' ')) {
                number(field, "the number of an owner or device is no octal number")?;
            }
        }
        Ok(Self {
            path,
            mode: number(100..108, "its mode is no octal number")?
                .try_into()
                .map_err(|_| ArchiveError::Header("mode"))?,
            size: number(124..136, "its size is no octal number")?,
            flag: block[156],
        })
    }
}

/// A NUL-padded text; `None` when something follows the first NUL, which readers treat differently.
fn text(field: &[u8]) -> Option<&[u8]> {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    field[end..].iter().all(|b| *b == 0).then_some(&field[..end])
}

/// A number in octal digits, space before and NUL or space after; the base-256 form is not needed below 8 GiB.
fn octal(field: &[u8]) -> Option<u64> {
    // Blanks alone: after other white space some readers find a number, and libarchive a zero.
    let field = &field[field.iter().take_while(|b| **b == b' ').count()..];
    let end = field.iter().position(|b| matches!(b, 0 | b' ')).unwrap_or(field.len());
    let (digits, rest) = field.split_at(end);
    if digits.is_empty() || !rest.iter().all(|b| matches!(b, 0 | b' ')) {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        (b'0'..=b'7').contains(digit).then(|| number.checked_mul(8)?.checked_add(u64::from(digit - b'0'))).flatten()
    })
}

fn type_name(flag: u8) -> &'static str {
    match flag {
        b'1' => "hard link",
        b'2' => "symbolic link",
        b'3' => "character device",
        b'4' => "block device",
        b'6' => "fifo",
        b'7' => "contiguous file",
        b'g' => "global pax header",
        b'K' => "GNU long link name",
        b'S' => "sparse file",
        _ => "member of unknown type",
    }
}

#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    mtime: bool,
}

impl Pax {
    /// Reads records of the form `<length> <key>=<value>\n`, where the length counts the whole record.
    fn parse(mut rest: &[u8]) -> Result<Self, ArchiveError> {
        let malformed = || ArchiveError::Pax("malformed record".into());
        let mut pax = Self::default();
        while !rest.is_empty() {
            let space = rest.iter().take(8).position(|b| *b == b' ').ok_or_else(malformed)?;
            let length = decimal(&rest[..space]).and_then(|n| usize::try_from(n).ok()).ok_or_else(malformed)?;
            if length <= space + 1 || length > rest.len() {
                return Err(malformed());
            }
            let (record, after) = rest.split_at(length);
            let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(malformed)?;
            let equals = record.iter().position(|b| *b == b'=').ok_or_else(malformed)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            let twice = match key {
                b"path" => pax.path.replace(composed(value)?).is_some(),
                b"size" => pax.size.replace(decimal(value).ok_or_else(malformed)?).is_some(),
                b"mtime" if is_time(value) => std::mem::replace(&mut pax.mtime, true),
                b"mtime" => return Err(malformed()),
                _ => return Err(ArchiveError::Pax(format!("key `{}`", shown(key)))),
            };
            if twice {
                return Err(ArchiveError::Pax(format!("key `{}` occurs twice", shown(key))));
            }
            rest = after;
        }
        Ok(pax)
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || !digits.starts_with(b"0"));
    plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// A path that libarchive, which composes what it reads from pax headers, unpacks under its own name.
fn composed(path: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    if std::str::from_utf8(path).is_ok_and(|path| !is_nfc(path)) {
        return Err(ArchiveError::Pax("its path is not in Unicode's composed form (NFC)".into()));
    }
    Ok(path.to_vec())
}

/// Seconds of at most ten digits: later times are an overflow to some readers.
fn is_time(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = value.splitn(2, |b| *b == b'.').zip([10, 20]);
    parts.all(|(part, digits)| (1..=digits).contains(&part.len()) && part.iter().all(u8::is_ascii_digit))
}
