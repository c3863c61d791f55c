//! Reads a local checkout of the RustSec advisory database: `crates/PACKAGE/ID.md`, each opening with a fenced block of
//! TOML. It never fetches anything.

use std::{fs, path::Path};

use anyhow::{Context, ensure};
use cargo_metadata::semver::VersionReq;
use serde::Deserialize;

use crate::audit::Dependency;

/// What the database says about our dependencies.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) read: usize,
    pub(crate) vulnerable: Vec<String>,
    /// Unmaintained, unsound and the like: to be read, not to stop the run.
    pub(crate) notes: Vec<String>,
}

// The format belongs to RustSec and grows; only what decides is read, unknown keys are theirs to add.
#[derive(Deserialize)]
struct Record {
    advisory: Advisory,
    versions: Ranges,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    package: String,
    withdrawn: Option<String>,
    informational: Option<String>,
}

#[derive(Deserialize)]
struct Ranges {
    #[serde(default)]
    patched: Vec<VersionReq>,
    #[serde(default)]
    unaffected: Vec<VersionReq>,
}

pub(crate) fn check(database: &Path, dependencies: &[Dependency]) -> anyhow::Result<Findings> {
    let crates = database.join("crates");
    let mut findings = Findings::default();
    for package in fs::read_dir(&crates).with_context(|| format!("{} is no advisory database", crates.display()))? {
        let package = package?.path();
        if !package.is_dir() {
            continue;
        }
        for file in fs::read_dir(&package)? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
                let record = parse(&text).with_context(|| file.display().to_string())?;
                findings.read += 1;
                judge(&record, dependencies, &mut findings);
            }
        }
    }
    ensure!(findings.read > 0, "no advisory found below {}: is the checkout complete?", crates.display());
    Ok(findings)
}

fn parse(text: &str) -> anyhow::Result<Record> {
    let block = text.trim_start().strip_prefix("```toml").context("does not open with a block of TOML")?;
    let (front, _) = block.split_once("\n```").context("its block of TOML has no end")?;
    Ok(toml::from_str(front)?)
}

fn judge(record: &Record, dependencies: &[Dependency], findings: &mut Findings) {
    let Record { advisory, versions } = record;
    if advisory.withdrawn.is_some() {
        return;
    }
    for dependency in dependencies.iter().filter(|dependency| dependency.name == advisory.package) {
        let safe = |ranges: &[VersionReq]| ranges.iter().any(|range| range.matches(&dependency.version));
        if safe(&versions.patched) || safe(&versions.unaffected) {
            continue;
        }
        let fixed: Vec<String> = versions.patched.iter().map(ToString::to_string).collect();
        let remedy =
            if fixed.is_empty() { "no fixed version".to_owned() } else { format!("fixed in {}", fixed.join(" or ")) };
        let line = format!("{} {}: {} ({remedy})", dependency.name, dependency.version, advisory.id);
        match &advisory.informational {
            Some(kind) => findings.notes.push(format!("{line}, {kind}")),
            None => findings.vulnerable.push(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::dependency;

    const ADVISORY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2000-0001\"\npackage = \"frail\"\ndate = \"2000-01-01\"\n\
        EXTRA\n[versions]\npatched = [\">= 1.2.3\", \"^0.9.5\"]\nunaffected = [\"< 0.5.0\"]\n```\n\n# Frail\n\nIt breaks.\n";

    fn found(extra: &str, version: &str) -> Findings {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("crates/frail");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("RUSTSEC-2000-0001.md"), ADVISORY.replace("EXTRA", extra)).unwrap();
        check(root.path(), &[dependency("frail", version, "MIT"), dependency("sturdy", version, "MIT")]).unwrap()
    }

    #[test]
    fn only_affected_versions_are_reported() {
        for (version, vulnerable) in
            [("1.2.2", true), ("0.9.4", true), ("0.5.0", true), ("1.2.3", false), ("0.9.5", false), ("0.4.9", false)]
        {
            let findings = found("", version);
            assert_eq!((findings.read, findings.vulnerable.len()), (1, usize::from(vulnerable)), "{version}");
        }
        assert!(found("", "1.0.0").vulnerable[0].contains("RUSTSEC-2000-0001 (fixed in >=1.2.3 or ^0.9.5)"));
    }

    #[test]
    fn withdrawn_and_informational_advisories_do_not_fail() {
        assert!(found("withdrawn = \"2001-01-01\"", "1.0.0").vulnerable.is_empty());
        let note = found("informational = \"unmaintained\"", "1.0.0");
        assert_eq!((note.vulnerable.len(), note.notes.len()), (0, 1));
    }

    #[test]
    fn a_folder_without_advisories_is_an_error_not_a_clean_bill() {
        let root = tempfile::tempdir().unwrap();
        assert!(check(root.path(), &[]).is_err());
        fs::create_dir(root.path().join("crates")).unwrap();
        assert!(check(root.path(), &[]).is_err());
    }
}
