//! The gzip file around a tar.

use super::Row;
use super::build::{Maker, gzip, gzip_with, stored};

const UNSOUND: &str = "the package is not a sound gzip file";
const TRAILING: &str = "the package has bytes after its gzip data";

/// A sound archive after a change of its bytes.
fn changed(change: fn(&mut Vec<u8>)) -> impl Fn(&Maker) -> Vec<u8> {
    move |m| {
        let mut archive = m.with(&[]);
        change(&mut archive);
        archive
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = members();
    rows.extend(heads());
    rows.extend(damage());
    rows
}

fn members() -> Vec<Row> {
    vec![
        Row::bad("a second gzip member", TRAILING, |m| [m.with(&[]), gzip(b"second")].concat()),
        Row::bad("an empty second gzip member", TRAILING, |m| [m.with(&[]), gzip(b"")].concat()),
        Row::bad("a second archive behind the first", TRAILING, |m| {
            [m.with(&[]), m.with(&[m.file("@/evil", b"behind")])].concat()
        }),
        Row::bad("an empty gzip member first", "ends without an end mark", |m| [gzip(b""), m.with(&[])].concat()),
        Row::bad("a tar in two gzip members", "ends without an end mark", |m| {
            let tar = m.tar_with(&[]);
            [gzip(&tar[..1024]), gzip(&tar[1024..])].concat()
        }),
        Row::bad("an end mark in a second gzip member", "ends without an end mark", |m| {
            let tar = m.tar_with(&[]);
            let end = tar.len() - 1024;
            [gzip(&tar[..end]), gzip(&tar[end..])].concat()
        }),
        Row::bad("a NUL after the gzip data", TRAILING, changed(|bytes| bytes.push(0))),
        Row::bad("a line feed after the gzip data", TRAILING, changed(|bytes| bytes.push(b'\n'))),
        Row::bad("a block of NULs after the gzip data", TRAILING, changed(|bytes| bytes.extend([0; 512]))),
        Row::bad("a zip after the gzip data", TRAILING, changed(|bytes| bytes.extend(b"PK\x03\x04"))),
        Row::bad("the magic of gzip after the gzip data", TRAILING, changed(|bytes| bytes.extend([0x1f, 0x8b]))),
    ]
}

fn heads() -> Vec<Row> {
    let extra = [6, 0, b'A', b'p', 2, 0, b'x', b'y'];
    vec![
        Row::good("gzip with an extra field", move |m| gzip_with(4, &extra, &m.tar_with(&[]))),
        Row::good("gzip with a file name", |m| gzip_with(8, b"x.tar\0", &m.tar_with(&[]))),
        Row::good("gzip with a file name that climbs", |m| gzip_with(8, b"../../../x\0", &m.tar_with(&[]))),
        Row::good("gzip with a comment", |m| gzip_with(16, b"a comment\0", &m.tar_with(&[]))),
        Row::good("gzip with the mark for text", |m| gzip_with(1, b"", &m.tar_with(&[]))),
        Row::good("gzip with a time", changed(|bytes| bytes[4..8].copy_from_slice(&[1, 2, 3, 4]))),
        Row::good("gzip from an unknown system", changed(|bytes| bytes[9] = 255)),
        Row::bad("gzip with a wrong sum of its header", UNSOUND, |m| gzip_with(2, &[0xff, 0xff], &m.tar_with(&[]))),
        Row::bad("gzip with a reserved flag", UNSOUND, changed(|bytes| bytes[3] = 0x20)),
        Row::bad("gzip with all reserved flags", UNSOUND, changed(|bytes| bytes[3] = 0xe0)),
        Row::bad("gzip with an endless file name", UNSOUND, |m| {
            let mut archive = gzip_with(8, b"x\0", &m.tar_with(&[]));
            archive.truncate(11);
            archive.extend(vec![b'x'; 70_000]);
            archive
        }),
        Row::bad("gzip with an extra field that is cut off", UNSOUND, |_| {
            vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 0xff, 0xff, 0]
        }),
        Row::bad("another method of compression", UNSOUND, changed(|bytes| bytes[2] = 7)),
        Row::bad("another magic", UNSOUND, changed(|bytes| bytes[1] = 0x8c)),
    ]
}

fn damage() -> Vec<Row> {
    vec![
        Row::bad(
            "a wrong gzip checksum",
            UNSOUND,
            changed(|bytes| {
                let at = bytes.len() - 8;
                bytes[at] ^= 1;
            }),
        ),
        Row::bad(
            "a wrong gzip length",
            UNSOUND,
            changed(|bytes| {
                let at = bytes.len() - 1;
                bytes[at] ^= 1;
            }),
        ),
        Row::bad("gzip cut in its header", UNSOUND, changed(|bytes| bytes.truncate(5))),
        Row::bad("gzip cut after its header", UNSOUND, changed(|bytes| bytes.truncate(10))),
        Row::bad("gzip cut in its data", UNSOUND, changed(|bytes| bytes.truncate(bytes.len() / 2))),
        Row::bad("gzip cut before its checksum", UNSOUND, changed(|bytes| bytes.truncate(bytes.len() - 8))),
        Row::bad("gzip cut in its length", UNSOUND, changed(|bytes| bytes.truncate(bytes.len() - 1))),
        Row::bad("a reserved type of block", UNSOUND, changed(|bytes| bytes[10] |= 0b110)),
        Row::good("stored blocks", |m| stored(&m.tar_with(&[m.file("@/noise", &[0x5a; 70_000])]))),
        Row::bad("a stored block of two lengths", UNSOUND, |m| {
            let mut archive = stored(&m.tar_with(&[]));
            archive[11] ^= 1;
            archive
        }),
        Row::bad("nothing", UNSOUND, |_| Vec::new()),
        Row::bad("a tar without gzip", UNSOUND, |m| m.tar_with(&[])),
        Row::bad("gzip in gzip", "its checksum is wrong", |m| gzip(&m.with(&[m.file("@/noise", &[7; 600])]).repeat(3))),
        Row::bad("a zip", UNSOUND, |_| b"PK\x03\x04\x14\0\0\0\0\0 a zip".to_vec()),
        Row::bad("an xz file", UNSOUND, |_| b"\xfd7zXZ\0\0\x04 an xz file".to_vec()),
        Row::bad("a zstandard file", UNSOUND, |_| b"\x28\xb5\x2f\xfd a zstandard file".to_vec()),
        Row::bad("a bzip2 file", UNSOUND, |_| b"BZh91AY&SY a bzip2 file".to_vec()),
    ]
}
