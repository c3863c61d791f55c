//! Registries of an org.

use crate::bodies::Settings;
use crate::request::{Place, Who, moment};
use crate::state::{Model, Registry};
use crate::{Answer, FORBIDDEN, Refusal, created, ok};
use serde_json::{Value, json};

impl Model {
    /// Those that exist for the caller.
    pub(crate) fn registries(&self, who: &Who, org: &str) -> Answer {
        let principal = self.manager_of(who, org)?;
        let known = self.orgs[org].registries.iter().filter(|(name, registry)| principal.knows(name, registry));
        ok(json!({ "items": known.map(|(name, registry)| shown(name, registry)).collect::<Vec<_>>() }))
    }

    pub(crate) fn registry(&self, who: &Who, place: &Place) -> Answer {
        let principal = self.manager_of(who, &place.org)?;
        let registry = self.find(place).filter(|registry| principal.knows(&place.registry, registry));
        ok(shown(&place.registry, registry.ok_or(Refusal::Absent)?))
    }

    pub(crate) fn make_registry(&mut self, who: &Who, place: &Place, settings: &Settings) -> Answer {
        let principal = self.manager_of(who, &place.org)?;
        principal.require("registry:write")?;
        if let Some(earlier) = self.earlier(&principal)? {
            return Ok(earlier);
        }
        let mut made = Registry::new(self.now);
        apply(&mut made, settings)?;
        if self.find(place).is_some() {
            return Err(Refusal::Conflict("slug_taken"));
        }
        let body = shown(&place.registry, &made);
        self.orgs.get_mut(&place.org).expect("the caller's org").registries.insert(place.registry.clone(), made);
        self.record(&principal, "registry.create", json!({ "registry": place.registry }));
        created(body)
    }

    pub(crate) fn set_registry(&mut self, who: &Who, place: &Place, settings: &Settings) -> Answer {
        let principal = self.manager_of(who, &place.org)?;
        let found = self.find(place).filter(|registry| principal.knows(&place.registry, registry));
        let before = found.ok_or(Refusal::Absent)?;
        if !principal.manages("registry:write", Some(&place.registry)) {
            return Err(FORBIDDEN);
        }
        let before = shown(&place.registry, before);
        apply(self.registry_mut(place), settings)?;
        let after = shown(&place.registry, self.registry_mut(place));
        if after != before {
            self.record(&principal, "registry.update", json!({ "registry": place.registry }));
        }
        ok(after)
    }
}

fn apply(registry: &mut Registry, settings: &Settings) -> Result<(), Refusal> {
    let bytes = settings.max_crate_bytes.unwrap_or(registry.max_crate_bytes);
    if !(1_024..=100 << 20).contains(&bytes) {
        return Err(Refusal::Invalid("max_crate_bytes_invalid"));
    }
    registry.max_crate_bytes = bytes;
    registry.public = settings.public.unwrap_or(registry.public);
    registry.git_personal_keys = settings.git_personal_keys.unwrap_or(registry.git_personal_keys);
    registry.legacy_git_downloads = settings.legacy_git_downloads.unwrap_or(registry.legacy_git_downloads);
    registry.crates_io_allowed = settings.crates_io_allowed.unwrap_or(registry.crates_io_allowed);
    Ok(())
}

fn shown(name: &str, registry: &Registry) -> Value {
    // Whoever runs it is told for as long as credentials lie in people's indexes.
    let hands_out = registry.legacy_git_downloads && !registry.public;
    let notices = if hands_out { json!([{ "setting": "legacy_git_downloads" }]) } else { json!([]) };
    json!({
        "slug": name,
        "visibility": if registry.public { "public" } else { "private" },
        "crates_io_allowed": registry.crates_io_allowed,
        "allowed_registries": [],
        "git_personal_keys": registry.git_personal_keys,
        "legacy_git_downloads": registry.legacy_git_downloads,
        "max_crate_bytes": registry.max_crate_bytes,
        "notices": notices,
        "created_at": moment(registry.created_at),
    })
}
