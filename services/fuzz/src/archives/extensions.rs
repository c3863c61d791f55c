//! Extension headers: pax local and global, GNU long names.

use super::Row;
use super::build::{Maker, record};

/// A file of four bytes behind a pax header with these records.
fn pax(records: impl Into<Vec<u8>>) -> impl Fn(&Maker) -> Vec<u8> {
    let records = records.into();
    move |m| m.with(&[m.pax(&records), m.file("@/x", b"data"), m.file("@/y", b"next")])
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = keys();
    rows.extend(records());
    rows.extend(sizes_and_times());
    rows.extend(headers());
    rows.extend(long_names());
    rows
}

/// Every key that pax, GNU tar, star, libarchive and others write.
fn keys() -> Vec<Row> {
    let mut rows = Vec::new();
    for key in [
        "atime",
        "charset",
        "comment",
        "ctime",
        "gid",
        "gname",
        "hdrcharset",
        "linkpath",
        "uid",
        "uname",
        "realtime.x",
        "security.x",
        "GNU.sparse.major",
        "GNU.sparse.minor",
        "GNU.sparse.name",
        "GNU.sparse.realsize",
        "GNU.sparse.map",
        "GNU.sparse.size",
        "GNU.sparse.numblocks",
        "GNU.sparse.offset",
        "GNU.sparse.numbytes",
        "GNU.volume.label",
        "GNU.dumpdir",
        "LIBARCHIVE.creationtime",
        "LIBARCHIVE.xattr.user.x",
        "LIBARCHIVE.symlinktype",
        "MSWINDOWS.rawsd",
        "MSWINDOWS.fileattr",
        "RHT.security.selinux",
        "SCHILY.acl.access",
        "SCHILY.dev",
        "SCHILY.devminor",
        "SCHILY.fflags",
        "SCHILY.ino",
        "SCHILY.nlink",
        "SCHILY.realsize",
        "SCHILY.xattr.user.x",
        "SUN.holesdata",
        "PATH",
        "path ",
        " path",
        "path\0",
        "",
    ] {
        rows.push(Row::bad(format!("a pax header with the key {key:?}"), "pax header that is not allowed: key `", {
            pax(record(key.as_bytes(), b"1"))
        }));
    }
    for key in ["path", "size", "mtime", "comment", "linkpath", "GNU.sparse.major", "uid"] {
        rows.push(Row::bad(format!("a global pax header with the key {key:?}"), "is a global pax header", move |m| {
            let global = m.member("pax_global_header", &record(key.as_bytes(), b"1")).flag(b'g').bytes();
            m.with(&[global, m.file("@/x", b"data")])
        }));
    }
    rows
}

fn records() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, bytes) in [
        ("no length", &b"path=x\n"[..]),
        ("a length of zero", b"0 a=b\n"),
        ("a length too small", b"5 a=b\n"),
        ("a length too large", b"99 a=b\n"),
        ("a length with a zero first", b"06 a=b\n"),
        ("a length with a plus", b"+6 a=b\n"),
        ("a negative length", b"-6 a=b\n"),
        ("a length behind a blank", b" 6 a=b\n"),
        ("a length of many digits", b"00000000000000000006 a=b\n"),
        ("a length beyond all numbers", b"99999999999999999999999 a=b\n"),
        ("a length in hexadecimal", b"0x6 a=b\n"),
        ("no line feed", b"6 a=bc"),
        ("no equals sign", b"6 abc\n"),
        ("a NUL", b"\0"),
        ("a record that ends in the next", b"20 mtime=1\n9 mtime=2\n"),
        ("a line feed for a blank", b"6\na=b\n"),
    ] {
        rows.push(Row::bad(format!("a pax record with {name}"), "pax header that is not allowed", pax(bytes)));
    }
    rows.extend([
        Row::bad("a pax key twice", "key `mtime` occurs twice", pax(b"11 mtime=1\n11 mtime=2\n".to_vec())),
        Row::bad("a pax path twice", "key `path` occurs twice", |m| {
            let two = [record(b"path", &m.path(b"@/p")), record(b"path", &m.path(b"@/q"))].concat();
            m.with(&[m.pax(&two), m.file("@/x", b"")])
        }),
        Row::bad("a pax record behind a NUL", "malformed record", pax(b"11 mtime=1\n\x0011 mtime=2\n".to_vec())),
        Row::good("a pax header with path, size and time", |m| {
            let all =
                [record(b"path", &m.path("@/p\u{e9}".as_bytes())), record(b"size", b"4"), record(b"mtime", b"1.5")]
                    .concat();
            m.with(&[m.pax(&all), m.file("@/x", b"data")])
        }),
        Row::good("a pax header with an equals sign in the path", |m| {
            m.with(&[m.pax_path("@/a=b=c"), m.file("@/x", b"")])
        }),
        Row::good("a pax path that the header says, too", |m| {
            m.with(&[m.pax_path("@/x"), m.file("@/x", b"twice said")])
        }),
        Row::good("a pax path over one that would be refused", |m| {
            m.with(&[m.pax_path("@/x"), m.file("../../x", b"over")])
        }),
    ]);
    rows
}

