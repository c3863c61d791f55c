//! What we build on: licences, sources, banned crates, doubled crates, known advisories.
//!
//! It judges the packages cargo would build for some target with any of our features, those that are off included: whoever
//! switches one on builds on them as well. Not everything Cargo.lock names: the lock also lists what others could switch on.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, bail};
use cargo_metadata::{CargoOpt, MetadataCommand, semver::Version};
use spdx::{Expression, Licensee, ParseMode};

use crate::advisories;

/// Licences that ask for no more than a notice.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

const BANNED: &[(&str, &str)] = &[
    ("aws-lc-rs", "the one TLS provider is ring: two of them panic at start, and this one builds ten times longer"),
    ("aws-lc-sys", "the one TLS provider is ring: two of them panic at start, and this one builds ten times longer"),
    ("native-tls", "TLS is rustls with ring; the system's library would make builds depend on the machine"),
    ("openssl", "TLS is rustls with ring; the system's library would make builds depend on the machine"),
    ("openssl-sys", "TLS is rustls with ring; the system's library would make builds depend on the machine"),
];

/// Two versions of these in one process do not see each other's runtime, connections or types.
const SINGLE: &[&str] = &["actix-http", "actix-rt", "actix-web", "ring", "rustls", "sqlx", "sqlx-core", "tokio"];

/// A dependency as far as the rules look at it.
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) version: Version,
    licence: Option<String>,
    /// `None` for our own packages.
    source: Option<Source>,
}

enum Source {
    CratesIo,
    Other(String),
}

pub(crate) fn run(advisory_db: Option<&Path>) -> anyhow::Result<()> {
    let metadata = MetadataCommand::new()
        .features(CargoOpt::AllFeatures)
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .context("cargo metadata --all-features --locked")?;
    let ours: Vec<_> = metadata.workspace_members.iter().collect();
    let dependencies: Vec<Dependency> = metadata
        .packages
        .iter()
        .map(|package| Dependency {
            name: package.name.to_string(),
            version: package.version.clone(),
            licence: package.license.clone(),
            source: match &package.source {
                Some(source) if source.is_crates_io() => Some(Source::CratesIo),
                Some(source) => Some(Source::Other(source.repr.clone())),
                None if ours.contains(&&package.id) => None,
                None => Some(Source::Other(package.manifest_path.to_string())),
            },
        })
        .collect();
    let mut wrong = objections(&dependencies)?;
    let foreign = dependencies.iter().filter(|dependency| dependency.source.is_some()).count();
    println!("{foreign} packages of others: licences, sources, banned and doubled crates checked");
    match advisory_db {
        Some(dir) => {
            let found = advisories::check(dir, &dependencies)?;
            println!("{} advisories read from {}", found.read, dir.display());
            for note in &found.notes {
                println!("  note: {note}");
            }
            wrong.extend(found.vulnerable);
        }
        None => println!(
            "advisories NOT checked: clone the RustSec advisory-db, then set WHARF_ADVISORY_DB (or --advisories) to its folder"
        ),
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{} objections:\n  {}", wrong.len(), wrong.join("\n  "))
}

fn objections(dependencies: &[Dependency]) -> anyhow::Result<Vec<String>> {
    let allowed = LICENCES
        .iter()
        .map(|text| Licensee::parse(text).with_context(|| format!("in the list of licences: {text}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut wrong = Vec::new();
    let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for dependency in dependencies {
        let Dependency { name, version, .. } = dependency;
        if let Some(text) = licence_objection(dependency, &allowed) {
            wrong.push(format!("{name} {version}: {text}"));
        }
        if let Some(Source::Other(place)) = &dependency.source {
            wrong.push(format!("{name} {version}: comes from {place}; packages come from crates.io alone"));
        }
        if let Some((_, why)) = BANNED.iter().find(|(banned, _)| banned == name) {
            wrong.push(format!("{name} {version}: {why}; `cargo tree -i {name} --target all` shows who wants it"));
        }
        if SINGLE.contains(&name.as_str()) {
            versions.entry(name).or_default().push(version.to_string());
        }
    }
    for (name, found) in versions {
        if found.len() > 1 {
            wrong.push(format!("{name}: versions {} together; there must be one", found.join(" and ")));
        }
    }
    Ok(wrong)
}

fn licence_objection(dependency: &Dependency, allowed: &[Licensee]) -> Option<String> {
    let Some(text) = &dependency.licence else {
        return Some("names no licence".to_owned());
    };
    match Expression::parse_mode(text, ParseMode::LAX) {
        Ok(expression) => (!expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted))))
            .then(|| format!("licence `{text}` is not among those we accept: {}", LICENCES.join(", "))),
        Err(error) => Some(format!("licence `{text}` is not an SPDX expression: {}", error.reason)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn dependency(name: &str, version: &str, licence: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            version: Version::parse(version).unwrap(),
            licence: Some(licence.to_owned()),
            source: Some(Source::CratesIo),
        }
    }

    fn judged(dependency: Dependency) -> String {
        objections(&[dependency]).unwrap().join("\n")
    }

    #[test]
    fn usual_licences_pass() {
        for licence in
            ["MIT OR Apache-2.0", "MIT/Apache-2.0", "Apache-2.0 AND ISC", "GPL-3.0-only OR MIT", "Unicode-3.0"]
        {
            assert_eq!(judged(dependency("fine", "1.0.0", licence)), "", "{licence}");
        }
    }

    #[test]
    fn other_licences_are_refused() {
        for licence in ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "Proprietary"] {
            assert!(judged(dependency("odd", "1.0.0", licence)).starts_with("odd 1.0.0: licence"), "{licence}");
        }
        let unlicensed = Dependency { licence: None, ..dependency("odd", "1.0.0", "MIT") };
        assert!(judged(unlicensed).contains("names no licence"));
    }

    #[test]
    fn other_sources_are_refused() {
        let source = Some(Source::Other("git+ssh://example/odd".to_owned()));
        assert!(judged(Dependency { source, ..dependency("odd", "1.0.0", "MIT") }).contains("crates.io alone"));
    }

    #[test]
    fn banned_and_doubled_crates_are_refused() {
        assert!(judged(dependency("openssl-sys", "0.9.0", "MIT")).contains("rustls"));
        let twice = [dependency("tokio", "1.0.0", "MIT"), dependency("tokio", "0.2.0", "MIT")];
        assert!(objections(&twice).unwrap().join("\n").contains("1.0.0 and 0.2.0"));
        let harmless = [dependency("syn", "1.0.0", "MIT"), dependency("syn", "2.0.0", "MIT")];
        assert!(objections(&harmless).unwrap().is_empty());
    }
}
