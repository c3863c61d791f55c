//! One thing that must hold for each test, in the smallest installation that shows it.
//!
//! The other modules cross everything with everything, and take their time. These are quick enough to be run for every
//! mutant (`cargo run -p xtask -- mutants`), and say at once which promise is broken.

mod credentials;
mod files;
mod index;
mod publish;
mod refusals;
mod search;
mod tenants;

use serde_json::json;
use wharf_testkit::{CrateFixture, Org, Token};

/// Publishes these versions of a crate.
async fn publish(org: &Org, name: &str, versions: &[&str]) {
    for version in versions {
        let _published = org.owner.publish(&CrateFixture::new(name, version)).await.expect(200);
    }
}

/// An entitlement in `private` of one rule.
async fn entitle(org: &Org, name: &str, rule: serde_json::Value) -> Token {
    org.entitle("private", name, &json!({ "rules": [rule] })).await
}

/// The versions in an index file, in its order; none when there is no such file.
async fn listed(reader: &Token, name: &str) -> Vec<String> {
    let answer = reader.index(name).await;
    if answer.status == 404 {
        return Vec::new();
    }
    let version = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["vers"].clone();
    answer.expect(200).text().lines().map(|line| version(line).as_str().unwrap().to_owned()).collect()
}
