//! Crates made in code: archives and publish bodies as cargo makes them, without running cargo.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A crate to publish.
#[derive(Clone, Debug)]
pub struct CrateFixture {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Dependencies: the JSON form of the publish request and the Cargo.toml form are both made from these.
    pub deps: Vec<(String, String)>,
    /// One line about it.
    pub description: String,
    /// What makes its bytes differ from another crate of the same name and version.
    pub salt: String,
}

impl CrateFixture {
    /// A crate without dependencies.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            deps: Vec::new(),
            description: format!("The {name} crate"),
            salt: String::new(),
        }
    }

    /// Depends on another crate of the same registry, whose index address is `index`.
    #[must_use]
    pub fn dep(mut self, name: &str, requirement: &str) -> Self {
        self.deps.push((name.to_owned(), requirement.to_owned()));
        self
    }

    /// Other bytes under the same name.
    #[must_use]
    pub fn salt(mut self, salt: &str) -> Self {
        salt.clone_into(&mut self.salt);
        self
    }

    /// Another description.
    #[must_use]
    pub fn describe(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    /// Its Cargo.toml, as cargo normalises it; `index` is the registry's own index address.
    #[must_use]
    pub fn manifest(&self, index: &str) -> String {
        let mut text = format!(
            "[package]\nedition = \"2021\"\nname = \"{}\"\nversion = \"{}\"\ndescription = {:?}\nlicense = \"MIT\"\n",
            self.name, self.version, self.description
        );
        for (name, requirement) in &self.deps {
            text += &format!("\n[dependencies.{name}]\nversion = \"{requirement}\"\nregistry-index = \"{index}\"\n");
        }
        text
    }

    /// Its `.crate` file.
    #[must_use]
    pub fn archive(&self, index: &str) -> Vec<u8> {
        let root = format!("{}-{}", self.name, self.version);
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let source = format!("pub const SALT: &str = {:?};\n", self.salt);
        for (path, text) in [("Cargo.toml", self.manifest(index)), ("src/lib.rs", source)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(1_153_704_088);
            tar.append_data(&mut header, format!("{root}/{path}"), text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    /// The JSON head of its publish request.
    #[must_use]
    pub fn metadata(&self) -> Value {
        let deps: Vec<Value> = self
            .deps
            .iter()
            .map(|(name, requirement)| {
                json!({
                    "name": name, "version_req": requirement, "features": [], "optional": false, "default_features": true,
                    "target": null, "kind": "normal",
                })
            })
            .collect();
        json!({
            "name": self.name, "vers": self.version, "deps": deps, "features": {}, "authors": [],
            "description": self.description, "documentation": null, "homepage": null, "readme": null, "readme_file": null,
            "keywords": [], "categories": [], "license": "MIT", "license_file": null, "repository": null, "badges": {},
            "links": null, "rust_version": null,
        })
    }

    /// The whole body of its publish request.
    #[must_use]
    pub fn body(&self, index: &str) -> Vec<u8> {
        frame(&self.metadata().to_string().into_bytes(), &self.archive(index))
    }

    /// SHA-256 of its `.crate` file in lower-case hexadecimal.
    #[must_use]
    pub fn cksum(&self, index: &str) -> String {
        hex::encode(Sha256::digest(self.archive(index)))
    }
}

/// Frames a JSON head and an archive as cargo does.
#[must_use]
pub fn frame(metadata: &[u8], archive: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(metadata.len() + archive.len() + 8);
    for part in [metadata, archive] {
        body.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
        body.extend_from_slice(part);
    }
    body
}
