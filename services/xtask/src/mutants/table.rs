//! What is known beforehand: the mutants there are, and the tests that catch each.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use anyhow::{Context, ensure};

/// Where the mutants are named.
const NAMES: &str = "services/lib/trial/src/mutants.rs";
/// Where the moments are named.
const MOMENTS: &str = "services/lib/trial/src/moments.rs";
/// Who catches which.
pub(crate) const EXPECTED: &str = "services/e2e/tests/mutants.expected";

/// A mutant and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    pub(crate) name: String,
    pub(crate) what: String,
}

/// A test: `package/target` and its path in there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    pub(crate) package: String,
    pub(crate) target: String,
    pub(crate) path: String,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.package, self.target, self.path)
    }
}

pub(crate) fn mutants(root: &Path) -> anyhow::Result<Vec<Mutant>> {
    let found = parse_names(&read(root, NAMES)?);
    ensure!(!found.is_empty(), "{NAMES} names no mutant");
    Ok(found)
}

/// The names of all moments.
pub(crate) fn moments(root: &Path) -> anyhow::Result<Vec<String>> {
    let text = read(root, MOMENTS)?;
    let names: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("(\"")?.split_once("\", \"")?.0.to_owned()))
        .collect();
    ensure!(!names.is_empty(), "{MOMENTS} names no moment");
    Ok(names)
}

/// The reviewed table; every mutant stands in it, and nothing else.
pub(crate) fn expected(root: &Path, mutants: &[Mutant]) -> anyhow::Result<Vec<(String, Test)>> {
    let rows = parse_expected(&read(root, EXPECTED)?)?;
    let named: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    let caught: BTreeSet<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let missing: Vec<_> = named.difference(&caught).collect();
    let unknown: Vec<_> = caught.difference(&named).collect();
    ensure!(missing.is_empty(), "nobody is said to catch {missing:?}: add a line to {EXPECTED}");
    ensure!(unknown.is_empty(), "{EXPECTED} speaks of {unknown:?}, which {NAMES} does not name");
    Ok(rows)
}

fn read(root: &Path, path: &str) -> anyhow::Result<String> {
    fs::read_to_string(root.join(path)).with_context(|| path.to_owned())
}

/// Reads what stands between `mutants! {` and its end: doc lines, and the name they speak of.
fn parse_names(text: &str) -> Vec<Mutant> {
    let body = text.split_once("\nmutants! {\n").map_or("", |(_, rest)| rest);
    let body = body.split_once("\n}").map_or(body, |(body, _)| body);
    let (mut found, mut what) = (Vec::new(), String::new());
    for line in body.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            what = format!("{what} {}", doc.trim()).trim().to_owned();
        } else if let Some(name) = line.strip_suffix(',').filter(|name| name.chars().all(char::is_alphanumeric)) {
            found.push(Mutant { name: name.to_owned(), what: std::mem::take(&mut what) });
        }
    }
    found
}

fn parse_expected(text: &str) -> anyhow::Result<Vec<(String, Test)>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let row = (words.next(), words.next().and_then(|place| place.split_once('/')), words.next(), words.next());
            let (Some(name), Some((package, target)), Some(path), None) = row else {
                anyhow::bail!("{EXPECTED}: a line is `Mutant package/target test::path`, not `{line}`");
            };
            let test = Test { package: package.to_owned(), target: target.to_owned(), path: path.to_owned() };
            Ok((name.to_owned(), test))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_what_is_wrong() {
        let text = "macro_rules! mutants { ($($name:ident,)+) => {} }\n\nmutants! {\n    // Of one sort.\n    /// One thing\n    \
                    /// is wrong.\n    One,\n\n    /// Another.\n    Two,\n}\n\nfn other() {}\n";
        let mutant = |name: &str, what: &str| Mutant { name: name.into(), what: what.into() };
        assert_eq!(parse_names(text), [mutant("One", "One thing is wrong."), mutant("Two", "Another.")]);
        assert!(parse_names("nothing").is_empty());
    }

    #[test]
    fn the_table_has_three_words_a_line() {
        let rows = parse_expected("# heading\n\nOne wharf-e2e/it a::b\nOne wharf-blob/it c\n").unwrap();
        let said: Vec<String> = rows.iter().map(|(name, test)| format!("{name}: {test}")).collect();
        assert_eq!(said, ["One: wharf-e2e/it a::b", "One: wharf-blob/it c"]);
        for bad in ["One", "One it a::b", "One wharf-e2e/it", "One wharf-e2e/it a b"] {
            assert!(parse_expected(bad).is_err(), "{bad}");
        }
    }
}
