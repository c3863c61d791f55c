//! Changes of the archive: its members, its tar, its gzip.

use super::{Draft, Reasons};
use crate::archives::build::{Member, gzip, gzip_with, stored};
use crate::archives::{PATHS, Verdict};
use wharf_testkit::chance::Chance;

/// The manifest as a member.
pub(super) fn manifest(draft: &Draft, text: &[u8]) -> Vec<u8> {
    member(draft, "Cargo.toml", text).bytes()
}

fn member(draft: &Draft, path: &str, data: &[u8]) -> Member {
    draft.maker.member(format!("{}/{path}", draft.root()), data)
}

/// One gzip member, in one of the forms that mean the same.
pub(super) fn compress(tar: &[u8], chance: &mut Chance) -> Vec<u8> {
    match chance.below(6) {
        0 => stored(tar),
        1 => gzip_with(8, b"../x.tar\0", tar),
        2 => gzip_with(4, &[2, 0, 1, 2], tar),
        _ => gzip(tar),
    }
}

/// What was done, and why that is refused, if it is.
pub(super) type Done = (String, Reasons);

/// A path from the table of archives, carried in one of three ways.
pub(super) fn odd_path(draft: &Draft, members: &mut Vec<Vec<u8>>, chance: &mut Chance) -> Done {
    let (name, path, verdict) = chance.pick(PATHS);
    let root = draft.root();
    let path = match path.strip_prefix(b"@") {
        Some(rest) => [root.as_bytes(), rest].concat(),
        None => path.to_vec(),
    };
    let short = format!("{root}/short");
    let added = match chance.below(3) {
        0 if path.len() <= 100 => draft.maker.member(&path, b"odd").bytes(),
        1 => [draft.maker.long_name(&path), draft.maker.member(&short, b"odd").bytes()].concat(),
        _ => [draft.maker.pax_path(&path), draft.maker.member(&short, b"odd").bytes()].concat(),
    };
    let at = chance.below(members.len() + 1);
    members.insert(at, added);
    let reasons: Reasons = match verdict {
        Verdict::Accepted => &[],
        Verdict::Refused(why) => std::slice::from_ref(why),
    };
    ((*name).to_owned(), reasons)
}

/// Something that is neither a file nor a directory.
pub(super) fn odd_kind(draft: &Draft, members: &mut Vec<Vec<u8>>, chance: &mut Chance) -> Done {
    let flag = *chance.pick(b"12346 7gKSDVX");
    members.push(member(draft, "odd", b"").flag(flag).put(157, b"/etc/passwd").bytes());
    (format!("type {:?}", char::from(flag)), &["only regular files and directories are allowed"])
}

/// A permission no file of a package has.
pub(super) fn odd_mode(draft: &Draft, members: &mut Vec<Vec<u8>>, chance: &mut Chance) -> Done {
    let mode = 0o644 | *chance.pick(&[0o4000, 0o2000, 0o1000, 0o2, 0o7002]);
    members.push(member(draft, "odd", b"").mode(mode).bytes());
    (format!("mode {mode:o}"), &["setuid, setgid, sticky and world-writable are not allowed"])
}

/// A header field with something else in it.
pub(super) fn odd_header(draft: &Draft, members: &mut Vec<Vec<u8>>, chance: &mut Chance) -> Done {
    let fields: &[(usize, &[u8], Reasons)] = &[
        (124, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3], &["its size is no octal number"]),
        (124, b"-0000000003\0", &["its size is no octal number"]),
        (124, b"\n0000000003\0", &["its size is no octal number"]),
        (124, b"          3\0", &[]),
        (124, b"77777777777\0", &["its tar data ends without an end mark"]),
        (100, b"\0\0\0\0\0\0\0\0", &["its mode is no octal number"]),
        (100, b"0120644\0", &["its mode is that of another kind of file"]),
        (136, b"tomorrow    ", &["its time is no octal number"]),
        (108, b"nobody\0\0", &["the number of an owner or device is no octal number"]),
        (108, b"0001750\0", &[]),
        (257, &[0; 8], &["neither GNU nor ustar format"]),
        (257, b"ustar\x0000", &[]),
        (345, b"evil", &["GNU extra fields"]),
        (265, b"root", &[]),
        (157, b"/etc/passwd", &[]),
    ];
    let (at, bytes, reasons) = *chance.pick(fields);
    members.push(member(draft, "odd", b"odd").put(at, bytes).bytes());
    (format!("byte {at} = {}", bytes.escape_ascii()), reasons)
}

