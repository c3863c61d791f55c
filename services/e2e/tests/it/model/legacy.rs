//! The addresses that old cargo downloads from, with credentials in them.

use super::driver::Driver;
use wharf_model::Place;

impl Driver<'_> {
    /// The credential made for a token in a registry, whether it was handed out or not; `None` when there is no such registry.
    pub(super) async fn credential(&mut self, made_for: &Place, token: &str) -> Option<String> {
        let key = (made_for.to_string(), token.to_owned());
        if let Some(known) = self.addresses.get(&key) {
            return Some(known.clone());
        }
        let (org, id) = (self.real(&made_for.org), self.token_id(token));
        let found = self.stack.setup.legacy_credential_of(&org, &made_for.registry, id).await?;
        // What is nobody's now may be somebody's later.
        if self.is_known(token) {
            self.addresses.insert(key, found.clone());
        }
        Some(found)
    }

    /// `config.json` of a git index, with the reader's handle for the credential that was made for it.
    pub(super) async fn git_config(&mut self, text: &str, place: &Place, reader: Option<&str>) -> String {
        match reader {
            Some(token) if text.contains("/legacy/") => {
                let own = self.credential(place, token).await.expect("a registry that answered");
                text.replace(&own, &format!("[{token}]"))
            }
            _ => text.to_owned(),
        }
    }

    pub(super) fn legacy_url(&self, place: &Place, credential: &str, name: &str, number: &str) -> String {
        let (base, org) = (&self.stack.setup.download, self.real(&place.org));
        format!("{base}/{org}/{}/legacy/{credential}/{name}/{number}/download", place.registry)
    }
}
