//! What a member is, and with which permissions.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (flag, name, why) in [
        (b'1', "a hard link", "is a hard link; only regular files and directories are allowed"),
        (b'2', "a symbolic link", "is a symbolic link"),
        (b'3', "a character device", "is a character device"),
        (b'4', "a block device", "is a block device"),
        (b'6', "a fifo", "is a fifo"),
        (b'7', "a contiguous file", "is a contiguous file"),
        (b'K', "a GNU long link name", "is a GNU long link name"),
        (b'S', "a GNU sparse file", "is a sparse file"),
        (b'D', "a GNU directory listing", "is a member of unknown type"),
        (b'M', "a continuation of another volume", "is a member of unknown type"),
        (b'N', "a GNU list of names", "is a member of unknown type"),
        (b'V', "a volume header", "is a member of unknown type"),
        (b'A', "an access list of Solaris", "is a member of unknown type"),
        (b'E', "an extended attribute of Solaris", "is a member of unknown type"),
        (b'I', "an inode of star", "is a member of unknown type"),
        (b'X', "a pax header of Solaris", "is a member of unknown type"),
        (b's', "a socket", "is a member of unknown type"),
        (b' ', "a blank for a type", "is a member of unknown type"),
        (0x80, "a type beyond ASCII", "is a member of unknown type"),
        (1, "a control character for a type", "is a member of unknown type"),
    ] {
        rows.push(Row::bad(name, why, move |m| {
            m.with(&[m.member("@/x", b"").flag(flag).put(157, b"/etc/passwd").bytes()])
        }));
    }
    rows.extend([
        Row::bad("a link that a file is written through", "is a symbolic link", |m| {
            let link = m.member("@/out", b"").flag(b'2').put(157, b"../..").bytes();
            m.with(&[link, m.file("@/out/x", b"outside")])
        }),
        Row::bad("a hard link to the manifest", "is a hard link", |m| {
            let target = m.path(b"@/Cargo.toml");
            m.with(&[m.member("@/x", b"").flag(b'1').put(157, &target).bytes()])
        }),
        Row::bad("a directory with data", "a directory with data", |m| {
            m.with(&[m.member("@/d/", b"data").flag(b'5').mode(0o755).bytes()])
        }),
        Row::bad("a directory of old, a file with a slash", "an empty part", |m| {
            m.with(&[m.member("@/d/", b"").flag(0).bytes()])
        }),
        Row::good("a regular file of old", |m| m.with(&[m.member("@/x", b"old").flag(0).bytes()])),
        Row::good("a regular file with a link name left over", |m| {
            m.with(&[m.member("@/x", b"left over").put(157, b"/etc/passwd").bytes()])
        }),
    ]);
    for mode in [0o4755, 0o2755, 0o1755, 0o6755, 0o7777, 0o777, 0o666, 0o646, 0o002] {
        rows.push(Row::bad(format!("a file of mode {mode:o}"), "are not allowed, run `chmod o-w,-s,-t`", move |m| {
            m.with(&[m.member("@/x", b"mode").mode(mode).bytes()])
        }));
    }
    for mode in [0o777, 0o1777, 0o2755] {
        rows.push(Row::bad(
            format!("a directory of mode {mode:o}"),
            "are not allowed, run `chmod o-w,-s,-t`",
            move |m| m.with(&[m.member("@/d/", b"").flag(b'5').mode(mode).bytes()]),
        ));
    }
    for mode in [0o644, 0o600, 0o640, 0o664, 0o444, 0o755, 0o775, 0o700, 0o100_644] {
        rows.push(Row::good(format!("a file of mode {mode:o}"), move |m| {
            m.with(&[m.member("@/x", b"mode").mode(mode).bytes()])
        }));
    }
    rows.push(Row::bad("a file with the mode of a link", "its mode is that of another kind of file", |m| {
        m.with(&[m.member("@/x", b"mode").mode(0o120_644).bytes()])
    }));
    rows.push(Row::bad("a file with bits beyond a mode", "its mode is that of another kind of file", |m| {
        m.with(&[m.member("@/x", b"mode").mode(0o1_000_644).bytes()])
    }));
    rows
}
