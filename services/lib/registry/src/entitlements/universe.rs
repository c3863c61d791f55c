//! The part of a registry a preview looks at: crates, their versions, and what each needs from the same registry.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use wharf_cargo_wire::{DependencyKind, IndexLine};
use wharf_domain::{CanonicalName, CrateName, CrateVersion, Sight, Timestamp};
use wharf_store::StoreError;
use wharf_store::view_contents::{HeldCrate, HeldVersion};

/// A requirement on a crate of the same registry, as a build or a run needs it; what tests need is no concern of others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Need {
    /// The crate.
    pub name: CrateName,
    /// Which versions of it will do.
    pub requirement: semver::VersionReq,
    /// Whether it is needed only with a feature that is off at first.
    pub optional: bool,
}

/// A version and its needs.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) number: CrateVersion,
    pub(crate) published_at: Timestamp,
    pub(crate) yanked: bool,
    pub(crate) needs: Vec<Needed>,
}

/// A need with the canonical name of what is needed. Held once, whoever states it.
pub(crate) type Needed = Arc<(CanonicalName, Need)>;

/// A crate and all its versions.
#[derive(Clone, Debug)]
pub(crate) struct Krate {
    pub(crate) name: CrateName,
    pub(crate) releases: Vec<Release>,
}

/// The crates looked at so far.
#[derive(Debug, Default)]
pub(crate) struct Universe {
    crates: BTreeMap<CanonicalName, Option<Krate>>,
    needs: HashSet<Needed>,
    size: Size,
}

/// How much is held, of each thing that takes memory by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Versions.
    pub(crate) releases: usize,
    /// Different needs, each counted once for every comparison in its requirement: one can have many.
    pub(crate) needs: usize,
}

/// What the universe says of a name.
pub(crate) enum Known<'a> {
    /// Not looked at yet.
    Unknown,
    /// The registry has no such crate.
    Absent,
    /// This crate.
    Present(&'a Krate),
}

impl Universe {
    pub(crate) fn insert(&mut self, mut krate: Krate) {
        self.size.releases += krate.releases.len();
        for need in krate.releases.iter_mut().flat_map(|release| &mut release.needs) {
            if let Some(known) = self.needs.get(need) {
                *need = Arc::clone(known);
            } else {
                self.size.needs += need.1.requirement.comparators.len().max(1);
                self.needs.insert(Arc::clone(need));
            }
        }
        self.crates.insert(krate.name.canonical(), Some(krate));
    }

    /// Notes that the registry has no crate of this name, unless it was found.
    pub(crate) fn insert_absent(&mut self, name: CanonicalName) {
        self.crates.entry(name).or_default();
    }

    /// How many names have been looked at.
    pub(crate) fn names(&self) -> usize {
        self.crates.len()
    }

    pub(crate) fn get(&self, name: &CanonicalName) -> Known<'_> {
        match self.crates.get(name) {
            None => Known::Unknown,
            Some(None) => Known::Absent,
            Some(Some(krate)) => Known::Present(krate),
        }
    }

    pub(crate) fn present(&self) -> impl Iterator<Item = (&CanonicalName, &Krate)> {
        self.crates.iter().filter_map(|(name, krate)| krate.as_ref().map(|krate| (name, krate)))
    }

    /// How much is held: what memory is bounded by.
    pub(crate) fn size(&self) -> Size {
        self.size
    }
}

impl Krate {
    /// Reads a stored crate; its index lines must have been asked for.
    pub(crate) fn read(held: HeldCrate) -> Result<Self, StoreError> {
        let HeldCrate { name, versions, .. } = held;
        let releases = versions.into_iter().map(|version| Release::read(&name, version)).collect::<Result<_, _>>()?;
        Ok(Self { name, releases })
    }

    /// The versions a view shows.
    pub(crate) fn shown<'a>(&'a self, sight: &Sight) -> impl Iterator<Item = &'a Release> {
        self.releases.iter().filter(|release| release.seen(sight))
    }
}