fn sizes_and_times() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, size, why) in [
        ("a larger", "5", "its size differs from the header's"),
        ("a smaller", "3", "its size differs from the header's"),
        ("a zero", "0", "its size differs from the header's"),
        ("a huge", "18446744073709551615", "its size differs from the header's"),
        ("an overflowing", "18446744073709551620", "malformed record"),
        ("a negative", "-4", "malformed record"),
        ("a padded", "04", "malformed record"),
        ("an empty", "", "malformed record"),
        ("a broken", "4.0", "malformed record"),
    ] {
        rows.push(Row::bad(format!("{name} pax size"), why, pax(record(b"size", size.as_bytes()))));
    }
    rows.push(Row::good("a pax size like the header's", pax(record(b"size", b"4"))));
    rows.push(Row::bad("a pax size for a directory", "its size differs from the header's", |m| {
        m.with(&[m.pax(&record(b"size", b"512")), m.directory("@/d"), m.file("@/x", b"hidden")])
    }));
    for time in ["1", "0", "1700000000.123456789", "-1", "-1.5"] {
        rows.push(Row::good(format!("a pax time of {time}"), pax(record(b"mtime", time.as_bytes()))));
    }
    for time in
        ["", "-", "1.", ".5", "1e9", "0x1", "1 ", "+1", "nan", "--1", "1.2.3", "99999999999999999999", "100000000000"]
    {
        rows.push(Row::bad(
            format!("a pax time of {time:?}"),
            "malformed record",
            pax(record(b"mtime", time.as_bytes())),
        ));
    }
    rows
}

