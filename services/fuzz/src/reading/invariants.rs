//! The rules about what an accepted archive holds, said a second time and without the wish to be quick.

use super::archive::Entry;
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization;

/// Why the path of a member breaks a rule, if it does.
#[must_use]
pub fn path_rules(path: &[u8], directory: bool, root: &str) -> Option<&'static str> {
    let Ok(path) = std::str::from_utf8(path) else { return Some("not UTF-8") };
    if path.len() > 1024 {
        return Some("longer than 1,024 bytes");
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    if directory && parts.len() > 1 && parts.last() == Some(&"") {
        parts.pop();
    }
    if parts.first() != Some(&root) {
        return Some("outside the root");
    }
    if parts.len() == 1 && !directory {
        return Some("the root is a file");
    }
    parts.into_iter().skip(1).find_map(part_rules)
}

fn part_rules(part: &str) -> Option<&'static str> {
    const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];
    let lower = part.to_lowercase();
    let stem = lower.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let numbered = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|rest| rest.chars().count() == 1 && "0123456789¹²³".contains(rest))
    });
    if part.is_empty() || part == "." || part == ".." {
        Some("an empty part, `.` or `..`")
    } else if part.len() > 255 {
        Some("a part longer than 255 bytes")
    } else if part.chars().any(char::is_control) {
        Some("a control character")
    } else if part.chars().any(|c| r#"\:<>"|?*"#.contains(c)) {
        Some("a character Windows has no files for")
    } else if part.ends_with('.') || part.ends_with(' ') {
        Some("a part that ends in a dot or a space")
    } else if DEVICES.contains(&stem) || numbered {
        Some("a device")
    } else if lower == ".cargo-ok" {
        Some("cargo's own mark")
    } else {
        None
    }
}

/// Asserts what holds for the members of every archive that was accepted.
pub fn archive_rules(entries: &[Entry], root: &str) {
    // Folded path, as a file system that ignores case and composition sees it: what was first written so, and as what.
    let mut seen: BTreeMap<String, (String, bool)> = BTreeMap::new();
    for entry in entries {
        let shown = String::from_utf8_lossy(&entry.path);
        let directory = match entry.flag {
            b'5' => true,
            b'0' | 0 => false,
            flag => panic!("{shown} is of type {flag}"),
        };
        assert_eq!(path_rules(&entry.path, directory, root), None, "{shown}");
        assert_eq!(entry.mode & 0o7002, 0, "{shown} has mode {:o}", entry.mode);
        assert!(!directory || entry.data.is_empty(), "{shown} is a directory with data");
        let path = shown.trim_end_matches('/');
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let (part, is_directory) = (&path[..end], end < path.len() || directory);
            let folded: String = part.nfc().collect::<String>().to_lowercase();
            match seen.get(&folded) {
                None => drop(seen.insert(folded, (part.to_owned(), is_directory))),
                Some((first, first_is_directory)) => {
                    assert_eq!(first, part, "two spellings of one path");
                    assert!(*first_is_directory && is_directory, "{part} is a file and something else");
                }
            }
        }
    }
    let manifest = format!("{root}/Cargo.toml");
    let manifests = entries.iter().filter(|entry| entry.path.eq_ignore_ascii_case(manifest.as_bytes()));
    assert_eq!(
        manifests.map(|entry| (&*entry.path, entry.flag == b'5')).collect::<Vec<_>>(),
        [(manifest.as_bytes(), false)]
    );
}
