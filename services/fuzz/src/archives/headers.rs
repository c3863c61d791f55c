//! Headers, and the end of a tar.

use super::Row;
use super::build::{Maker, gzip};

const SUM: &str = "its checksum is wrong";
const FORMAT: &str = "neither GNU nor ustar format";
const SIZE: &str = "its size is no octal number";
const CUT: &str = "its tar data ends without an end mark";
const AFTER: &str = "data after the end mark";

/// A file with four bytes of data whose header has other bytes at one place.
fn put(at: usize, bytes: &'static [u8]) -> impl Fn(&Maker) -> Vec<u8> {
    move |m| m.with(&[m.member("@/x", b"data").put(at, bytes).bytes(), m.file("@/y", b"next")])
}

/// A file whose header is changed after its checksum was taken.
fn sum(change: fn(&mut [u8])) -> impl Fn(&Maker) -> Vec<u8> {
    move |m| {
        let mut member = m.file("@/x", b"data");
        change(&mut member[..512]);
        m.with(&[member, m.file("@/y", b"next")])
    }
}

/// The tar of a sound archive without its end mark, and this behind it.
fn end(tail: fn(&Maker) -> Vec<u8>) -> impl Fn(&Maker) -> Vec<u8> {
    move |m| {
        let whole = m.tar_with(&[]);
        gzip(&[&whole[..whole.len() - 1024], &tail(m)].concat())
    }
}

fn total(header: &[u8], signed: bool) -> i64 {
    let byte = |(at, byte): (usize, &u8)| match (148..156).contains(&at) {
        true => i64::from(b' '),
        false if signed => i64::from(i8::from_ne_bytes([*byte])),
        false => i64::from(*byte),
    };
    header.iter().enumerate().map(byte).sum()
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = sums();
    rows.extend(formats());
    rows.extend(numbers());
    rows.extend(ends());
    rows
}

fn sums() -> Vec<Row> {
    vec![
        Row::bad("a checksum off by one", SUM, sum(|header| header[0] ^= 1)),
        Row::bad("a checksum of zero", SUM, sum(|header| header[148..156].copy_from_slice(b"000000\0 "))),
        Row::bad("no checksum", SUM, sum(|header| header[148..156].fill(b' '))),
        Row::bad("a checksum of NULs", SUM, sum(|header| header[148..156].fill(0))),
        Row::bad(
            "a checksum in decimal",
            SUM,
            sum(|header| {
                let text = format!("{:06}\0 ", total(header, false));
                header[148..156].copy_from_slice(text.as_bytes());
            }),
        ),
        Row::bad("a checksum of signed bytes", SUM, |m| {
            let mut member = m.file("@/\u{e9}", b"signed");
            let text = format!("{:06o}\0 ", total(&member[..512], true));
            member[148..156].copy_from_slice(text.as_bytes());
            m.with(&[member])
        }),
        Row::good(
            "a checksum with a blank first",
            sum(|header| {
                let text = format!(" {:5o}\0 ", total(header, false));
                header[148..156].copy_from_slice(text.as_bytes());
            }),
        ),
        Row::good(
            "a checksum of seven digits",
            sum(|header| {
                let text = format!("{:07o}\0", total(header, false));
                header[148..156].copy_from_slice(text.as_bytes());
            }),
        ),
    ]
}

fn formats() -> Vec<Row> {
    vec![
        Row::bad("a header of version 7", FORMAT, put(257, &[0; 8])),
        Row::bad("a header of half ustar", FORMAT, put(257, b"ustar\x00  ")),
        Row::bad("a header of another version of ustar", FORMAT, put(257, b"ustar\x0001")),
        Row::bad("a header of half GNU", FORMAT, put(257, b"ustar  0")),
        Row::bad("a header of nobody", FORMAT, put(257, b"USTAR\x0000")),
        Row::bad("GNU times where ustar has its prefix", "GNU extra fields", put(345, b"14377777777\0")),
        Row::bad("a GNU map of holes", "GNU extra fields", put(386, b"00000000000\0")),
        Row::bad("a GNU offset", "GNU extra fields", put(369, b"00000000001\0")),
        Row::bad("a prefix in a GNU header", "GNU extra fields", put(345, b"evil")),
        Row::good("a ustar header", |m| m.with(&[m.member("@/x", b"ustar").ustar(b"").bytes()])),
        Row::good("a ustar header with the root as prefix", |m| {
            m.with(&[m.member("x", b"ustar").ustar(m.root().as_bytes()).bytes()])
        }),
        Row::good("a ustar header with all 255 bytes", |m| {
            let prefix = format!("{}/{}", m.root(), "p".repeat(154 - m.root().len()));
            m.with(&[m.member("n".repeat(100), b"ustar").ustar(prefix.as_bytes()).bytes()])
        }),
        Row::good("a GNU header with all 100 bytes", |m| {
            m.with(&[m.file(format!("@/{}", "n".repeat(99 - m.root().len())), b"full")])
        }),
        Row::bad("star's times in the prefix", "bytes after the end of a prefix", |m| {
            let star = m.member("x", b"star").ustar(m.root().as_bytes()).put(345 + 131, b"14377777777 14377777777 ");
            m.with(&[star.bytes()])
        }),
        Row::bad("a name after the end of a name", "bytes after the end of a name", put(60, b"/hidden")),
        Row::bad("a prefix after the end of a prefix", "bytes after the end of a prefix", |m| {
            m.with(&[m.member("x", b"").ustar(m.root().as_bytes()).put(440, b"/hidden").bytes()])
        }),
        Row::good("a header with owner and group", |m| {
            m.with(&[m.member("@/x", b"owner").put(265, b"root").put(297, b"wheel").put(108, b"0001750\0").bytes()])
        }),
        Row::good("bytes behind the fields of a ustar header", |m| {
            m.with(&[m.member("@/x", b"behind").ustar(b"").put(508, b"tar\0").bytes()])
        }),
        Row::good("bytes in the padding of a file", |m| {
            let mut member = m.file("@/x", b"data");
            member[600..1024].fill(b'#');
            m.with(&[member])
        }),
    ]
}

