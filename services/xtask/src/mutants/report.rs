//! Says what was found: a line while it runs, a report below `target/`, and the page in `docs/` that names who catches what.

use std::{
    fmt::{self, Write},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

use super::{
    run::{End, Outcome},
    table::{Mutant, Test},
};

const DOCS: &str = "docs/reference/mutants.md";
const BEGIN: &str = "<!-- mutants: begin -->\n";
const END: &str = "<!-- mutants: end -->\n";

/// A mutant and what the tests made of it.
pub(crate) struct Row {
    mutant: Mutant,
    all: bool,
    outcomes: Vec<Outcome>,
}

impl Row {
    pub(crate) fn new(mutant: &Mutant, all: bool, outcomes: Vec<Outcome>) -> Self {
        Self { mutant: mutant.clone(), all, outcomes }
    }

    fn catches(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.caught())
    }

    /// Of tests chosen to catch it each has to; of all there are, one.
    pub(crate) fn is_caught(&self) -> bool {
        if self.all { self.catches().next().is_some() } else { self.outcomes.iter().all(Outcome::caught) }
    }

    /// What went wrong, for a mutant that is not caught.
    pub(crate) fn explained(&self) -> String {
        let mut text = format!("{}: {}", self.mutant.name, self.mutant.what);
        for outcome in self.outcomes.iter().filter(|outcome| !outcome.caught() && (!self.all || !outcome.passed())) {
            text = format!("{text}\n{}", outcome.explained());
        }
        text
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.outcomes.iter().map(|outcome| outcome.after).max().unwrap_or_default();
        let tests: Vec<&str> = self.catches().map(|outcome| outcome.test.path.as_str()).collect();
        match (self.is_caught(), &tests[..]) {
            (false, _) => write!(f, "{} NOT CAUGHT", self.mutant.name)?,
            (true, [one, two, more @ ..]) if !more.is_empty() => {
                write!(f, "{} caught by {one}, {two} and {} more", self.mutant.name, more.len())?;
            }
            (true, tests) => write!(f, "{} caught by {}", self.mutant.name, tests.join(", "))?,
        }
        write!(f, " ({:.1} s)", after.as_secs_f64())
    }
}

/// Writes the report of a run; tells where.
pub(crate) fn write(target: &Path, rows: &[Row]) -> anyhow::Result<PathBuf> {
    let mut text = String::from("| mutant | what is wrong | caught by | after |\n|---|---|---|---|\n");
    for row in rows {
        let caught: Vec<String> = row
            .outcomes
            .iter()
            .filter_map(|outcome| match &outcome.end {
                End::Caught(how) => Some(format!("`{}` at {}", outcome.test, how.replace('|', "\\|"))),
                End::Passed | End::Lost(_) => None,
            })
            .collect();
        let after = row.outcomes.iter().map(|outcome| outcome.after).max().unwrap_or_default();
        let caught = if caught.is_empty() { "**nobody**".to_owned() } else { caught.join("<br>") };
        writeln!(text, "| {} | {} | {caught} | {:.1} s |", row.mutant.name, row.mutant.what, after.as_secs_f64())?;
    }
    let path = target.join("mutants.md");
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Compares the page in `docs/` with the table; `WHARF_REVIEW=1` writes it anew.
pub(crate) fn compare_docs(root: &Path, mutants: &[Mutant], expected: &[(String, Test)]) -> anyhow::Result<()> {
    let path = root.join(DOCS);
    let page = fs::read_to_string(&path).context(DOCS)?;
    let fresh = with_table(&page, &table(mutants, expected)).with_context(|| format!("{DOCS} has no marks"))?;
    if std::env::var_os("WHARF_REVIEW").is_some() {
        fs::write(&path, &fresh).context(DOCS)?;
    } else {
        ensure!(page == fresh, "{DOCS} is out of date; run with WHARF_REVIEW=1 and review the difference");
    }
    Ok(())
}

fn table(mutants: &[Mutant], expected: &[(String, Test)]) -> String {
    let mut text = String::from("| mutant | what is wrong | caught by |\n|---|---|---|\n");
    for mutant in mutants {
        let tests: Vec<String> =
            expected.iter().filter(|(name, _)| *name == mutant.name).map(|(_, test)| format!("`{test}`")).collect();
        text += &format!("| `{}` | {} | {} |\n", mutant.name, mutant.what, tests.join("<br>"));
    }
    text
}

fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_between_its_marks() {
        let mutant = Mutant { name: "One".into(), what: "It is wrong.".into() };
        let test = Test { package: "wharf-e2e".into(), target: "it".into(), path: "a::b".into() };
        let table = table(&[mutant], &[("One".into(), test)]);
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let fresh = with_table(&page, &table).unwrap();
        assert!(fresh.contains("| `One` | It is wrong. | `wharf-e2e/it a::b` |\n"), "{fresh}");
        assert!(fresh.starts_with("before\n") && fresh.ends_with("after\n") && !fresh.contains("old"));
        assert_eq!(with_table(&fresh, &table).unwrap(), fresh);
        assert!(with_table("no marks", &table).is_none());
    }
}