/// A pax header with something in it.
pub(super) fn odd_pax(draft: &Draft, members: &mut Vec<Vec<u8>>, chance: &mut Chance) -> Done {
    const PAX: Reasons = &["pax header that is not allowed"];
    let records: &[(&[u8], Reasons)] = &[
        (b"10 size=3\n", &[]),
        (b"10 size=4\n", PAX),
        (b"13 mtime=1.5\n", &[]),
        (b"11 mtime=x\n", PAX),
        (b"11 mtime=1\n11 mtime=1\n", PAX),
        (b"14 uid=100000\n", PAX),
        (b"19 linkpath=/etc/x\n", PAX),
        (b"22 GNU.sparse.major=1\n", PAX),
        (b"99 path=x\n", PAX),
        (b"path=x\n", PAX),
        (b"", &[]),
    ];
    let (records, reasons) = *chance.pick(records);
    members.push([draft.maker.pax(records), member(draft, "odd", b"odd").bytes()].concat());
    (records.escape_ascii().to_string(), reasons)
}

/// Two members that cannot stand side by side.
pub(super) fn collision(draft: &Draft, members: &mut Vec<Vec<u8>>, chance: &mut Chance) -> Done {
    let (one, other) = *chance.pick(&[
        ("src/lib.rs", "src/LIB.rs"),
        ("zz", "zz"),
        ("zz", "ZZ"),
        ("zz", "zz/z"),
        ("\u{e9}", "e\u{301}"),
        ("SRC/zz", "zz"),
        ("src/lib.rs/zz", "zz"),
    ]);
    if one != "src/lib.rs" {
        members.push(member(draft, one, b"").bytes());
    }
    let at = chance.below(members.len() + 1);
    members.insert(at, member(draft, other, b"").bytes());
    (format!("{one} and {other}"), &["cannot both exist on every file system"])
}

/// The manifest where, or as what, it does not belong.
pub(super) fn odd_manifest(draft: &Draft, members: &mut Vec<Vec<u8>>, chance: &mut Chance) -> Done {
    const MISSING: Reasons = &["the package has no `"];
    const SPELLING: Reasons = &["has to be a file named exactly `Cargo.toml`"];
    match chance.below(5) {
        0 => {
            members.remove(0);
            ("gone".to_owned(), MISSING)
        }
        1 => {
            members[0] = member(draft, "sub/Cargo.toml", b"[package]").bytes();
            ("further down".to_owned(), MISSING)
        }
        2 => {
            members[0] = member(draft, "cargo.toml", b"[package]").bytes();
            ("in another case".to_owned(), SPELLING)
        }
        3 => {
            members[0] = member(draft, "Cargo.toml/", b"").flag(b'5').mode(0o755).bytes();
            ("a directory".to_owned(), SPELLING)
        }
        _ => {
            members.push(member(draft, "Cargo.toml", b"[package]").bytes());
            ("twice".to_owned(), &["cannot both exist on every file system"])
        }
    }
}

/// Members in another order, and directories nobody needs: the same package.
pub(super) fn reordered(draft: &Draft, members: &mut Vec<Vec<u8>>, chance: &mut Chance) -> Done {
    for at in (1..members.len()).rev() {
        let other = chance.below(at + 1);
        members.swap(at, other);
    }
    members.push(member(draft, "empty/inner/", b"").flag(b'5').mode(0o755).bytes());
    ("shuffled".to_owned(), &[])
}
