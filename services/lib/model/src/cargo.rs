//! What cargo asks: the index, downloads, search, publish, yank and owners.

use crate::bodies::{Package, requirement};
use crate::request::{Place, Who, moment};
use crate::rights::{Grant, Principal, canonical};
use crate::state::{Krate, Model, Registry, Version};
use crate::{Answer, FORBIDDEN, Refusal, gone, ok};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a reader sees of a crate, oldest first. A public registry shows everything.
fn seen<'a>(
    registry: &'a Registry,
    reader: Option<&'a Principal>,
    place: &'a Place,
    krate: &'a Krate,
) -> impl Iterator<Item = &'a Version> {
    krate
        .versions
        .iter()
        .filter(move |version| registry.public || reader.is_some_and(|principal| principal.sees(place, krate, version)))
}

/// The version that stands for a crate: the newest, but stable before pre-release, and yanked only when all are.
fn foremost<'a>(versions: impl Iterator<Item = &'a Version>) -> Option<&'a Version> {
    versions.max_by_key(|version| (!version.yanked, version.number.pre.is_empty(), version.number.clone()))
}

/// A line of the index.
fn line(krate: &Krate, version: &Version) -> Value {
    let deps = version.deps.iter().map(|(name, req)| {
        json!({
            "name": name, "req": requirement(req).to_string(), "features": [], "optional": false, "default_features": true,
            "target": null, "kind": "normal",
        })
    });
    json!({
        "name": krate.name, "vers": version.number.to_string(), "deps": deps.collect::<Vec<_>>(), "features": {},
        "cksum": version.content, "pubtime": moment(version.published_at), "yanked": version.yanked,
    })
}

/// The way to the file of a version that the reader sees.
pub(crate) fn file(registry: &Registry, reader: Option<&Principal>, place: &Place, name: &str, number: &str) -> Answer {
    let krate = registry.crates.get(&canonical(name)).filter(|krate| krate.name.eq_ignore_ascii_case(name));
    let krate = krate.ok_or(Refusal::Absent)?;
    let found = seen(registry, reader, place, krate).find(|version| version.number.to_string() == number);
    Ok((302, json!({ "cksum": found.ok_or(Refusal::Absent)?.content })))
}

/// `config.json` of the sparse index.
pub(crate) fn sparse_config(place: &Place, registry: &Registry) -> Value {
    let mut config = json!({ "dl": format!("[download]/{place}"), "api": format!("[app]/cargo/{place}") });
    if !registry.public {
        config["auth-required"] = true.into();
    }
    config
}

/// How well a crate fits a search, best first; `None` when a word is found nowhere. Words shorter than three letters are looked
/// for in names alone, because they stand in every description.
fn fit(words: &[String], krate: &Krate, description: &str) -> Option<u8> {
    let name = canonical(&krate.name);
    let plain: Vec<String> = words.iter().map(|word| word.replace('_', "-")).collect();
    let joined = plain.join("-");
    let described = words.iter().all(|word| word.chars().count() >= 3);
    let in_name = |word: &String| name.contains(word.as_str());
    if name == joined {
        Some(0)
    } else if !joined.is_empty() && name.starts_with(&joined) {
        Some(1)
    } else if plain.iter().all(in_name) {
        Some(2)
    } else if described && plain.iter().zip(words).all(|(plain, word)| in_name(plain) || description.contains(word)) {
        Some(3)
    } else {
        None
    }
}

impl Model {
    pub(crate) fn config(&self, who: &Who, place: &Place) -> Answer {
        let (registry, _) = self.reader(who, place)?;
        ok(sparse_config(place, registry))
    }

    /// The index file under this spelling; case does not count, `-` and `_` do. Without a version that is seen there is none.
    pub(crate) fn index_file(&self, who: &Who, place: &Place, name: &str) -> Answer {
        let (registry, reader) = self.reader(who, place)?;
        let krate = registry.crates.get(&canonical(name)).filter(|krate| krate.name.eq_ignore_ascii_case(name));
        let krate = krate.ok_or(Refusal::Absent)?;
        let mut versions: Vec<&Version> = seen(registry, reader.as_ref(), place, krate).collect();
        versions.sort_by_key(|version| (version.published_at, version.number.to_string()));
        if versions.is_empty() {
            return Err(Refusal::Absent);
        }
        ok(versions.into_iter().map(|version| line(krate, version)).collect())
    }

    /// The way to a file: there for exactly the versions that the index shows.
    pub(crate) fn download(&self, who: &Who, place: &Place, name: &str, number: &str) -> Answer {
        let (registry, reader) = self.reader(who, place)?;
        file(registry, reader.as_ref(), place, name, number)
    }

