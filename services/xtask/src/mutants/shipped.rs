//! Looks into the program that ships: there must be no hole in it, nor the name of one.

use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use super::{
    binaries::{Binaries, cargo},
    table::{Mutant, moments},
};

/// By what mutants and moments are asked for.
const SWITCHES: [&str; 2] = ["WHARF_MUTANT", "WHARF_DIE_AT"];
/// The test binary that is sure to hold them all.
const ARMED: (&str, &str) = ("wharf-e2e", "it");

/// Builds the program as it ships and searches it for every name; then the armed tests, where all must be found.
pub(crate) fn check(root: &Path, target: &Path, mutants: &[Mutant], armed: &Binaries) -> anyhow::Result<()> {
    let build = ["build", "--workspace", "--bin", "wharf", "--locked", "--quiet"];
    let status = Command::new(cargo()).args(build).current_dir(root).status().context("running cargo build")?;
    ensure!(status.success(), "the program does not build");
    let moments = moments(root)?;
    let names: BTreeSet<&str> = SWITCHES
        .into_iter()
        .chain(moments.iter().map(String::as_str))
        .chain(mutants.iter().map(|mutant| mutant.name.as_str()))
        .collect();

    let found = search(&target.join("debug/wharf"), &names)?;
    ensure!(found.is_empty(), "the program that ships knows of {found:?}");
    let found = search(&armed.get(ARMED.0, ARMED.1)?.executable, &names)?;
    let missing: Vec<_> = names.iter().filter(|name| !found.contains(**name)).collect();
    ensure!(missing.is_empty(), "the tests with mutants alive do not know of {missing:?}");
    println!("the program that ships holds none of {} names", names.len());
    Ok(())
}

/// Which of these names stand in a file.
fn search(file: &Path, names: &BTreeSet<&str>) -> anyhow::Result<BTreeSet<String>> {
    ensure!(file.is_file(), "{} is not there", file.display());
    let mut grep = Command::new("grep")
        .args(["--text", "--only-matching", "--fixed-strings", "--file=-"])
        .arg(file)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("running grep")?;
    let list: String = names.iter().map(|name| format!("{name}\n")).collect();
    grep.stdin.take().context("the input of grep")?.write_all(list.as_bytes())?;
    let output = grep.wait_with_output()?;
    // Grep says 1 when it finds nothing, and more when it could not search.
    ensure!(matches!(output.status.code(), Some(0 | 1)), "grep could not search {}", file.display());
    Ok(String::from_utf8(output.stdout).context("what grep found")?.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("program");
        std::fs::write(&file, b"\0\xffOneTwo\0xThree: four\n").unwrap();
        let found = search(&file, &BTreeSet::from(["One", "Two", "Three: four", "Five"])).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["One", "Three: four", "Two"]);
        assert!(search(&file, &BTreeSet::from(["Five"])).unwrap().is_empty());
        assert!(search(&folder.path().join("absent"), &BTreeSet::from(["One"])).is_err());
    }
}
