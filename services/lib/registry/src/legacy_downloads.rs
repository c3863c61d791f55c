//! `config.json`, and downloads for cargo before 1.74, which sends no credential with them: where a registry allows it, each reader's git
//! index names a download address that carries one.
//!
//! The credential is derived from the reader's token ([`wharf_domain::token::Peppers::legacy_credential`]) and stored
//! nowhere. It opens what the token's view holds, for as long as the token would be taken by the git index, and nothing
//! but downloads: no other verb reads it.

use crate::catalog::RegistryEntry;
use crate::git_index::git_reader;
use crate::{Error, Kind, Result, Site};
use std::net::IpAddr;
use std::sync::Arc;
use wharf_cargo_wire::ConfigJson;
use wharf_domain::{Principal, View};
use wharf_store::directory::RegistryAddress;
use zeroize::Zeroizing;

impl Site {
    /// `config.json` as the sparse index answers it, to whoever may read the registry.
    #[must_use]
    pub fn sparse_config(&self, entry: &RegistryEntry) -> Vec<u8> {
        let RegistryAddress { org_slug, registry_slug, is_public, .. } = &entry.address;
        let api = self.addresses.cargo_api(org_slug, registry_slug);
        ConfigJson::new(&self.addresses.downloads(org_slug, registry_slug), Some(&api), !is_public).render()
    }

    /// `config.json` as the git index holds it for a reader; `None` stands for whoever reads a public registry.
    ///
    /// The bytes depend on the registry and, while `legacy_git_downloads` is on, on the reader's *token*: two tokens of
    /// one entitlement have different ones, so that what was made for a rotated token ends with it. They hold a secret
    /// then: not for logs, nor for `Debug`, and never for another reader. Cargo sends no token with downloads where this
    /// file does not ask for one, so that old and new clients of such an index use the same address.
    #[must_use]
    pub fn git_config(&self, entry: &RegistryEntry, reader: Option<&Principal>) -> Vec<u8> {
        let Some(reader) = reader.filter(|reader| hands_out(entry) && takes(entry, reader)) else {
            return self.sparse_config(entry);
        };
        let RegistryAddress { org, org_slug, registry, registry_slug, .. } = &entry.address;
        let credential = self.peppers.legacy_credential(*org, *registry, reader.token);
        let downloads = self.addresses.downloads(org_slug, registry_slug);
        let downloads = Zeroizing::new(format!("{downloads}/legacy/{}", credential.expose()));
        ConfigJson::new(&downloads, Some(&self.addresses.cargo_api(org_slug, registry_slug)), false).render()
    }

    /// The registry and the view that the credential in a download address opens.
    ///
    /// Errors: `Forbidden` with one text for every credential that opens nothing, and for every registry that hands out
    /// none or does not exist; `NotFound` when nothing is seen.
    pub async fn open_legacy_download(
        self: &Arc<Self>,
        org: &str,
        registry: &str,
        credential: &str,
        address: Option<IpAddr>,
    ) -> Result<(Arc<RegistryEntry>, Arc<View>)> {
        // An address of nothing is judged by the same steps: how long they take must not tell which registries there are.
        let entry = self.place_or_nowhere(org, registry)?;
        let RegistryAddress { org, registry, is_public, legacy_git_downloads, .. } = entry.address;
        let token = self.peppers.read_legacy_credential(org, registry, credential).ok_or_else(refused)?;
        let bearer = self.authenticate_named(org, token, address).await?.ok_or_else(refused)?;
        let handed_out = wharf_trial::mutant!(LegacySwitchIgnored => true; legacy_git_downloads);
        if !handed_out || !takes(&entry, bearer.principal()) {
            return Err(refused());
        }
        wharf_trial::mutant!(LegacyOpensEverything { return Ok((entry, Arc::new(View::everything()))); });
        let view = if is_public { Arc::new(View::everything()) } else { bearer.view(entry.place()) };
        if view.is_empty() { Err(Error::not_found()) } else { Ok((entry, view)) }
    }
}

/// Whether the git index of this registry names addresses with credentials. A public one has nothing to keep.
fn hands_out(entry: &RegistryEntry) -> bool {
    entry.address.legacy_git_downloads && !entry.address.is_public
}

/// Whether the git index of this registry takes the credential of this reader.
fn takes(entry: &RegistryEntry, reader: &Principal) -> bool {
    git_reader(entry, Some(reader)).is_ok()
}

fn refused() -> Error {
    Error::new(
        Kind::Forbidden,
        "download_address_refused",
        "this download address is not valid (any more); run `cargo update` to be given a fresh one by the index, and if that \
         does not help, ask an admin of your org for a new token",
    )
}
