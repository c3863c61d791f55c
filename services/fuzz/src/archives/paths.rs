//! Paths, each carried in every way a tar can carry one.

use super::Row;
use super::Verdict::{self, Accepted, Refused};

const ROOT: Verdict = Refused("directory named after crate and version");
const PART: Verdict = Refused("an empty part, `.` or `..`");
const CHARACTER: Verdict = Refused("a control character or one of");
const ENDING: Verdict = Refused("ends with a dot or a space");
const DEVICE: Verdict = Refused("name of a Windows device");
const CARGO_OK: Verdict = Refused("`.cargo-ok` is written by cargo itself");
const ENCODING: Verdict = Refused("it is not UTF-8");
const COLLISION: Verdict = Refused("cannot both exist on every file system");

/// Path of a regular file, and the verdict on it.
pub(crate) const TABLE: &[(&str, &[u8], Verdict)] = &[
    ("an absolute path", b"/etc/passwd", ROOT),
    ("an absolute path to the root", b"/@/x", ROOT),
    ("a path that climbs first", b"../x", ROOT),
    ("a path beside the root", b"other-1.0.0/x", ROOT),
    ("a root with more letters", b"@x/a", ROOT),
    ("the root as a file", b"@", ROOT),
    ("the current directory", b".", ROOT),
    ("the parent directory", b"..", ROOT),
    ("the root behind a dot", b"./@/x", ROOT),
    ("a drive", b"C:/x", ROOT),
    ("a path on a drive", b"C:x", ROOT),
    ("a network path", b"\\\\host\\share\\x", ROOT),
    ("a verbatim path", b"\\\\?\\C:\\x", ROOT),
    ("the root before a backslash", b"@\\x", ROOT),
    ("a home directory", b"~/x", ROOT),
    ("a climb out of the root", b"@/../x", PART),
    ("a climb far out", b"@/a/../../../../x", PART),
    ("a climb within", b"@/a/../x", PART),
    ("a climb at the end", b"@/a/..", PART),
    ("a dot within", b"@/./x", PART),
    ("a dot at the end", b"@/a/.", PART),
    ("an empty part", b"@//x", PART),
    ("a file with a slash at the end", b"@/x/", PART),
    ("nothing below the root", b"@/", PART),
    ("a drive below the root", b"@/C:/x", CHARACTER),
    ("a stream", b"@/x:stream", CHARACTER),
    ("a backslash", b"@/a\\b", CHARACTER),
    ("a climb by backslashes", b"@/..\\..\\x", CHARACTER),
    ("a line feed", b"@/a\nb", CHARACTER),
    ("a carriage return", b"@/a\rb", CHARACTER),
    ("a tab", b"@/a\tb", CHARACTER),
    ("an escape", b"@/a\x1b[31m", CHARACTER),
    ("a bell", b"@/\x07", CHARACTER),
    ("a delete", b"@/a\x7f", CHARACTER),
    ("a control character beyond ASCII", "@/a\u{85}b".as_bytes(), CHARACTER),
    ("less than", b"@/a<b", CHARACTER),
    ("greater than", b"@/a>b", CHARACTER),
    ("a quote", b"@/a\"b", CHARACTER),
    ("a pipe", b"@/a|b", CHARACTER),
    ("a question mark", b"@/a?b", CHARACTER),
    ("a star", b"@/a*b", CHARACTER),
    ("a dot at the end of a file", b"@/a.", ENDING),
    ("a space at the end of a file", b"@/a ", ENDING),
    ("a dot at the end of a directory", b"@/a./x", ENDING),
    ("a space at the end of a directory", b"@/a /x", ENDING),
    ("dots only", b"@/...", ENDING),
    ("a space only", b"@/ /x", ENDING),
    ("con", b"@/con", DEVICE),
    ("con with an extension", b"@/CON.txt", DEVICE),
    ("prn", b"@/src/Prn", DEVICE),
    ("aux as a source", b"@/src/aux.rs", DEVICE),
    ("nul as a directory", b"@/nul/x", DEVICE),
    ("com1", b"@/com1", DEVICE),
    ("com9 with two extensions", b"@/COM9.tar.gz", DEVICE),
    ("lpt1", b"@/lpt1.log", DEVICE),
    ("com with a raised digit", "@/com\u{b9}".as_bytes(), DEVICE),
    ("the console's input", b"@/CONIN$", DEVICE),
    ("the console's output", b"@/conout$.x", DEVICE),
    ("a device before a space", b"@/con .txt", DEVICE),
    ("cargo's mark", b"@/.cargo-ok", CARGO_OK),
    ("cargo's mark in capitals", b"@/.CARGO-OK", CARGO_OK),
    ("cargo's mark below", b"@/src/.cargo-ok", CARGO_OK),
    ("cargo's mark as a directory", b"@/.cargo-ok/x", CARGO_OK),
    ("a stray byte", b"@/\xff", ENCODING),
    ("half a character", b"@/a\xe2\x82", ENCODING),
    ("an overlong slash", b"@/..\xc0\xaf..", ENCODING),
    ("half a surrogate pair", b"@/\xed\xa0\x80", ENCODING),
    ("dots before letters", b"@/..a", Accepted),
    ("a hidden file", b"@/.hidden", Accepted),
    ("nearly con", b"@/console.rs", Accepted),
    ("nearly com1", b"@/com10.rs", Accepted),
    ("nearly lpt", b"@/lpt.rs", Accepted),
    ("nearly nul", b"@/src/null/nul1", Accepted),
    ("nearly cargo's mark", b"@/.cargo-ok2", Accepted),
    ("letters with accents", "@/\u{e9}t\u{e9}.rs".as_bytes(), Accepted),
    ("three scripts", "@/\u{65e5}\u{672c}\u{8a9e}/\u{444}\u{430}\u{439}\u{43b}/\u{5e9}.rs".as_bytes(), Accepted),
    ("beyond the basic plane", "@/\u{1f980}/\u{1f469}\u{200d}\u{1f4bb}.rs".as_bytes(), Accepted),
    ("a right-to-left mark", "@/a\u{202e}txt.rs".as_bytes(), Accepted),
    ("a hard space at the end", "@/a\u{a0}".as_bytes(), Accepted),
    ("spaces and signs", b"@/a b & c; $(d) `e` 'f' #g %h ~i", Accepted),
    ("a dash first", b"@/-rf", Accepted),
    ("an option for a directory", b"@/--checkpoint-action=exec=sh/x", Accepted),
    ("a letter of an archive", b"@/PaxHeaders/x", Accepted),
    ("a percent sign for a slash", b"@/..%2f..%2fx", Accepted),
];

