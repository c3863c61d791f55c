//! Which paths a package may hold, so that it unpacks to the same files on every system.
//!
//! Works on the stored text alone and never asks a file system.

use super::blocks::Kind;
use super::{ArchiveError, shorten};
use unicode_normalization::UnicodeNormalization;

/// Longest path, root directory included, in bytes.
pub(super) const PATH_BYTES_MAX: usize = 1024;
/// Longest part of a path, in bytes.
pub(super) const PART_BYTES_MAX: usize = 255;

/// The rule a path breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// Too long.
    #[error("a path has at most {PATH_BYTES_MAX} bytes and each part at most {PART_BYTES_MAX}")]
    Length,
    /// Outside the root directory, or absolute.
    #[error("every file has to lie in the directory named after crate and version")]
    Root,
    /// An empty part, `.` or `..`.
    #[error("it has an empty part, `.` or `..`")]
    Part,
    /// A character some system cannot store: control characters and those cargo refuses to package.
    #[error("it holds a control character or one of \\ : < > \" | ? *")]
    Character,
    /// Ends in a dot or a space, which Windows drops.
    #[error("a part ends with a dot or a space")]
    Ending,
    /// A device on Windows.
    #[error("a part is the name of a Windows device")]
    Device,
    /// The mark cargo writes after unpacking.
    #[error("`.cargo-ok` is written by cargo itself")]
    CargoOk,
}

/// Checks one stored path and gives it as text, without the trailing slash of a directory.
pub(super) fn check<'a>(path: &'a [u8], kind: Kind, root: &str) -> Result<&'a str, PathFault> {
    let path = std::str::from_utf8(path).map_err(|_| PathFault::Encoding)?;
    if path.len() > PATH_BYTES_MAX {
        return Err(PathFault::Length);
    }
    let path = match kind {
        Kind::Directory => path.strip_suffix('/').unwrap_or(path),
        Kind::File => path,
    };
    let Some(inside) = path.strip_prefix(root) else { return Err(PathFault::Root) };
    match inside.strip_prefix('/') {
        Some(inside) => inside.split('/').try_for_each(check_part)?,
        None if inside.is_empty() && kind == Kind::Directory => {}
        None => return Err(PathFault::Root),
    }
    Ok(path)
}

fn check_part(part: &str) -> Result<(), PathFault> {
    wharf_trial::mutant!(PathTraversalAccepted { if part == ".." { return Ok(()); } });
    if matches!(part, "" | "." | "..") {
        return Err(PathFault::Part);
    }
    if part.len() > PART_BYTES_MAX {
        return Err(PathFault::Length);
    }
    // `:` also covers drives (`C:`) and alternate streams (`file:stream`).
    if part.contains(|c: char| c.is_control() || matches!(c, '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*')) {
        return Err(PathFault::Character);
    }
    if part.ends_with(['.', ' ']) {
        return Err(PathFault::Ending);
    }
    if is_device(part) {
        return Err(PathFault::Device);
    }
    if fold(part) == ".cargo-ok" { Err(PathFault::CargoOk) } else { Ok(()) }
}

