//! Downloads by old cargo, which sends no credential with them: the registry switch that puts one into the address.

use crate::cargo::{file, sparse_config};
use crate::git::takes;
use crate::request::{Place, Who};
use crate::rights::Principal;
use crate::state::{Model, Registry};
use crate::{Answer, Refusal};
use serde_json::Value;

/// One refusal for every credential that opens nothing here, and for every registry that hands out none.
const REFUSED: Refusal = Refusal::Forbidden("download_address_refused");

/// `config.json` as the git index holds it for a reader it takes: while the switch is on, in a registry that has something to
/// keep, with the credential made for the reader's token here, and then without asking for the token itself.
pub(crate) fn git_config(place: &Place, registry: &Registry, reader: Option<&Principal>) -> Value {
    let mut config = sparse_config(place, registry);
    if let Some(reader) = reader.filter(|_| registry.legacy_git_downloads && !registry.public) {
        config["dl"] = format!("[download]/{place}/legacy/[{}]", reader.token).into();
        config.as_object_mut().expect("an object was written").remove("auth-required");
    }
    config
}

impl Model {
    /// The way to a file for whoever holds the address that was made for a token in some registry. Who asks has no part in it,
    /// only where from: it opens what the token would, where and as long as the git index would take it.
    pub(crate) fn legacy_download(
        &self,
        who: &Who,
        place: &Place,
        token: &str,
        made_for: &Place,
        (name, number): (&str, &str),
    ) -> Answer {
        let registry = self.find(place).filter(|_| place == made_for).ok_or(REFUSED)?;
        let holder = self.bearer(token, who.from).filter(|holder| holder.org == place.org).ok_or(REFUSED)?;
        if !registry.legacy_git_downloads || !takes(registry, Some(&holder)) {
            return Err(REFUSED);
        }
        if !registry.public && !holder.sees_something_of(place) {
            return Err(Refusal::Absent);
        }
        file(registry, Some(&holder), place, name, number)
    }
}