/// Two members that may or may not stand side by side; a slash at the end makes a directory.
const PAIRS: &[(&str, &str, &str, Verdict)] = &[
    ("a path twice", "x", "x", COLLISION),
    ("a directory twice", "d/", "d/", COLLISION),
    ("a directory and a file", "x/", "x", COLLISION),
    ("a file and a directory", "x", "x/", COLLISION),
    ("a file used as a directory", "x", "x/y", COLLISION),
    ("a file that was a directory", "x/y", "x", COLLISION),
    ("a file used as a directory, with others between", "x", "x-y", Accepted),
    ("two cases", "readme", "README", COLLISION),
    ("two cases of a directory", "docs/a", "Docs/b", COLLISION),
    ("two cases of a directory far up", "a/b/c/d", "A/b/c/e", COLLISION),
    ("two cases beyond ASCII", "\u{e9}", "\u{c9}", COLLISION),
    ("two compositions", "\u{e9}", "e\u{301}", COLLISION),
    ("two compositions of a directory", "\u{e9}/a", "e\u{301}/b", COLLISION),
    ("two compositions in two cases", "\u{c9}", "e\u{301}", COLLISION),
    ("two ways to write the Angstrom", "\u{212b}", "\u{e5}", COLLISION),
    ("the sign of Kelvin", "\u{212a}", "k", COLLISION),
    ("sharp s", "stra\u{df}e", "STRASSE", COLLISION),
    ("two forms of sigma", "\u{3c3}", "\u{3c2}", COLLISION),
    ("a ligature", "\u{fb01}le", "file", COLLISION),
    ("the source in another case", "SRC/x", "y", COLLISION),
    ("the library in another case", "src/LIB.rs", "y", COLLISION),
    ("below the library", "src/lib.rs/x", "y", COLLISION),
    ("letters that look alike", "a", "\u{430}", Accepted),
    ("a name within a name", "a", "a.b", Accepted),
    ("a directory and its neighbours", "a/x", "a-b/x", Accepted),
    ("a directory after what is in it", "d/x", "d/", Accepted),
    ("a directory before what is in it", "d/", "d/x", Accepted),
    ("wide and narrow letters", "\u{ff41}", "a", Accepted),
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, path, verdict) in TABLE {
        rows.push(Row::new(format!("{name}, in the header"), *verdict, move |m| {
            m.with(&[m.file(path, b"in the header")])
        }));
        rows.push(Row::new(format!("{name}, as a GNU long name"), *verdict, move |m| {
            m.with(&[m.long_name(path), m.file("@/short", b"as a long name")])
        }));
        rows.push(Row::new(format!("{name}, in a pax header"), *verdict, move |m| {
            m.with(&[m.pax_path(path), m.file("@/short", b"in a pax header")])
        }));
    }
    for (name, one, other, verdict) in PAIRS {
        rows.push(Row::new(*name, *verdict, move |m| {
            let member = |path: &str| match path.strip_suffix('/') {
                Some(_) => m.directory(format!("@/{path}")),
                None => m.file(format!("@/{path}"), path.as_bytes()),
            };
            m.with(&[member(one), member(other)])
        }));
    }
    rows.extend(carriers());
    rows
}

