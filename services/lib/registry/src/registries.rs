//! Registries of an org: made, looked at, and set.

use crate::idempotency::Once;
use crate::paging::{Page, Position, Slice};
use crate::{Actor, Error, Result, Site};
use serde_json::json;
use wharf_domain::{RegistryId, Slug, Verb};
use wharf_store::Change;
pub use wharf_store::registries::{Registry, RegistrySettings, Visibility};

/// Most registries of an org.
pub const REGISTRIES_MAX: usize = 500;
/// Most other registries one registry may allow.
pub const ALLOWED_MAX: usize = 100;
/// Bytes of a crate file when nothing is said.
pub const CRATE_BYTES_DEFAULT: i64 = 10 * 1024 * 1024;
/// Most bytes of a crate file that can be allowed.
pub const CRATE_BYTES_MAX: i64 = 100 * 1024 * 1024;
const CRATE_BYTES_MIN: i64 = 1024;
const ADDRESS_MAX: usize = 500;

/// Settings to change; those that are none stay as they are.
#[derive(Clone, Debug, Default)]
pub struct SettingsChange {
    /// Who sees the registry.
    pub visibility: Option<Visibility>,
    /// Whether crates in it may depend on crates.io.
    pub crates_io_allowed: Option<bool>,
    /// The indexes of other registries on which crates in it may depend.
    pub allowed_registries: Option<Vec<String>>,
    /// Whether its git index takes personal keys besides entitlement tokens.
    pub git_personal_keys: Option<bool>,
    /// Whether the git index hands out download-only credentials.
    pub legacy_git_downloads: Option<bool>,
    /// Most bytes of a crate file.
    pub max_crate_bytes: Option<i64>,
}

impl SettingsChange {
    fn apply(self, settings: RegistrySettings) -> Result<RegistrySettings> {
        let changed = RegistrySettings {
            visibility: self.visibility.unwrap_or(settings.visibility),
            crates_io_allowed: self.crates_io_allowed.unwrap_or(settings.crates_io_allowed),
            allowed_registries: match self.allowed_registries {
                Some(addresses) => allowed(addresses)?,
                None => settings.allowed_registries,
            },
            git_personal_keys: self.git_personal_keys.unwrap_or(settings.git_personal_keys),
            legacy_git_downloads: self.legacy_git_downloads.unwrap_or(settings.legacy_git_downloads),
            max_crate_bytes: self.max_crate_bytes.unwrap_or(settings.max_crate_bytes),
        };
        if !(CRATE_BYTES_MIN..=CRATE_BYTES_MAX).contains(&changed.max_crate_bytes) {
            return Err(Error::invalid(
                "max_crate_bytes_invalid",
                format!("max_crate_bytes is {CRATE_BYTES_MIN} to {CRATE_BYTES_MAX}"),
            ));
        }
        Ok(changed)
    }
}

/// What a registry is when nothing is said: closed, and fit for crates that depend on crates.io.
pub(crate) fn default_settings() -> RegistrySettings {
    RegistrySettings {
        visibility: Visibility::Private,
        crates_io_allowed: true,
        allowed_registries: Vec::new(),
        git_personal_keys: false,
        legacy_git_downloads: false,
        max_crate_bytes: CRATE_BYTES_DEFAULT,
    }
}

impl Site {
    /// Makes a registry.
    pub async fn create_registry(
        &self,
        actor: &Actor,
        org: &str,
        slug: &str,
        settings: SettingsChange,
        once: Option<&Once>,
    ) -> Result<Registry> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::RegistryWrite, None)?;
        if let Some(kept) = Once::earlier(once, &mut tx).await? {
            return Ok(kept);
        }
        let slug = Slug::parse_new(slug).map_err(|error| Error::invalid("slug_invalid", error.to_string()))?;
        let now = self.clock.now();
        let registry = Registry {
            id: RegistryId::random(&*self.entropy),
            slug,
            settings: settings.apply(default_settings())?,
            created_at: now,
        };
        if tx.list_registries().await?.len() >= REGISTRIES_MAX {
            return Err(Error::conflict(
                "registries_too_many",
                format!("an org has at most {REGISTRIES_MAX} registries"),
            ));
        }
        tx.insert_registry(&registry).await.map_err(|error| {
            if error.is_constraint("registry_slug_key") {
                Error::conflict("slug_taken", "the org has a registry of this name already; choose another")
            } else {
                error.into()
            }
        })?;
        tx.announce(&Change::Registry(registry.id), now).await?;
        let object = json!({ "registry": registry.slug });
        tx.record(&actor.entry(self, "registry.create", object, json!({ "settings": registry.settings }))).await?;
        Once::keep(once, &mut tx, &*self.entropy, now, &registry).await?;
        self.settle(tx).await?;
        Ok(registry)
    }

    /// A page of the registries that exist for the actor, oldest first.
    pub async fn list_registries(&self, actor: &Actor, org: &str, slice: Slice) -> Result<Page<Registry>> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        if !actor.manages() {
            return Err(Error::not_found());
        }
        let position = |registry: &Registry| Position { at: registry.created_at, id: registry.id.0 };
        let seen = tx
            .list_registries()
            .await?
            .into_iter()
            .filter(|registry| sees(actor, registry))
            .filter(|registry| slice.after.is_none_or(|after| position(registry) > after))
            .collect();
        Ok(slice.page(seen, position))
    }

    /// One registry.
    pub async fn get_registry(&self, actor: &Actor, org: &str, registry: &str) -> Result<Registry> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        let slug = Slug::parse(registry).map_err(|_| Error::not_found())?;
        let found = tx.find_registry(&slug).await?;
        found.filter(|registry| actor.manages() && sees(actor, registry)).ok_or_else(Error::not_found)
    }

    /// Changes a registry's settings; they are in force when this returns.
    pub async fn change_registry(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        change: SettingsChange,
    ) -> Result<Registry> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        let slug = Slug::parse(registry).map_err(|_| Error::not_found())?;
        let found = tx.find_registry_for_change(&slug).await?;
        let found = found.filter(|registry| actor.manages() && sees(actor, registry)).ok_or_else(Error::not_found)?;
        actor.require_seen(Verb::RegistryWrite, Some(&slug))?;
        let settings = change.apply(found.settings.clone())?;
        let now = self.clock.now();
        if settings == found.settings {
            // Whoever repeats a change because the answer to it was lost wants to know that it is in force everywhere.
            tx.announce(&Change::Registry(found.id), now).await?;
            self.settle(tx).await?;
            return Ok(found);
        }
        tx.update_registry(found.id, &settings).await?;
        tx.announce(&Change::Registry(found.id), now).await?;
        let detail = json!({ "settings": settings, "before": found.settings });
        tx.record(&actor.entry(self, "registry.update", json!({ "registry": slug }), detail)).await?;
        self.settle(tx).await?;
        Ok(Registry { settings, ..found })
    }
}