    pub(crate) fn search(&self, who: &Who, place: &Place, text: &str, per_page: u32, page: u32) -> Answer {
        let (registry, reader) = self.reader(who, place)?;
        if !(1..=100).contains(&per_page) || page == 0 {
            return Err(Refusal::Invalid("page_invalid"));
        }
        let words: Vec<String> = text.to_lowercase().split_whitespace().take(8).map(str::to_owned).collect();
        let mut found: Vec<(u8, String, Value)> = Vec::new();
        for (canonical, krate) in &registry.crates {
            let Some(version) = foremost(seen(registry, reader.as_ref(), place, krate)) else { continue };
            let Some(fit) = fit(&words, krate, &version.description.to_lowercase()) else { continue };
            let hit = json!({
                "name": krate.name, "max_version": version.number.to_string(), "description": version.description,
            });
            found.push((fit, canonical.clone(), hit));
        }
        found.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        let total = found.len();
        let skipped = (page - 1) as usize * per_page as usize;
        let hits: Vec<Value> = found.into_iter().skip(skipped).take(per_page as usize).map(|(_, _, hit)| hit).collect();
        ok(json!({ "crates": hits, "meta": { "total": total } }))
    }

    /// The crate of this name, in any spelling, of which the reader sees a version.
    fn seen_crate(&self, who: &Who, place: &Place, name: &str) -> Result<(&Krate, Option<Principal>), Refusal> {
        let (registry, reader) = self.reader(who, place)?;
        let krate = registry.crates.get(&canonical(name)).ok_or(Refusal::Absent)?;
        if seen(registry, reader.as_ref(), place, krate).next().is_none() {
            return Err(Refusal::Absent);
        }
        Ok((krate, reader))
    }

    /// Who owns a crate is told to the org's members, to entitlements that may change it, and to readers of a public registry.
    pub(crate) fn owners(&self, who: &Who, place: &Place, name: &str) -> Answer {
        let (krate, reader) = self.seen_crate(who, place, name)?;
        let is_told = reader.is_some_and(|principal| {
            principal.org == place.org
                && (principal.role().is_some() || principal.may("owner:write", place, &krate.name))
        });
        let public = self.find(place).is_some_and(|registry| registry.public);
        let mut owners: Vec<&String> = krate.owners.iter().filter(|_| is_told || public).collect();
        owners.sort_by_key(|owner| (owner.starts_with("team:"), owner.as_str()));
        let users = owners.into_iter().map(|owner| {
            let name = owner.strip_prefix("team:").filter(|_| is_told);
            json!({ "login": owner, "name": name })
        });
        ok(json!({ "users": users.collect::<Vec<_>>() }))
    }

    /// Who changes crates shows a credential, and not one that is for reading.
    fn changer(&self, who: &Who, place: &Place) -> Result<Principal, Refusal> {
        let (_, reader) = self.reader(who, place)?;
        let principal = reader.ok_or(Refusal::Anonymous)?;
        if principal.kind == "download" { Err(FORBIDDEN) } else { Ok(principal) }
    }

    /// Members who do not run the org change only what they own, by themselves or with a team.
    fn owns_or_need_not(&self, principal: &Principal, krate: &Krate) -> bool {
        let Grant::Member { login, .. } = &principal.grant else { return true };
        let through_team = |slug: &String| krate.owners.contains(&format!("team:{slug}"));
        principal.runs_org()
            || krate.owners.contains(login)
            || self.orgs[&principal.org]
                .teams
                .iter()
                .any(|(slug, team)| team.members.contains(login) && through_team(slug))
    }

    fn require_on(&self, principal: &Principal, verb: &str, place: &Place, krate: &Krate) -> Result<(), Refusal> {
        if !principal.may(verb, place, &krate.name) {
            return Err(FORBIDDEN);
        }
        if self.owns_or_need_not(principal, krate) { Ok(()) } else { Err(Refusal::Forbidden("not_an_owner")) }
    }

    /// Published bytes never change: the same again is a success that does nothing, others under the same number are refused.
    pub(crate) fn publish(&mut self, who: &Who, place: &Place, package: &Package) -> Answer {
        let principal = self.changer(who, place)?;
        let may_publish = principal.may("crate:publish", place, &package.name);
        let may_create = principal.may("crate:publish-new", place, &package.name);
        let known = self.find(place).and_then(|registry| registry.crates.get(&canonical(&package.name)));
        let may = if known.is_some() { may_publish } else { may_create };
        if !may {
            return Err(FORBIDDEN);
        }
        let number: semver::Version = package.number.parse().expect("a well-formed version");
        if let Some(krate) = known {
            if !self.owns_or_need_not(&principal, krate) {
                return Err(Refusal::Forbidden("not_an_owner"));
            }
            if krate.name != package.name {
                return Err(Refusal::Conflict("name_taken"));
            }
            let same = |version: &&Version| version.number.cmp_precedence(&number).is_eq();
            if let Some(published) = krate.versions.iter().find(same) {
                let again = published.number == number && published.content == package.content();
                return if again { ok(Value::Null) } else { Err(Refusal::Conflict("version_exists")) };
            }
        }
        let (now, login) = (self.now, principal.login().map(str::to_owned));
        let registry = self.registry_mut(place);
        let krate = registry.crates.entry(canonical(&package.name)).or_insert_with(|| Krate {
            name: package.name.clone(),
            versions: Vec::new(),
            owners: BTreeSet::from_iter(login),
        });
        krate.versions.push(Version {
            number,
            content: package.content(),
            description: package.description.clone(),
            deps: package.deps.clone(),
            published_at: now,
            yanked: false,
        });
        let object = json!({ "registry": place.registry, "crate": package.name, "version": package.number });
        self.record(&principal, "version.publish", object);
        ok(Value::Null)
    }