fn headers() -> Vec<Row> {
    let nothing = "an extension header describes no member";
    vec![
        Row::bad("two pax headers for one member", "two for one member", |m| {
            m.with(&[m.pax(b"11 mtime=1\n"), m.pax(b"11 mtime=2\n"), m.file("@/x", b"")])
        }),
        Row::bad("a pax header for no member", nothing, |m| m.with(&[m.pax(b"11 mtime=1\n")])),
        Row::bad("a pax header above its limit", "a pax header above the limit", |m| {
            m.with(&[m.pax(&record(b"path", &vec![b'p'; 4096])), m.file("@/x", b"")])
        }),
        Row::bad("a pax header of a gibibyte", "a pax header above the limit", |m| {
            m.with(&[m.member("PaxHeaders/x", b"").flag(b'x').put(124, b"10000000000\0").bytes(), m.file("@/x", b"")])
        }),
        Row::bad("a pax path before a GNU long name", "its path competes with a GNU long name", |m| {
            m.with(&[m.pax_path("@/p"), m.long_name("@/l"), m.file("@/x", b"")])
        }),
        Row::bad("a GNU long name before a pax path", "its path competes with a GNU long name", |m| {
            m.with(&[m.long_name("@/l"), m.pax_path("@/p"), m.file("@/x", b"")])
        }),
        Row::bad("a pax header before a global one", "is a global pax header", |m| {
            m.with(&[m.pax(b"11 mtime=1\n"), m.member("g", b"").flag(b'g').bytes(), m.file("@/x", b"")])
        }),
        Row::bad("a pax header for a link", "is a symbolic link", |m| {
            m.with(&[m.pax_path("@/p"), m.member("@/x", b"").flag(b'2').put(157, b"/etc").bytes()])
        }),
        Row::good("an empty pax header", |m| m.with(&[m.pax(b""), m.file("@/x", b"after nothing")])),
        Row::good("a pax time before a GNU long name", |m| {
            m.with(&[m.pax(b"11 mtime=1\n"), m.long_name("@/long"), m.file("@/x", b"both")])
        }),
        Row::good("a GNU long name before a pax time", |m| {
            m.with(&[m.long_name("@/long"), m.pax(b"11 mtime=1\n"), m.file("@/x", b"both")])
        }),
        Row::good("a pax path for a directory", |m| m.with(&[m.pax_path("@/d/"), m.directory("@/x")])),
        Row::good("a pax header outside the root", |m| {
            let header = m.member("/../../PaxHeaders/x", b"11 mtime=1\n").flag(b'x').bytes();
            m.with(&[header, m.file("@/x", b"the header is no file")])
        }),
    ]
}

fn long_names() -> Vec<Row> {
    let raw = |m: &Maker, name: &[u8]| m.member("././@LongLink", name).flag(b'L').mode(0).bytes();
    vec![
        Row::bad("two GNU long names for one member", "two long names for one member", |m| {
            m.with(&[m.long_name("@/a"), m.long_name("@/b"), m.file("@/x", b"")])
        }),
        Row::bad("a GNU long name for no member", "an extension header describes no member", |m| {
            m.with(&[m.long_name("@/a")])
        }),
        Row::bad("a GNU long name of a gibibyte", "a long name above the limit", |m| {
            m.with(&[m.member("././@LongLink", b"").flag(b'L').put(124, b"10000000000\0").bytes(), m.file("@/x", b"")])
        }),
        Row::bad("a GNU long name with two NULs", "a control character or one of", move |m| {
            m.with(&[raw(m, &[&m.path(b"@/a")[..], b"\0\0"].concat()), m.file("@/x", b"")])
        }),
        Row::bad("a GNU long name with more behind its NUL", "a control character or one of", move |m| {
            m.with(&[raw(m, &[&m.path(b"@/a")[..], b"\0/../../x\0"].concat()), m.file("@/x", b"")])
        }),
        Row::bad("a GNU long link name with its target", "is a GNU long link name", |m| {
            m.with(&[m.member("././@LongLink", b"/etc/passwd\0").flag(b'K').bytes(), m.file("@/x", b"")])
        }),
        Row::good("a GNU long name without a NUL", move |m| {
            m.with(&[raw(m, &m.path(b"@/no nul")), m.file("@/x", b"l")])
        }),
        Row::good("a GNU long name that is short", |m| m.with(&[m.long_name("@/s"), m.file("@/x", b"l")])),
        Row::good("a GNU long name over one that would be refused", |m| {
            m.with(&[m.long_name("@/s"), m.file("../../x", b"l")])
        }),
        Row::good("a GNU long name for a directory", |m| {
            m.with(&[m.long_name(format!("@/{}/", "d".repeat(120))), m.directory("@/x")])
        }),
        Row::good("a GNU long name under another header name", |m| {
            let name = [&m.path(b"@/odd")[..], b"\0"].concat();
            m.with(&[m.member("/etc/passwd", &name).flag(b'L').bytes(), m.file("@/x", b"l")])
        }),
    ]
}
