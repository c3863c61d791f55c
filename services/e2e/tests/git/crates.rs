//! Crates to fill indexes with.

use serde_json::json;
use wharf_testkit::chance::Chance;
use wharf_testkit::{CrateFixture, Token};

/// A crate whose index line hardly gets shorter by compression: some 5 KB of names of dependencies.
pub(crate) fn bulky(name: &str, version: &str, rng: &mut Chance) -> CrateFixture {
    (0..150).fold(CrateFixture::new(name, version), |krate, _| krate.dep(&rng.word(50), "1"))
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

pub(crate) async fn publish(owner: &Token, krate: &CrateFixture) {
    let _published = owner.publish(krate).await.expect(200);
}

pub(crate) async fn set_yanked(owner: &Token, name: &str, version: &str, yanked: bool) {
    let (method, verb) = if yanked { ("DELETE", "yank") } else { ("PUT", "unyank") };
    let url = owner.crates_url(&format!("/{name}/{version}/{verb}"));
    let _done = owner.client().json(method, &url, &json!({})).await.expect(200);
}