fn numbers() -> Vec<Row> {
    let owner = "the number of an owner or device is no octal number";
    vec![
        Row::bad("a size in base 256", SIZE, put(124, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4])),
        Row::bad("a negative size in base 256", SIZE, put(124, &[0xff; 12])),
        Row::bad(
            "a huge size in base 256",
            SIZE,
            put(124, &[0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        Row::bad("a negative size in octal", SIZE, put(124, b"-0000000004\0")),
        Row::bad("a size with a plus", SIZE, put(124, b"+0000000004\0")),
        Row::bad("a size with a letter", SIZE, put(124, b"0000000004a\0")),
        Row::bad("a size with an eight", SIZE, put(124, b"00000000008\0")),
        Row::bad("a size in hexadecimal", SIZE, put(124, b"0x000000004\0")),
        Row::bad("a size with a gap", SIZE, put(124, b"0000 000004\0")),
        Row::bad("a size behind a NUL", SIZE, put(124, b"\x00000000004\0")),
        Row::bad("a size behind a tab", SIZE, put(124, b"\t0000000004\0")),
        Row::bad("a size behind a line feed", SIZE, put(124, b"\n0000000004\0")),
        Row::bad("a size behind a form feed", SIZE, put(124, b"\x0c0000000004\0")),
        Row::bad("no size", SIZE, put(124, &[0; 12])),
        Row::bad("a size of blanks", SIZE, put(124, b"            ")),
        Row::good("a size behind blanks", put(124, b"          4\0")),
        Row::good("a size before blanks", put(124, b"4           ")),
        Row::good("a size of twelve digits", put(124, b"000000000004")),
        Row::bad("a size that is not there", CUT, put(124, b"00000100000\0")),
        Row::bad("a size of eight gibibytes", CUT, put(124, b"77777777777\0")),
        Row::bad("a size that swallows the next header", SUM, put(124, b"00000001001\0")),
        Row::bad("a mode that is no number", "its mode is no octal number", put(100, b"rw-r--r-")),
        Row::bad("no mode", "its mode is no octal number", put(100, &[0; 8])),
        Row::bad("a mode in base 256", "its mode is no octal number", put(100, &[0x80, 0, 0, 0, 0, 0, 1, 0xa4])),
        Row::bad("a time that is no number", "its time is no octal number", put(136, b"yesterday   ")),
        Row::bad("no time", "its time is no octal number", put(136, &[0; 12])),
        Row::bad("a negative time in base 256", "its time is no octal number", put(136, &[0xff; 12])),
        Row::good("a time of zero", put(136, b"00000000000\0")),
        Row::good("a late time", put(136, b"37777777777\0")),
        Row::bad("a user that is no number", owner, put(108, b"nobody\0\0")),
        Row::bad("a group that is no number", owner, put(116, b"wheel\0\0\0")),
        Row::bad("a user in base 256", owner, put(108, &[0xff; 8])),
        Row::bad("a device that is no number", owner, put(329, b"sda\0\0\0\0\0")),
        Row::bad("a minor device that is no number", owner, put(337, b"\xff1\0\0\0\0\0\0")),
        Row::good("a user and a group of NULs", |m| m.with(&[m.member("@/x", b"data").put(108, &[0; 16]).bytes()])),
        Row::good("devices of zero", |m| m.with(&[m.member("@/x", b"data").put(329, b"0000000\x000000000\0").bytes()])),
    ]
}

fn ends() -> Vec<Row> {
    vec![
        Row::bad("no end mark", CUT, end(|_| Vec::new())),
        Row::bad("half an end mark", CUT, end(|_| vec![0; 512])),
        Row::bad("an end mark cut off", CUT, end(|_| vec![0; 1000])),
        Row::bad("an end mark and a byte", CUT, end(|_| vec![0; 1025])),
        Row::good("an end mark", end(|_| vec![0; 1024])),
        Row::good("an end mark of three blocks", end(|_| vec![0; 1536])),
        Row::good("an end mark that fills a tape record", end(|_| vec![0; 10_240])),
        Row::bad("a member after the end mark", AFTER, end(|m| [&[0; 1024][..], &m.file("@/late", b"late")].concat())),
        Row::bad("a second archive after the end mark", AFTER, end(|m| [&[0; 1024][..], &m.tar_with(&[])].concat())),
        Row::bad(
            "a member after one zero block",
            AFTER,
            end(|m| [&[0; 512][..], &m.file("@/late", b"late"), &[0; 1024]].concat()),
        ),
        Row::bad(
            "garbage far after the end mark",
            AFTER,
            end(|_| {
                let mut tail = vec![0; 10_240];
                tail[10_239] = 1;
                tail
            }),
        ),
        Row::bad("cut in a header", CUT, |m| gzip(&m.tar_with(&[])[..700])),
        Row::bad("cut in the data", CUT, |m| gzip(&m.tar_with(&[])[..520])),
        Row::bad("cut in the padding", CUT, |m| gzip(&m.tar_with(&[])[..1000])),
        Row::bad("cut after a header", CUT, |m| gzip(&m.tar_with(&[])[..512])),
        Row::bad("nothing at all", CUT, |_| gzip(b"")),
        Row::bad("less than a block", CUT, |_| gzip(b"tar")),
        Row::bad("text instead of a tar", SUM, |_| gzip(&b"no tar at all, only text. ".repeat(40))),
    ]
}
