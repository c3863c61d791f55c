//! Where a crate's index file lies: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcd…`, always lower case.

use wharf_domain::CrateName;

/// The path of a crate's index file below the index root.
#[must_use]
pub fn index_path(name: &CrateName) -> String {
    of_lower(&name.lower())
}

// Crate names are ASCII, so byte positions are character positions.
fn of_lower(name: &str) -> String {
    match name.len() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

/// The lower-case crate name an index path stands for; `None` for every path [`index_path`] never gives.
///
/// Strict, so that one file has one address: caches and rate limits cannot be split by spelling.
#[must_use]
pub fn parse_index_path(path: &str) -> Option<String> {
    let last = path.rsplit('/').next()?;
    let name = CrateName::parse(last).ok()?;
    (name.lower() == last && of_lower(last) == path).then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table() {
        for (name, path) in
            [("a", "1/a"), ("AB", "2/ab"), ("Abc", "3/a/abc"), ("abcd", "ab/cd/abcd"), ("Bar_Baz", "ba/r_/bar_baz")]
        {
            assert_eq!(index_path(&CrateName::parse(name).unwrap()), path);
        }
        for bad in [
            "",
            "a",
            "/1/a",
            "1/a/",
            "1/A",
            "2/a",
            "1/ab",
            "3/b/abc",
            "3/abc",
            "ab/cd/abce/",
            "ab/ce/abcd",
            "AB/CD/ABCD",
            "ab/cd/ABCD",
            "ab//abcd",
            "ab/cd/../abcd",
            "config.json",
            "1/-",
            "ab/cd/abcd?x",
            "ab/cd/abcd/abcd",
            "1/é",
        ] {
            assert_eq!(parse_index_path(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn inverse(name in "[A-Za-z][A-Za-z0-9_-]{0,63}") {
            let name = CrateName::parse(&name).unwrap();
            prop_assert_eq!(parse_index_path(&index_path(&name)), Some(name.lower()));
        }

        #[test]
        fn whatever_parses_is_rendered_the_same(path in "[a-c1-3/_-]{1,12}") {
            if let Some(name) = parse_index_path(&path) {
                prop_assert_eq!(index_path(&CrateName::parse(&name).unwrap()), path);
            }
        }
    }
}
