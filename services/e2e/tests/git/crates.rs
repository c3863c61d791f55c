//! Crates to fill indexes with.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use wharf_testkit::chance::Chance;
use wharf_testkit::fixture::frame;
use wharf_testkit::{CrateFixture, Stack, Token};

/// A version to publish. Nothing in it depends on the address of the registry, so that it has the same bytes anywhere.
#[derive(Clone)]
pub(crate) struct Release {
    krate: CrateFixture,
    features: Vec<String>,
}

impl std::fmt::Debug for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.krate.name, self.krate.version)
    }
}

/// A version with a short index line.
pub(crate) fn slim(name: &str, version: &str) -> Release {
    Release { krate: CrateFixture::new(name, version), features: Vec::new() }
}

/// A version whose index line hardly gets shorter by compression: some 5 KB of names of features.
pub(crate) fn bulky(name: &str, version: &str, rng: &mut Chance) -> Release {
    Release { features: (0..150).map(|_| rng.word(50)).collect(), ..slim(name, version) }
}

impl Release {
    fn body(&self) -> Vec<u8> {
        let mut metadata = self.krate.metadata();
        let mut manifest = self.krate.manifest("") + "\n[features]\n";
        for feature in &self.features {
            metadata["features"][feature] = json!([]);
            manifest += &format!("{feature} = []\n");
        }
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, text) in [("Cargo.toml", manifest.as_str()), ("src/lib.rs", "")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            let path = format!("{}-{}/{path}", self.krate.name, self.krate.version);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        frame(metadata.to_string().as_bytes(), &tar.into_inner().unwrap().finish().unwrap())
    }
}

/// Publishes so many bulky crates that whoever sees them has a repository whose commits are worth remembering.
pub(crate) async fn publish_bulk(owner: &Token, prefix: &str, rng: &mut Chance) -> Vec<String> {
    let mut names = Vec::new();
    for number in 0..16 {
        let name = format!("{prefix}-{number:02}");
        publish(owner, &bulky(&name, "1.0.0", rng)).await;
        names.push(name);
    }
    names
}

pub(crate) async fn publish(owner: &Token, release: &Release) {
    let headers = [("accept", "application/json")];
    let _done = owner.client().send("PUT", &owner.crates_url("/new"), &headers, Some(release.body())).await.expect(200);
}

pub(crate) async fn set_yanked(owner: &Token, name: &str, version: &str, yanked: bool) {
    let (method, verb) = if yanked { ("DELETE", "yank") } else { ("PUT", "unyank") };
    let url = owner.crates_url(&format!("/{name}/{version}/{verb}"));
    let _done = owner.client().json(method, &url, &json!({})).await.expect(200);
}

/// A change as the yank of a crate's only version writes it, but for the word to the feed. In a stack with one registry.
pub(crate) async fn yank_unheard(stack: &Stack, name: &str) {
    let _done = sqlx::query(
        "with yanked as (
             select org_id, registry_id, crate_id, version_id
             from crate join version using (org_id, crate_id) where name = $1),
         line as (
             update index_line set line = replace(line, '\"yanked\":false', '\"yanked\":true')
             where version_id in (select version_id from yanked)),
         change as (
             insert into index_change (org_id, registry_id, seq, crate_id, version_id, kind, at)
             select org_id, registry_id, seq + 1, crate_id, version_id, 'yanked', '2026-06-01T12:00:00Z'
             from yanked join index_head using (org_id, registry_id))
         update index_head set seq = seq + 1",
    )
    .bind(name)
    .execute(&mut stack.setup.database.superuser().await)
    .await
    .unwrap();
}
