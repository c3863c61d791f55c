//! A publish that passed every check that can be made without knowing the registry's content.
//!
//! Never decides who may publish, whether a version exists, or whether a registry is allowed as a source.

use crate::archive::{Archive, PublishLimits};
use crate::dependency::{Dependency, OwnIndexUrls};
use crate::error::PublishError;
use crate::index_line::{IndexDependency, IndexLine};
use crate::manifest::Manifest;
use crate::metadata::PublishMetadata;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use wharf_domain::{CrateName, CrateVersion, Timestamp};

/// What is to be stored about a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Name: the one value that authorisation, storage and audit go by.
    pub name: CrateName,
    /// Version.
    pub version: CrateVersion,
    /// Dependencies, from `Cargo.toml`, with the registry each comes from.
    pub deps: Vec<Dependency>,
    /// Features, from `Cargo.toml`.
    pub features: BTreeMap<String, Vec<String>>,
    /// Native library, from `Cargo.toml`.
    pub links: Option<String>,
    /// Minimum Rust version, from `Cargo.toml`.
    pub rust_version: Option<String>,
    /// SHA-256 of the archive.
    pub cksum: [u8; 32],
    /// Size of the archive.
    pub archive_bytes: u64,
    /// Sum of the sizes of its files.
    pub unpacked_bytes: u64,
    /// Number of its files.
    pub file_count: usize,
    /// Text for people: description, readme, addresses, keywords.
    pub metadata: PublishMetadata,
}

impl Submission {
    /// Checks the archive and that it says what the JSON head says.
    ///
    /// Authorise on `metadata.name` before: inflating costs more than anything that came before it.
    pub fn check(
        metadata: PublishMetadata,
        archive: &[u8],
        own: &OwnIndexUrls,
        limits: &PublishLimits,
    ) -> Result<Self, PublishError> {
        let inspected = Archive::inspect(archive, &metadata.name, &metadata.version, limits)?;
        let manifest = Manifest::parse(&inspected.manifest, own)?;
        let agree = |what, metadata: String, manifest: &str| {
            if metadata == manifest {
                return Ok(());
            }
            Err(PublishError::Mismatch { what, metadata, manifest: crate::dependency::shorten(manifest) })
        };
        wharf_trial::mutant!(JsonNameTrusted => (); agree("name", metadata.name.to_string(), &manifest.name)?);
        agree("version", metadata.version.to_string(), &manifest.version)?;
        let uploaded = metadata.dependencies(own)?;
        let deps = wharf_trial::mutant!(DependenciesFromJson => uploaded.clone(); manifest.deps);
        if let Some(alias) = difference(&uploaded, &deps) {
            return Err(PublishError::DependenciesDiffer(alias));
        }
        Ok(Self {
            name: metadata.name.clone(),
            version: metadata.version.clone(),
            deps,
            features: manifest.features,
            links: manifest.links,
            rust_version: manifest.rust_version,
            cksum: Sha256::digest(archive).into(),
            archive_bytes: archive.len() as u64,
            unpacked_bytes: inspected.unpacked_bytes,
            file_count: inspected.file_count,
            metadata,
        })
    }

    /// The line that enters the index, for a version published at `at`.
    #[must_use]
    pub fn index_line(&self, at: Timestamp) -> IndexLine {
        let (features, features2, v) = IndexLine::split_features(self.features.clone());
        IndexLine {
            name: self.name.to_string(),
            vers: self.version.to_string(),
            deps: self.deps.iter().map(IndexDependency::from).collect(),
            cksum: hex::encode(self.cksum),
            features,
            features2,
            v,
            links: self.links.clone(),
            rust_version: self.rust_version.clone(),
            pubtime: Some(at.pubtime()),
            yanked: false,
        }
    }
}