/// Whether a registry exists for the actor.
fn sees(actor: &Actor, registry: &Registry) -> bool {
    registry.settings.visibility == Visibility::Public || actor.shows_registry(&registry.slug)
}

/// Checks the addresses of other registries' indexes, and drops repetitions.
fn allowed(addresses: Vec<String>) -> Result<Vec<String>> {
    if addresses.len() > ALLOWED_MAX {
        return Err(Error::invalid(
            "allowed_registries_too_many",
            format!("at most {ALLOWED_MAX} other registries can be allowed"),
        ));
    }
    let mut checked = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !is_index_address(&address) {
            let shown: String = address.chars().take(80).flat_map(char::escape_debug).collect();
            return Err(Error::invalid(
                "allowed_registry_invalid",
                format!(
                    "`{shown}` is not the address of an index; write it as it stands in cargo's configuration, \
                     sparse+https://host/path/ (with the last slash) or https://host/path"
                ),
            ));
        }
        if !checked.contains(&address) {
            checked.push(address);
        }
    }
    Ok(checked)
}

/// An address as cargo's configuration holds it. No user, query or fragment: such an address carries a secret, or is
/// not what cargo compares.
fn is_index_address(text: &str) -> bool {
    let (address, sparse) = match text.strip_prefix("sparse+") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let Some(rest) = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")) else {
        return false;
    };
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host_fits = !host.is_empty()
        && !host.starts_with(':')
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    let path_fits = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:%".contains(&byte));
    text.len() <= ADDRESS_MAX && host_fits && path_fits && (!sparse || path.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_addresses() {
        for good in [
            "sparse+https://index.example.com/acme/private/",
            "sparse+http://127.0.0.1:8080/a/b/",
            "https://git.example.com/acme/index",
            "https://git.example.com/index.git",
            "http://[::1]:8080/x",
            "https://example.com",
        ] {
            assert!(is_index_address(good), "{good}");
        }
        for bad in [
            "",
            "index.example.com",
            "sparse+index.example.com/",
            "sparse+https://index.example.com/acme/private",
            "sparse+https:///x/",
            "ssh://git@example.com/index",
            "file:///etc/passwd",
            "https://user:secret@example.com/x",
            "https://example.com/x?token=1",
            "https://example.com/x#y",
            "https://exa mple.com/",
            "https://:80/",
            "sparse+sparse+https://example.com/",
        ] {
            assert!(!is_index_address(bad), "{bad}");
        }
        let twice = vec!["https://example.com/a".to_owned(); 2];
        assert_eq!(allowed(twice).unwrap().len(), 1);
        assert!(allowed(vec!["https://example.com/a".to_owned(); ALLOWED_MAX + 1]).is_err());
    }

    #[test]
    fn a_change_leaves_the_rest_alone() {
        let before = RegistrySettings { git_personal_keys: true, ..default_settings() };
        let change = SettingsChange { visibility: Some(Visibility::Public), ..SettingsChange::default() };
        let after = change.apply(before.clone()).unwrap();
        assert_eq!(after, RegistrySettings { visibility: Visibility::Public, ..before.clone() });
        for bytes in [0, 1023, CRATE_BYTES_MAX + 1, -1] {
            let change = SettingsChange { max_crate_bytes: Some(bytes), ..SettingsChange::default() };
            assert_eq!(change.apply(before.clone()).unwrap_err().code(), "max_crate_bytes_invalid");
        }
    }
}
