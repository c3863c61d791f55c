//! The name of a crate as paths, rules and directories need it.

use crate::gauge;
use std::cmp::Ordering;
use wharf_domain::{CanonicalName, CrateName};

/// The name of a directory: one or two bytes. Names of one length sort as git sorts directories, and the ones of one byte
/// are digits, which no crate begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DirectoryName([u8; 2]);

impl DirectoryName {
    fn of(bytes: &[u8]) -> DirectoryName {
        let mut name = [0; 2];
        name[..bytes.len()].copy_from_slice(bytes);
        DirectoryName(name)
    }

    pub(crate) fn as_str(&self) -> &str {
        let length = if self.0[1] == 0 { 1 } else { 2 };
        std::str::from_utf8(&self.0[..length]).expect("cut out of an ASCII name")
    }
}

/// The directories above a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) top: DirectoryName,
    /// Nothing for names of one and two characters.
    pub(crate) below: Option<DirectoryName>,
}

/// A crate's name in the forms that are needed again and again. Ordered as rules see names.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    canonical: CanonicalName,
    lower: Box<str>,
    /// The first eight bytes of the path without its slashes: decides most comparisons without a look at the text.
    head: u64,
}

impl Name {
    pub(crate) fn new(name: &CrateName) -> Name {
        let lower = name.lower().into_boxed_str();
        let mut head = [0; 8];
        let digit = (lower.len() < 4).then_some(b'0' + lower.len() as u8);
        for (to, from) in head.iter_mut().zip(digit.into_iter().chain(lower.bytes())) {
            *to = from;
        }
        Name { canonical: name.canonical(), lower, head: u64::from_be_bytes(head) }
    }

    /// Bytes held by one name.
    pub(crate) fn allocated(&self) -> usize {
        gauge::shared::<Name>() + gauge::allocated(self.lower.len()) + gauge::allocated(16 + self.lower.len())
    }

    /// The place in the order of rules where names that begin with this text begin.
    pub(crate) fn first_with(prefix: &CanonicalName) -> Name {
        Name { canonical: prefix.clone(), lower: Box::default(), head: 0 }
    }

    pub(crate) fn canonical(&self) -> &CanonicalName {
        &self.canonical
    }

    pub(crate) fn lower(&self) -> &str {
        &self.lower
    }

    pub(crate) fn place(&self) -> Place {
        let bytes = self.lower.as_bytes();
        let (top, below): (&[u8], Option<&[u8]>) = match bytes.len() {
            1 => (b"1", None),
            2 => (b"2", None),
            3 => (b"3", Some(&bytes[..1])),
            _ => (&bytes[..2], Some(&bytes[2..4])),
        };
        Place { top: DirectoryName::of(top), below: below.map(DirectoryName::of) }
    }

    /// Compares by path: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcd`. Within a directory of files that is git's order too.
    pub(crate) fn by_path(&self, other: &Name) -> Ordering {
        self.head.cmp(&other.head).then_with(|| self.lower.cmp(&other.lower))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        self.canonical.cmp(&other.canonical).then_with(|| self.lower.cmp(&other.lower))
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.lower == other.lower
    }
}

impl Eq for Name {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        Name::new(&CrateName::parse(text).unwrap())
    }

    fn path(name: &Name) -> String {
        let Place { top, below } = name.place();
        let below = below.map(|below| format!("{}/", below.as_str())).unwrap_or_default();
        format!("{}/{below}{}", top.as_str(), name.lower())
    }

    #[test]
    fn paths() {
        for (text, expected) in
            [("a", "1/a"), ("AB", "2/ab"), ("Abc", "3/a/abc"), ("abcd", "ab/cd/abcd"), ("Bar_Baz", "ba/r_/bar_baz")]
        {
            assert_eq!(path(&name(text)), expected);
        }
    }

    proptest! {
        #[test]
        fn order_is_that_of_paths(a in "[a-c][a-c_-]{0,9}", b in "[a-c][a-c_-]{0,9}") {
            let (a, b) = (name(&a), name(&b));
            // A slash sorts behind `-` and must not: directories are compared component by component.
            let components = |name: &Name| path(name).split('/').map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(a.by_path(&b), components(&a).cmp(&components(&b)));
        }
    }
}
