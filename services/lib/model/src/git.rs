//! What cargo asks by git: one commit, whose tree is the index.

use crate::legacy::git_config;
use crate::request::{Place, Who};
use crate::rights::Principal;
use crate::state::{Model, Registry};
use crate::{Answer, Refusal, ok};
use serde_json::{Map, Value};

/// What refuses a member's token.
const MEMBERS_STAY_OUT: Refusal = Refusal::Forbidden("git_takes_entitlements");

/// Where the index file of a crate lies.
fn path(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.len() {
        length @ (1 | 2) => format!("{length}/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

/// Whether the git index takes this credential: a public one anybody's and none, a private one the tokens of entitlements, and those
/// of members if it is told to.
pub(crate) fn takes(registry: &Registry, reader: Option<&Principal>) -> bool {
    registry.public || registry.git_personal_keys || reader.is_some_and(|principal| principal.role().is_none())
}

impl Model {
    /// The files: those that the sparse index has for the same reader, and `config.json`.
    pub(crate) fn tree(&self, who: &Who, place: &Place) -> Answer {
        let (registry, reader) = self.reader(who, place)?;
        if !takes(registry, reader.as_ref()) {
            return Err(MEMBERS_STAY_OUT);
        }
        let mut files = Map::from_iter([("config.json".to_owned(), git_config(place, registry, reader.as_ref()))]);
        for krate in registry.crates.values() {
            match self.index_file(who, place, &krate.name) {
                Ok((_, lines)) => drop(files.insert(path(&krate.name), lines)),
                Err(Refusal::Absent) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        ok(Value::Object(files))
    }
}
