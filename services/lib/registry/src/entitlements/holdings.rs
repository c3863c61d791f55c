//! Lists what the view of an entitlement holds right now.

use crate::paging::{Page, Position, Slice};
use crate::{Actor, Error, Result, Site};
use wharf_domain::{CrateId, CrateName, CrateVersion, EntitlementId, Timestamp, Verb, View};
use wharf_store::view_contents::{HeldCrate, Narrowing};

/// Most versions listed of one crate; the newest are listed, and the number of all is stated.
pub const SHOWN_VERSIONS_MAX: usize = 1_000;
/// Crates read from the database at once.
const CHUNK: i64 = 500;

/// A version that a view shows.
#[derive(Clone, Debug)]
pub struct ShownVersion {
    /// Its number.
    pub number: CrateVersion,
    /// When it was published.
    pub published_at: Timestamp,
    /// Whether it is yanked.
    pub yanked: bool,
}

/// A crate that a view shows.
#[derive(Clone, Debug)]
pub struct ShownCrate {
    /// Its name.
    pub name: CrateName,
    /// How many versions the view shows.
    pub total: usize,
    /// The newest of them by time of publication, oldest first; at most [`SHOWN_VERSIONS_MAX`].
    pub versions: Vec<ShownVersion>,
}

impl Site {
    /// A page of what the view of an entitlement holds, in the order of names; whether or not the entitlement is in force.
    pub async fn list_entitlement_view(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        id: EntitlementId,
        slice: Slice,
    ) -> Result<Page<ShownCrate>> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementRead)?;
        let registry = entry.address.registry;
        let mut transaction = self.begin(entry.address.org).await?;
        let entitlement = transaction.find_entitlement(registry, id).await?.ok_or_else(Error::not_found)?;
        let view = entitlement.terms.view();
        let narrowing = Narrowing::of_views([&view]);
        let mut after = match slice.after {
            None => String::new(),
            Some(position) => transaction
                .find_place_in_contents(registry, CrateId(position.id))
                .await?
                .ok_or_else(Error::not_found)?,
        };
        let wanted = slice.limit as usize;
        let mut found: Vec<(CrateId, ShownCrate)> = Vec::new();
        while found.len() <= wanted && !narrowing.is_empty() {
            let chunk = transaction.list_contents(registry, &narrowing, &after, CHUNK).await?;
            let Some(last) = chunk.last() else { break };
            after = last.name.canonical().to_string();
            found.extend(chunk.into_iter().filter_map(|held| Some((held.id, shown(&view, held)?))));
        }
        // A place in the order of names is a crate; there is no time in it.
        let page = slice.page(found, |(id, _)| Position { at: Timestamp::from_unix(0), id: id.0 });
        Ok(page.map(|(_, krate)| krate))
    }
}

fn shown(view: &View, held: HeldCrate) -> Option<ShownCrate> {
    let sight = view.sight(&held.name.canonical());
    let mut versions: Vec<ShownVersion> = held
        .versions
        .into_iter()
        .filter(|version| sight.shows(version.number.semver(), version.published_at))
        .map(|version| ShownVersion {
            number: version.number,
            published_at: version.published_at,
            yanked: version.yanked,
        })
        .collect();
    let total = versions.len();
    versions.drain(..total.saturating_sub(SHOWN_VERSIONS_MAX));
    (total > 0).then_some(ShownCrate { name: held.name, total, versions })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::CratePattern;
    use wharf_domain::view::Rule;
    use wharf_store::view_contents::HeldVersion;

    #[test]
    fn a_crate_without_a_visible_version_is_not_there_and_a_long_one_is_cut() {
        let held = |versions: usize| HeldCrate {
            id: CrateId(uuid::Uuid::from_u128(1)),
            name: CrateName::parse("a").unwrap(),
            versions: (0..versions)
                .map(|minor| HeldVersion {
                    id: wharf_domain::VersionId(uuid::Uuid::nil()),
                    number: CrateVersion::parse(&format!("1.{minor}.0")).unwrap(),
                    published_at: Timestamp::from_unix(10),
                    yanked: false,
                    line: None,
                })
                .collect(),
        };
        let view = |requirement: &str| {
            let versions = Some(requirement.parse().unwrap());
            View::new([Rule { allow: vec![CratePattern::all()], versions, ..Rule::default() }])
        };
        assert!(shown(&view("^2"), held(3)).is_none());
        assert!(shown(&View::default(), held(3)).is_none());
        let long = shown(&view(">=1.1"), held(SHOWN_VERSIONS_MAX + 3)).unwrap();
        assert_eq!((long.total, long.versions.len()), (SHOWN_VERSIONS_MAX + 2, SHOWN_VERSIONS_MAX));
        assert_eq!(long.versions[0].number.to_string(), "1.3.0");
    }
}