/// What only one of the carriers can do.
fn carriers() -> Vec<Row> {
    let long = |name: &str, verdict, path: fn(usize) -> String| {
        Row::new(name, verdict, move |m| m.with(&[m.long_name(path(m.root().len())), m.file("@/short", b"long")]))
    };
    let by_pax = |name: &str, verdict, path: fn(usize) -> String| {
        Row::new(name, verdict, move |m| m.with(&[m.pax_path(path(m.root().len())), m.file("@/short", b"long")]))
    };
    let length = Refused("a path has at most 1024 bytes and each part at most 255");
    let nul = b"@/a\0b";
    let apart = "@/e\u{301}te\u{301}.rs";
    vec![
        long("a part of 255 bytes, as a GNU long name", Accepted, |_| format!("@/{}", "p".repeat(255))),
        long("a part of 256 bytes, as a GNU long name", length, |_| format!("@/{}", "p".repeat(256))),
        by_pax("a part of 255 bytes, in a pax header", Accepted, |_| format!("@/{}", "p".repeat(255))),
        by_pax("a part of 256 bytes, in a pax header", length, |_| format!("@/{}", "p".repeat(256))),
        by_pax("a part of 255 bytes in 85 letters", Accepted, |_| format!("@/{}", "\u{65e5}".repeat(85))),
        by_pax("a part of 258 bytes in 86 letters", length, |_| format!("@/{}", "\u{65e5}".repeat(86))),
        long("a path of 1,024 bytes, as a GNU long name", Accepted, |root| deep(root, 1024)),
        long("a path of 1,025 bytes, as a GNU long name", Refused("a long name above the limit"), |root| {
            deep(root, 1025)
        }),
        by_pax("a path of 1,024 bytes, in a pax header", Accepted, |root| deep(root, 1024)),
        by_pax("a path of 1,025 bytes, in a pax header", length, |root| deep(root, 1025)),
        Row::good("letters with accents, apart, in the header", move |m| m.with(&[m.file(apart, b"apart")])),
        Row::good("letters with accents, apart, as a GNU long name", move |m| {
            m.with(&[m.long_name(apart), m.file("@/short", b"apart")])
        }),
        // Libarchive puts them together, and unpacks a file of another name.
        Row::bad("letters with accents, apart, in a pax header", "composed form", move |m| {
            m.with(&[m.pax_path(apart), m.file("@/short", b"apart")])
        }),
        Row::bad("a NUL in the header", "bytes after the end of a name", move |m| m.with(&[m.file(nul, b"")])),
        Row::new("a NUL, as a GNU long name", CHARACTER, move |m| m.with(&[m.long_name(nul), m.file("@/s", b"")])),
        Row::new("a NUL, in a pax header", CHARACTER, move |m| m.with(&[m.pax_path(nul), m.file("@/s", b"")])),
        Row::new("no path, in the header", ROOT, |m| m.with(&[m.file("", b"")])),
        Row::new("no path, as a GNU long name", ROOT, |m| {
            m.with(&[m.member("././@LongLink", b"").flag(b'L').bytes(), m.file("@/s", b"")])
        }),
        Row::new("no path, in a pax header", ROOT, |m| m.with(&[m.pax_path(""), m.file("@/s", b"")])),
        Row::new("the root in another case", ROOT, |m| {
            m.with(&[m.file(format!("{}/x", m.root().to_uppercase()), b"")])
        }),
        Row::new("a directory outside the root", ROOT, |m| m.with(&[m.directory("other")])),
        Row::new("a directory that climbs", PART, |m| m.with(&[m.directory("@/..")])),
        Row::new("a directory with two slashes", PART, |m| m.with(&[m.directory("@/d//")])),
        Row::new("a directory that is a device", DEVICE, |m| m.with(&[m.directory("@/aux/")])),
        Row::new("a prefix outside the root", ROOT, |m| m.with(&[m.member("x", b"").ustar(b"/etc").bytes()])),
        Row::new("a name that climbs out of its prefix", PART, |m| {
            m.with(&[m.member("../../x", b"").ustar(m.root().as_bytes()).bytes()])
        }),
        Row::new("a prefix with a slash at the end", PART, |m| {
            m.with(&[m.member("x", b"").ustar(format!("{}/", m.root()).as_bytes()).bytes()])
        }),
        Row::new("an absolute name behind a prefix", PART, |m| {
            m.with(&[m.member("/x", b"").ustar(m.root().as_bytes()).bytes()])
        }),
    ]
}

/// A path of so many bytes with many parts.
fn deep(root: usize, bytes: usize) -> String {
    let mut path = "@".to_owned();
    let mut left = bytes - root;
    while left > 220 {
        path.push_str("/deep/deeper");
        left -= 12;
    }
    path.push('/');
    path.push_str(&"f".repeat(left - 1));
    path
}