impl Release {
    pub(crate) fn seen(&self, sight: &Sight) -> bool {
        sight.shows(self.number.semver(), self.published_at)
    }

    fn read(name: &CrateName, version: HeldVersion) -> Result<Self, StoreError> {
        let corrupt = |reason: &dyn ToString| {
            StoreError::corrupt(format!("index_line of {name} {}", version.number), reason.to_string())
        };
        let line = version.line.as_deref().ok_or_else(|| corrupt(&"missing"))?;
        let line = IndexLine::parse(line).map_err(|error| corrupt(&error))?;
        let mut needs: Vec<Needed> = Vec::new();
        // Without an address a dependency is of this registry.
        for dependency in line.deps.into_iter().filter(|one| one.registry.is_none() && one.kind != DependencyKind::Dev)
        {
            let name = CrateName::parse(dependency.package.as_deref().unwrap_or(&dependency.name))
                .map_err(|error| corrupt(&error))?;
            let requirement = dependency.req.parse().map_err(|error: semver::Error| corrupt(&error))?;
            let need = Need { name, requirement, optional: dependency.optional };
            // The same need may be stated for several targets.
            if !needs.iter().any(|known| known.1 == need) {
                needs.push(Arc::new((need.name.canonical(), need)));
            }
        }
        Ok(Self { number: version.number, published_at: version.published_at, yanked: version.yanked, needs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::CrateId;

    fn held(deps: &str) -> HeldCrate {
        let line =
            format!(r#"{{"name":"a","vers":"1.0.0","deps":[{deps}],"cksum":"00","features":{{}},"yanked":false}}"#);
        HeldCrate {
            id: CrateId(uuid::Uuid::from_u128(1)),
            name: CrateName::parse("a").unwrap(),
            versions: vec![HeldVersion {
                id: wharf_domain::VersionId(uuid::Uuid::nil()),
                number: CrateVersion::parse("1.0.0").unwrap(),
                published_at: Timestamp::from_unix(1),
                yanked: false,
                line: Some(line),
            }],
        }
    }

    fn dependency(name: &str, kind: &str, more: &str) -> String {
        format!(
            r#"{{"name":"{name}","req":"^1","features":[],"optional":false,"default_features":true,"target":null,"kind":"{kind}"{more}}}"#
        )
    }

    #[test]
    fn needs_are_of_this_registry_and_not_for_tests() {
        let deps = [
            dependency("own_one", "normal", ""),
            dependency("own_one", "normal", r#","target":null"#).replace(r#""target":null,"kind""#, r#""kind""#),
            dependency("renamed", "build", r#","package":"real""#),
            dependency("tests", "dev", ""),
            dependency("other", "normal", r#","registry":"https://other.test/index""#),
        ];
        let krate = Krate::read(held(&deps.join(","))).unwrap();
        let names: Vec<&str> = krate.releases[0].needs.iter().map(|need| need.0.as_str()).collect();
        assert_eq!(names, ["own-one", "real"]);
    }

    #[test]
    fn a_need_takes_memory_once_and_by_its_length() {
        let mut universe = Universe::default();
        let deps = [dependency("own", "normal", ""), dependency("long", "normal", "").replace("^1", ">=1, <3, <4")];
        for name in ["a", "b", "c"] {
            let name = CrateName::parse(name).unwrap();
            universe.insert(Krate::read(HeldCrate { name, ..held(&deps.join(",")) }).unwrap());
        }
        assert_eq!(universe.size(), Size { releases: 3, needs: 1 + 3 });
        let stated: Vec<&Needed> = universe.present().map(|(_, krate)| &krate.releases[0].needs[0]).collect();
        assert!(stated.windows(2).all(|two| Arc::ptr_eq(two[0], two[1])));
    }

    #[test]
    fn an_unreadable_line_is_an_error_not_a_crate_without_needs() {
        assert!(Krate::read(held("{}")).is_err());
        let mut missing = held("");
        missing.versions[0].line = None;
        assert!(Krate::read(missing).is_err());
    }
}
