//! Registries by address.

use super::names::Names;
use super::table::{self, Table};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;
use wharf_domain::principal::Place;
use wharf_domain::{OrgId, RegistryId, Slug};
use wharf_store::directory::RegistryAddress;

/// A registry, its address and its names.
#[derive(Debug)]
pub struct RegistryEntry {
    /// Where it is and whose it is.
    pub address: RegistryAddress,
    pub(crate) names: Arc<Names>,
}

impl RegistryEntry {
    /// Stands for every registry that does not exist, so that asking for one takes the steps of asking for a closed one.
    fn nowhere() -> Self {
        let slug = Slug::parse("nowhere").expect("well formed");
        let address = RegistryAddress {
            org: OrgId(Uuid::nil()),
            org_slug: slug.clone(),
            registry: RegistryId(Uuid::nil()),
            registry_slug: slug,
            is_public: false,
            git_personal_keys: false,
            legacy_git_downloads: false,
        };
        Self { address, names: Arc::default() }
    }

    /// Whether this is a registry.
    #[must_use]
    pub fn exists(&self) -> bool {
        !self.address.registry.0.is_nil()
    }

    /// The registry as far as rights are concerned.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        Place { org: self.address.org, registry: self.address.registry, slug: &self.address.registry_slug }
    }
}

/// All registries of the site, at one moment.
#[derive(Debug)]
pub(crate) struct Directory {
    /// By `org/registry` in one step: an org that exists must not cost another look-up than one that does not.
    by_address: Table<String, Arc<RegistryEntry>>,
    by_id: HashMap<RegistryId, Arc<RegistryEntry>>,
    nowhere: Arc<RegistryEntry>,
}

impl Directory {
    /// A new state; names known to the former one are carried over.
    pub(crate) fn new(addresses: Vec<RegistryAddress>, former: Option<&Self>) -> Self {
        let mut directory =
            Self { by_address: Table::default(), by_id: HashMap::new(), nowhere: Arc::new(RegistryEntry::nowhere()) };
        for address in addresses {
            let names = former
                .and_then(|former| former.by_id(address.registry))
                .map_or_else(Arc::default, |entry| Arc::clone(&entry.names));
            wharf_trial::mutant!(RegistryChangeUnheard {
                if let Some(entry) = former.and_then(|former| former.by_id(address.registry)) {
                    let key = address_key(entry.address.org_slug.as_str(), entry.address.registry_slug.as_str());
                    directory.by_id.insert(address.registry, Arc::clone(&entry));
                    directory.by_address.insert(key, entry);
                    continue;
                }
            });
            let entry = Arc::new(RegistryEntry { address, names });
            let address = &entry.address;
            directory.by_id.insert(address.registry, Arc::clone(&entry));
            directory
                .by_address
                .insert(address_key(address.org_slug.as_str(), address.registry_slug.as_str()), Arc::clone(&entry));
        }
        directory
    }

    /// The registry at an address, or the one that is nowhere.
    pub(crate) fn by_address(&self, org: &str, registry: &str) -> Arc<RegistryEntry> {
        let key = address_key(org, registry);
        Arc::clone(match self.by_address.find(&key) {
            table::Found::There(entry) => entry,
            table::Found::Absent(_) => &self.nowhere,
        })
    }

    pub(crate) fn by_id(&self, registry: RegistryId) -> Option<Arc<RegistryEntry>> {
        self.by_id.get(&registry).cloned()
    }
}

fn address_key(org: &str, registry: &str) -> String {
    [org, registry].join("/")
}