/// The name of one dependency that only one side has, or that the sides describe differently.
fn difference(uploaded: &[Dependency], packaged: &[Dependency]) -> Option<String> {
    let sorted = |deps: &[Dependency]| {
        let mut deps: Vec<Dependency> = deps.iter().map(Dependency::meaning).collect();
        deps.sort_unstable();
        deps
    };
    let (uploaded, packaged) = (sorted(uploaded), sorted(packaged));
    let differs = uploaded.iter().zip(&packaged).position(|(a, b)| a != b);
    let at = differs.or((uploaded.len() != packaged.len()).then(|| uploaded.len().min(packaged.len())))?;
    // The lists are sorted alike: at the first difference, the smaller entry is the one the other side lacks.
    uploaded.get(at).into_iter().chain(packaged.get(at)).min().map(|dependency| dependency.alias.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FaultKind;
    use crate::testing::{metadata, package};
    use serde_json::{Value, json};

    const OWN: &str = "sparse+https://index.test/acme/private/";

    fn manifest() -> String {
        format!(
            r#"[package]
name = "Foo_Bar"
version = "1.0.0+b.1"
links = "z"
rust-version = "1.70"
[dependencies.sd]
version = "1.0"
features = ["derive", "rc"]
optional = true
default-features = false
package = "serde"
[dependencies.own]
version = "1"
registry-index = "{OWN}"
[target.'cfg(target_os="linux")'.build-dependencies.cc]
version = ">= 1, <2"
[dev-dependencies.other]
version = "*"
registry-index = "sparse+https://other.test/i/"
[features]
default = []
sd = ["dep:sd"]
"#
        )
    }

    fn head() -> Value {
        let mut value = metadata("Foo_Bar", "1.0.0+b.1");
        value["deps"] = json!([
            {"name": "other", "version_req": "*", "features": [], "optional": false, "default_features": true,
             "target": null, "kind": "dev", "registry": "sparse+https://other.test/i/"},
            {"name": "serde", "version_req": "^1.0", "features": ["rc", "derive"], "optional": true, "default_features": false,
             "target": null, "kind": "normal", "registry": crates_index::git::URL, "explicit_name_in_toml": "sd"},
            {"name": "own", "version_req": "^1", "features": [], "optional": false, "default_features": true,
             "target": null, "kind": "normal"},
            {"name": "cc", "version_req": ">=1, <2", "features": [], "optional": false, "default_features": true,
             "target": "cfg(target_os = \"linux\")", "kind": "build", "registry": crates_index::git::URL},
        ]);
        value
    }

    fn check(head: &Value, manifest: &str) -> Result<Submission, PublishError> {
        let metadata = PublishMetadata::parse(head.to_string().as_bytes())?;
        let archive = package("Foo_Bar", "1.0.0+b.1", manifest, &[("src/lib.rs", b"//")]);
        Submission::check(metadata, &archive, &OwnIndexUrls::new([OWN]), &PublishLimits::default())
    }

    #[test]
    fn an_honest_upload_becomes_a_line_the_client_reads() {
        let submission = check(&head(), &manifest()).unwrap();
        assert_eq!(submission.file_count, 2);
        let line = submission.index_line(Timestamp::from_unix(1_000_000_000)).render();
        let version: crates_index::Version = serde_json::from_str(&line).unwrap();
        assert_eq!((version.name(), version.version()), ("Foo_Bar", "1.0.0+b.1"));
        assert_eq!((version.pubtime(), version.is_yanked()), (Some("2001-09-09T01:46:40Z"), false));
        assert_eq!((version.links(), version.rust_version()), (Some("z"), Some("1.70")));
        assert_eq!(*version.checksum(), submission.cksum);
        let deps: Vec<_> = version
            .dependencies()
            .iter()
            .map(|d| {
                format!(
                    "{}={} {} {:?} {:?} {:?}",
                    d.name(),
                    d.crate_name(),
                    d.requirement(),
                    d.kind(),
                    d.target(),
                    d.registry()
                )
            })
            .collect();
        assert_eq!(
            deps,
            [
                "own=own ^1 Normal None None".to_owned(),
                format!("sd=serde ^1.0 Normal None Some({:?})", crates_index::git::URL),
                "other=other * Dev None Some(\"sparse+https://other.test/i/\")".to_owned(),
                format!(
                    "cc=cc >=1, <2 Build Some(\"cfg(target_os = \\\"linux\\\")\") Some({:?})",
                    crates_index::git::URL
                ),
            ]
        );
        assert!(line.contains(r#""features2":{"sd":["dep:sd"]},"v":2"#), "{line}");
    }

    #[test]
    fn own_address_in_the_head_means_this_registry() {
        let mut head = head();
        head["deps"][2]["registry"] = json!("https://index.test/acme/private");
        assert_eq!(check(&head, &manifest()).unwrap().deps, check(&self::head(), &manifest()).unwrap().deps);
    }

    #[test]
    fn name_and_version_have_to_agree() {
        for (from, to, what) in [("\"Foo_Bar\"", "\"foo-bar\"", "name"), ("+b.1\"", "+b.2\"", "version")] {
            match check(&head(), &manifest().replacen(from, to, 1)) {
                Err(PublishError::Mismatch { what: found, .. }) => assert_eq!(found, what),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(
            check(&metadata("Foo_Bar", "2.0.0"), &manifest()),
            Err(PublishError::Archive(crate::archive::ArchiveError::Path { .. }))
        ));
    }

    #[test]
    fn every_difference_between_the_dependency_sets_is_found() {
        type Change = (fn(&mut Value), &'static str);
        let changes: &[Change] = &[
            (|deps| deps[1]["version_req"] = json!("^1.1"), "sd"),
            (|deps| deps[1]["features"] = json!(["rc"]), "sd"),
            (|deps| deps[1]["optional"] = json!(false), "sd"),
            (|deps| deps[1]["default_features"] = json!(true), "sd"),
            (|deps| deps[1]["name"] = json!("evil"), "sd"),
            (|deps| deps[2]["name"] = json!("mine"), "mine"),
            (|deps| deps[2]["registry"] = json!(crates_index::git::URL), "own"),
            (|deps| deps[1]["registry"] = Value::Null, "sd"),
            (|deps| deps[0]["registry"] = json!("sparse+https://evil.test/i/"), "other"),
            (|deps| deps[0]["kind"] = json!("normal"), "other"),
            (|deps| deps[3]["target"] = json!("cfg(unix)"), "cc"),
            (|deps| deps[3]["target"] = Value::Null, "cc"),
            (|deps| drop(deps.as_array_mut().unwrap().pop()), "cc"),
            (|deps| drop(deps.as_array_mut().unwrap().remove(0)), "other"),
            (
                |deps| {
                    let one = deps[2].clone();
                    deps.as_array_mut().unwrap().push(one);
                },
                "own",
            ),
        ];
        for (at, (change, alias)) in changes.iter().enumerate() {
            let mut head = head();
            change(&mut head["deps"]);
            assert_eq!(
                check(&head, &manifest()).unwrap_err(),
                PublishError::DependenciesDiffer((*alias).into()),
                "{at}"
            );
        }
    }

    #[test]
    fn kinds_of_refusal() {
        let metadata = PublishMetadata::parse(head().to_string().as_bytes()).unwrap();
        let archive = package("Foo_Bar", "1.0.0+b.1", &manifest(), &[("big", &[7; 4096])]);
        let limits = PublishLimits { unpacked_bytes: 4096, ..PublishLimits::default() };
        let error = Submission::check(metadata, &archive, &OwnIndexUrls::new([OWN]), &limits).unwrap_err();
        assert_eq!(error.kind(), FaultKind::TooLarge, "{error}");
        assert_eq!(check(&head(), "[package]").unwrap_err().kind(), FaultKind::Invalid);
    }
}