    /// A number without build metadata means the version whatever its own are.
    pub(crate) fn yank(&mut self, who: &Who, place: &Place, name: &str, number: &str, yanked: bool) -> Answer {
        let principal = self.changer(who, place)?;
        let (krate, reader) = self.seen_crate(who, place, name)?;
        let wanted: semver::Version = number.parse().map_err(|_| Refusal::Absent)?;
        let registry = self.find(place).ok_or(Refusal::Absent)?;
        let named = |version: &&Version| {
            version.number == wanted || (wanted.build.is_empty() && version.number.cmp_precedence(&wanted).is_eq())
        };
        let version = seen(registry, reader.as_ref(), place, krate).find(named).ok_or(Refusal::Absent)?;
        self.require_on(&principal, "crate:yank", place, krate)?;
        if version.yanked == yanked {
            return ok(Value::Null);
        }
        let (name, number) = (krate.name.clone(), version.number.clone());
        let krate = self.crate_mut(place, &name);
        krate
            .versions
            .iter_mut()
            .filter(|version| version.number == number)
            .for_each(|version| version.yanked = yanked);
        let object = json!({ "registry": place.registry, "crate": name, "version": number.to_string() });
        self.record(&principal, if yanked { "version.yank" } else { "version.unyank" }, object);
        ok(Value::Null)
    }

    /// All or none. An entitlement can name those who own a crate whose owners it may change; all others are absent for it.
    pub(crate) fn change_owners(
        &mut self,
        who: &Who,
        place: &Place,
        name: &str,
        users: &[String],
        add: bool,
    ) -> Answer {
        let principal = self.changer(who, place)?;
        let (krate, _) = self.seen_crate(who, place, name)?;
        self.require_on(&principal, "owner:write", place, krate)?;
        let (name, mut owners) = (krate.name.clone(), krate.owners.clone());
        let before = owners.clone();
        if users.is_empty() || users.len() > 50 {
            return Err(Refusal::Invalid("owners_invalid"));
        }
        let named: BTreeSet<&String> = users.iter().collect();
        for user in named {
            if add && !self.can_name(&principal, place, user) {
                return Err(Refusal::Invalid("owner_unknown"));
            }
            let changed = if add { owners.insert(user.clone()) } else { owners.remove(user) };
            if !add && !changed {
                return Err(Refusal::Invalid("owner_absent"));
            }
        }
        if owners.is_empty() && !add && !principal.runs_org() {
            return Err(Refusal::Conflict("last_owner"));
        }
        if owners != before {
            self.crate_mut(place, &name).owners = owners;
            let object = json!({ "registry": place.registry, "crate": name });
            self.record(&principal, if add { "owner.add" } else { "owner.remove" }, object);
        }
        ok(Value::Null)
    }

    fn can_name(&self, principal: &Principal, place: &Place, user: &str) -> bool {
        let org = &self.orgs[&place.org];
        let exists = match user.strip_prefix("team:") {
            Some(slug) => org.teams.contains_key(slug),
            None => org.members.contains_key(user),
        };
        let registry = &org.registries[&place.registry];
        let is_told = |krate: &Krate| {
            krate.owners.contains(user)
                && principal.may("owner:write", place, &krate.name)
                && seen(registry, Some(principal), place, krate).next().is_some()
        };
        exists && (principal.role().is_some() || registry.crates.values().any(is_told))
    }

    pub(crate) fn registry_mut(&mut self, place: &Place) -> &mut Registry {
        let org = self.orgs.get_mut(&place.org).expect("an org that was found");
        org.registries.get_mut(&place.registry).expect("a registry that was found")
    }

    fn crate_mut(&mut self, place: &Place, name: &str) -> &mut Krate {
        self.registry_mut(place).crates.get_mut(&canonical(name)).expect("a crate that was found")
    }

    /// A member leaves every crate and team.
    pub(crate) fn forget_owner(&mut self, org: &str, login: &str) -> Answer {
        let org = self.orgs.get_mut(org).expect("an org that was found");
        for team in org.teams.values_mut() {
            team.members.remove(login);
        }
        for registry in org.registries.values_mut() {
            for krate in registry.crates.values_mut() {
                krate.owners.remove(login);
            }
            for entitlement in registry.entitlements.values_mut() {
                entitlement.draft.holder.take_if(|holder| holder == login);
            }
        }
        gone()
    }
}
