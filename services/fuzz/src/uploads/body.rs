//! Changes of finished bytes: the tar, its gzip, and the frame around all.

use super::changes::{Change, Step};
use crate::archives::build::gzip;

const UNSOUND: &str = "the package is not a sound gzip file";
const TRAILING: &str = "bytes after its gzip data";
const CUT: &str = "its tar data ends without an end mark";

pub(super) const TARS: &[Change] = &[
    Change::new(
        "the tar fills a tape record",
        &[],
        Step::Tar(|tar, _| tar.resize(tar.len().next_multiple_of(10_240), 0)),
    ),
    Change::new("the end mark is longer", &[], Step::Tar(|tar, _| tar.extend([0; 1536]))),
    Change::new("the end mark is half", &[CUT], Step::Tar(|tar, _| tar.truncate(tar.len() - 512))),
    Change::new("the end mark is gone", &[CUT], Step::Tar(|tar, _| tar.truncate(tar.len() - 1024))),
    Change::new("the end mark has half a block more", &[CUT], Step::Tar(|tar, _| tar.extend([0; 100]))),
    Change::new(
        "the tar is cut",
        &[CUT],
        Step::Tar(|tar, chance| {
            let end = chance.below(tar.len() - 1024);
            tar.truncate(end);
        }),
    ),
    Change::new(
        "bytes after the end mark",
        &["data after the end mark"],
        Step::Tar(|tar, chance| {
            tar.resize(tar.len() + 512 * chance.below(4), 0);
            tar.extend([b'x'; 512]);
        }),
    ),
    Change::new(
        "a member after the end mark",
        &["data after the end mark"],
        Step::Tar(|tar, _| {
            let first = tar[..1024].to_vec();
            tar.extend(first);
        }),
    ),
    Change::new(
        "a header without its checksum",
        &["its checksum is wrong"],
        Step::Tar(|tar, chance| {
            // Of the first header, outside its checksum.
            let at = *chance.pick(&[0, 99, 100, 124, 136, 156, 257, 300, 511]);
            tar[at] ^= 1 << chance.below(7);
        }),
    ),
    Change::new(
        "a block in front",
        &["its checksum is wrong"],
        Step::Tar(|tar, _| drop(tar.splice(0..0, [b'#'; 512]))),
    ),
    Change::new(
        "a zero block in front",
        &["data after the end mark"],
        Step::Tar(|tar, _| drop(tar.splice(0..0, [0; 512]))),
    ),
];

pub(super) const GZIPS: &[Change] = &[
    Change::new(
        "a byte after the gzip",
        &[TRAILING],
        Step::Gzip(|gzip, chance| gzip.push(chance.next().to_le_bytes()[0])),
    ),
    Change::new("a second gzip member", &[TRAILING], Step::Gzip(|bytes, _| bytes.extend(gzip(b"second")))),
    Change::new("the same archive once more", &[TRAILING], Step::Gzip(|bytes, _| bytes.extend(bytes.clone()))),
    Change::new("an empty gzip member first", &[CUT], Step::Gzip(|bytes, _| drop(bytes.splice(0..0, gzip(b""))))),
    Change::new(
        "the gzip is cut",
        &[UNSOUND],
        Step::Gzip(|gzip, chance| {
            let end = chance.below(gzip.len());
            gzip.truncate(end);
        }),
    ),
    Change::new(
        "a wrong checksum of the gzip",
        &[UNSOUND],
        Step::Gzip(|gzip, chance| {
            let at = gzip.len() - 8 + chance.below(8);
            gzip[at] ^= 1 << chance.below(8);
        }),
    ),
    Change::new("another method of compression", &[UNSOUND], Step::Gzip(|gzip, _| gzip[2] = 7)),
    Change::new("reserved flags of gzip", &[UNSOUND], Step::Gzip(|gzip, _| gzip[3] |= 0x40)),
    Change::new("no gzip", &[UNSOUND], Step::Gzip(|gzip, _| *gzip = b"PK\x03\x04 a zip file".to_vec())),
    Change::new("no bytes", &[UNSOUND], Step::Gzip(|gzip, _| gzip.clear())),
    Change::new("a time in the gzip", &[], Step::Gzip(|gzip, _| gzip[4] = 9)),
    Change::new("another system in the gzip", &[], Step::Gzip(|gzip, _| gzip[9] = 11)),
];

pub(super) const BODIES: &[Change] = &[
    Change::new(
        "the body is cut",
        &["the upload is incomplete"],
        Step::Body(|body, _, chance| {
            let end = chance.within(1, body.len() - 1);
            body.truncate(end);
        }),
    ),
    Change::new("bytes after the body", &["bytes after the package"], Step::Body(|body, _, _| body.extend(b"\r\n"))),
    Change::new("the body twice", &["bytes after the package"], Step::Body(|body, _, _| body.extend(body.clone()))),
    Change::new(
        "the archive is announced a byte longer",
        &["ends inside the package"],
        Step::Body(|body, head, _| add(body, 4 + head, 1)),
    ),
    Change::new(
        "the archive is announced a byte shorter",
        &["bytes after the package", "ends inside", "allowed"],
        Step::Body(|body, head, _| add(body, 4 + head, -1)),
    ),
    Change::new(
        "the head is announced as huge",
        &["more than the 1048576 allowed"],
        Step::Body(|body, _, _| body[..4].fill(0xff)),
    ),
    Change::new(
        "the archive is announced as huge",
        &["more than the 10485760 allowed"],
        Step::Body(|body, head, _| body[4 + head..8 + head].fill(0xff)),
    ),
    // The lengths of what follows are read from other places then.
    Change::new(
        "the head is announced a byte longer",
        &["ends inside", "allowed", "bytes after the package"],
        Step::Body(|body, _, _| add(body, 0, 1)),
    ),
    Change::new(
        "the head is announced a byte shorter",
        &["ends inside", "allowed", "bytes after the package"],
        Step::Body(|body, _, _| add(body, 0, -1)),
    ),
    Change::new("big-endian lengths", &["allowed", "ends inside"], Step::Body(|body, _, _| body[..4].reverse())),
];

fn add(body: &mut [u8], at: usize, more: i32) {
    let field = &mut body[at..at + 4];
    let length = u32::from_le_bytes(field.try_into().unwrap()).wrapping_add_signed(more);
    field.copy_from_slice(&length.to_le_bytes());
}
