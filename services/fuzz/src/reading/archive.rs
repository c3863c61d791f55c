//! A tar reader of a few lines: it believes every header.

use flate2::read::MultiGzDecoder;
use std::io::Read;

/// One member with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path, wherever it was written.
    pub path: Vec<u8>,
    /// Its type.
    pub flag: u8,
    /// Its permission bits.
    pub mode: u64,
    /// Its content.
    pub data: Vec<u8>,
}

/// Everything that all gzip members of a file inflate to.
#[must_use]
pub fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut inflated).ok().map(|_| inflated)
}

/// The members of a tar up to its first zero block; `None` when it cannot be walked.
#[must_use]
pub fn tar_entries(tar: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut name = None;
    let mut rest = tar;
    loop {
        let (header, after) = rest.split_at_checked(512)?;
        if header.iter().all(|byte| *byte == 0) {
            return Some(entries);
        }
        let size = usize::try_from(number(&header[124..136])?).ok()?;
        let data = after.get(..size)?.to_vec();
        rest = after.get(size.checked_next_multiple_of(512)?..)?;
        match header[156] {
            b'L' => name = Some(until_nul(&data).to_vec()),
            b'x' => name = pax_path(&data).or(name),
            flag => {
                let short = || {
                    let name = until_nul(&header[..100]);
                    match until_nul(&header[345..500]) {
                        prefix if &header[257..263] == b"ustar\0" && !prefix.is_empty() => {
                            [prefix, b"/", name].concat()
                        }
                        _ => name.to_vec(),
                    }
                };
                let path = name.take().unwrap_or_else(short);
                entries.push(Entry { path, flag, mode: number(&header[100..108])?, data });
            }
        }
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn number(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    u64::from_str_radix(text, 8).ok()
}

fn pax_path(mut records: &[u8]) -> Option<Vec<u8>> {
    let mut path = None;
    while !records.is_empty() {
        let (length, _) =
            std::str::from_utf8(records.split(|byte| *byte == b' ').next()?).ok().map(|text| (text, ()))?;
        let (record, rest) = records.split_at_checked(length.parse().ok()?)?;
        let pair = record.get(length.len() + 1..record.len().checked_sub(1)?)?;
        if let Some(value) = pair.strip_prefix(b"path=") {
            path = Some(value.to_vec());
        }
        records = rest;
    }
    path
}

/// The same tar with the checksum of every header made right, so that random changes get past it.
#[must_use]
pub fn repaired(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + 512) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let Some(size) = number(&header[124..136]).and_then(|size| usize::try_from(size).ok()) else { break };
        let Some(next) = size.checked_next_multiple_of(512).and_then(|size| size.checked_add(at + 512)) else { break };
        at = next;
    }
    tar
}