/// Windows opens the device whatever extension follows, and reads superscript digits as digits.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end_matches(' ').to_lowercase();
    if matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") {
        return true;
    }
    let Some(number) = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")) else { return false };
    let mut number = number.chars();
    matches!((number.next(), number.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
}

/// The form in which case-insensitive, normalising file systems compare names.
pub(super) fn fold(path: &str) -> String {
    // Upper case first, so that `ß` meets `ss` and the final sigma its sister; composed last, because folding can
    // decompose.
    path.nfc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// All paths of an archive, to be checked against each other.
#[derive(Default)]
pub(super) struct Names(Vec<Name>);

struct Name {
    folded: Vec<String>,
    path: String,
    kind: Kind,
}

impl Names {
    pub(super) fn add(&mut self, path: &str, kind: Kind) {
        self.0.push(Name { folded: path.split('/').map(fold).collect(), path: path.to_owned(), kind });
    }

    /// Refuses paths that are one path somewhere, directories spelled in two ways, and files used as directories.
    pub(super) fn check(mut self) -> Result<(), ArchiveError> {
        // Sorted part by part, everything below a directory follows it without a gap, and all paths that share a
        // directory are neighbours; so neighbours suffice, and memory stays proportional to the paths themselves.
        self.0.sort_unstable_by(|a, b| a.folded.cmp(&b.folded));
        for pair in self.0.windows(2) {
            let [a, b] = pair else { continue };
            let shared = a.folded.iter().zip(&b.folded).take_while(|(a, b)| a == b).count();
            let same = shared == b.folded.len();
            let below_a_file = shared == a.folded.len() && a.kind == Kind::File;
            let spelled_twice = a.path.split('/').zip(b.path.split('/')).take(shared).any(|(a, b)| a != b);
            if same || below_a_file || spelled_twice {
                return Err(ArchiveError::Collision(shorten(&a.path), shorten(&b.path)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verdict(path: &[u8]) -> Option<PathFault> {
        check(path, Kind::File, "foo-1.0.0").err()
    }

    #[test]
    fn one_rule_each() {
        use PathFault::*;
        let long_part = format!("foo-1.0.0/{}", "a".repeat(256));
        let long_path = format!("foo-1.0.0/{}x", "a/".repeat(507));
        let cases: &[(&[u8], Option<PathFault>)] = &[
            (b"foo-1.0.0/src/lib.rs", None),
            (b"foo-1.0.0/.cargo_vcs_info.json", None),
            (b"foo-1.0.0/.cargo/config.toml", None),
            ("foo-1.0.0/été/a b.rs".as_bytes(), None),
            (b"foo-1.0.0/..a", None),
            (b"foo-1.0.0/common.rs", None),
            (b"foo-1.0.0/com10.rs", None),
            (b"foo-1.0.0/\xff", Some(Encoding)),
            (long_part.as_bytes(), Some(Length)),
            (long_path.as_bytes(), Some(Length)),
            (b"foo-1.0.0", Some(Root)),
            (b"foo-1.0.1/a", Some(Root)),
            (b"FOO-1.0.0/a", Some(Root)),
            (b"foo-1.0.00/a", Some(Root)),
            (b"/foo-1.0.0/a", Some(Root)),
            (b"./foo-1.0.0/a", Some(Root)),
            (b"C:/foo-1.0.0/a", Some(Root)),
            (b"\\\\host\\foo-1.0.0", Some(Root)),
            (b"", Some(Root)),
            (b"foo-1.0.0/", Some(Part)),
            (b"foo-1.0.0/a/", Some(Part)),
            (b"foo-1.0.0//a", Some(Part)),
            (b"foo-1.0.0/./a", Some(Part)),
            (b"foo-1.0.0/../a", Some(Part)),
            (b"foo-1.0.0/a/..", Some(Part)),
            (b"foo-1.0.0/C:/a", Some(Character)),
            (b"foo-1.0.0/a:b", Some(Character)),
            (b"foo-1.0.0/a\\b", Some(Character)),
            (b"foo-1.0.0/a\0b", Some(Character)),
            (b"foo-1.0.0/a\nb", Some(Character)),
            ("foo-1.0.0/a\u{85}b".as_bytes(), Some(Character)),
            (b"foo-1.0.0/a*", Some(Character)),
            (b"foo-1.0.0/a.", Some(Ending)),
            (b"foo-1.0.0/a /b", Some(Ending)),
            (b"foo-1.0.0/...", Some(Ending)),
            (b"foo-1.0.0/aux", Some(Device)),
            (b"foo-1.0.0/AUX.rs", Some(Device)),
            (b"foo-1.0.0/nul/a", Some(Device)),
            (b"foo-1.0.0/com1.tar.gz", Some(Device)),
            ("foo-1.0.0/lpt¹".as_bytes(), Some(Device)),
            (b"foo-1.0.0/con .txt", Some(Device)),
            (b"foo-1.0.0/.cargo-ok", Some(CargoOk)),
            (b"foo-1.0.0/.Cargo-OK", Some(CargoOk)),
        ];
        for (path, expected) in cases {
            assert_eq!(verdict(path), *expected, "{}", String::from_utf8_lossy(path));
        }
        let longest = format!("foo-1.0.0/{}", "a/".repeat(507));
        assert_eq!(check(longest.as_bytes(), Kind::Directory, "foo-1.0.0"), Ok(longest.trim_end_matches('/')));
        assert_eq!(check(b"foo-1.0.0/", Kind::Directory, "foo-1.0.0"), Ok("foo-1.0.0"));
        assert_eq!(check(b"foo-1.0.0//", Kind::Directory, "foo-1.0.0"), Err(PathFault::Part));
    }

    fn set(paths: &[&str]) -> Result<(), ArchiveError> {
        let mut names = Names::default();
        for path in paths {
            let kind = if path.ends_with('/') { Kind::Directory } else { Kind::File };
            names.add(path.trim_end_matches('/'), kind);
        }
        names.check()
    }

    #[test]
    fn paths_against_each_other() {
        for good in [
            &["r/", "r/a", "r/b/c", "r/b/"][..],
            &["r/a", "r/a.b", "r/a-b/c", "r/ab/c"],
            &["r/src/x", "r/src-x/y", "r/src/z"],
        ] {
            assert_eq!(set(good), Ok(()), "{good:?}");
        }
        for bad in [
            &["r/a", "r/a"][..],
            &["r/a/", "r/a"],
            &["r/a/", "r/a/"],
            &["r/a", "r/A"],
            &["r/\u{e9}", "r/e\u{301}"],
            &["r/stra\u{df}e", "r/STRASSE"],
            &["r/\u{3c3}", "r/\u{3c2}"],
            &["r/a", "r/a.b", "r/a-b", "r/a/b"],
            &["r/a", "r/A/b"],
            &["r/src/a", "r/Src/b"],
            &["r/src/a", "r/src/m", "r/other", "r/Src/z/y"],
        ] {
            assert!(set(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn the_neighbour_check_finds_what_the_full_check_finds(paths in proptest::collection::vec("r(/[aAb]){1,3}", 1..8)) {
            let folded = |path: &str| path.to_lowercase();
            let mut clash = false;
            for (i, a) in paths.iter().enumerate() {
                for b in &paths[i + 1..] {
                    let (fa, fb) = (folded(a), folded(b));
                    clash |= fa == fb || fa.starts_with(&format!("{fb}/")) || fb.starts_with(&format!("{fa}/"));
                    let shared = fa.split('/').zip(fb.split('/')).take_while(|(x, y)| x == y).count();
                    clash |= a.split('/').zip(b.split('/')).take(shared).any(|(x, y)| x != y);
                }
            }
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            prop_assert_eq!(set(&paths).is_err(), clash);
        }
    }
}
