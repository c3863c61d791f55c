//! Search: what a view holds, ranked and paged.
//!
//! Names are searched in memory, in the contents of the view; the database looks into the descriptions of the versions that
//! stand for these crates, and into no others, so that neither a hit nor a total tells of a version out of view.

mod contents;
mod terms;

pub(crate) use contents::SearchedViews;

use crate::catalog::RegistryEntry;
use crate::{Error, Result, Site};
use terms::{Rank, Terms};
use wharf_domain::{CanonicalName, CrateName, CrateVersion, VersionId, View};

/// Most crates on a page.
pub const PER_PAGE_MAX: u32 = 100;

/// One crate found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its name as published.
    pub name: CrateName,
    /// The newest version that the view holds: stable before pre-release, yanked only when there is nothing else.
    pub version: CrateVersion,
    /// What that version says of itself.
    pub description: Option<String>,
}

/// A page of what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The crates on this page, best first.
    pub hits: Vec<Hit>,
    /// How many were found in all.
    pub total: usize,
}

impl Site {
    /// The crates of a view in which every word of `text` occurs, in the name or in the description; all for no words.
    ///
    /// Pages count from 1. The order is stable: rank, then canonical name.
    pub async fn search(
        &self,
        entry: &RegistryEntry,
        view: &View,
        text: &str,
        per_page: u32,
        page: u32,
    ) -> Result<Found> {
        if !(1..=PER_PAGE_MAX).contains(&per_page) || page == 0 {
            return Err(Error::invalid(
                "page_invalid",
                format!("per_page is 1 to {PER_PAGE_MAX}, and page counts from 1"),
            ));
        }
        let terms = Terms::parse(text)?;
        let (mut transaction, contents) = self.contents(entry, view).await?;

        let (mut ranked, mut others): (Vec<(Rank, &CanonicalName, VersionId)>, Vec<_>) = (Vec::new(), Vec::new());
        for (name, version) in contents.crates() {
            match terms.rank_name(name) {
                Some(rank) => ranked.push((rank, name, *version)),
                None => others.push((name, *version)),
            }
        }
        wharf_trial::mutant!(SearchReadsHiddenTexts {
            let everything = self.contents(entry, &View::everything()).await?.1;
            for (name, version) in &mut others {
                let newest = everything.crates().iter().find(|(known, _)| known == *name);
                *version = newest.map_or(*version, |(_, newest)| *newest);
            }
        });
        if terms.in_descriptions() && !others.is_empty() {
            let versions: Vec<VersionId> = others.iter().map(|(_, version)| *version).collect();
            let described = transaction.find_described(&versions, terms.words()).await?;
            let found = others
                .into_iter()
                .filter(|(name, version)| described.get(version).is_some_and(|held| terms.are_in(name, held)));
            ranked.extend(found.map(|(name, version)| (Rank::InDescription, name, version)));
        }
        ranked.sort_by(|(one, name, _), (other, same, _)| (one, name).cmp(&(other, same)));
        wharf_trial::mutant!(SearchRanksByEverything {
            let everything = wharf_store::view_contents::Narrowing::of_views([&View::everything()]);
            let all = transaction.list_contents(entry.address.registry, &everything, "", 10_000).await?;
            let versions = |name: &CanonicalName| {
                all.iter().find(|held| held.name.canonical() == *name).map_or(0, |held| held.versions.len())
            };
            ranked.sort_by_key(|(_, name, _)| std::cmp::Reverse(versions(name)));
        });
        let total = wharf_trial::mutant!(SearchTotalOfEverything => {
            let everything = self.contents(entry, &View::everything()).await?.1;
            everything.crates().iter().filter(|(name, _)| terms.rank_name(name).is_some()).count()
        }; ranked.len());

        let skipped = usize::try_from(u64::from(page - 1) * u64::from(per_page)).unwrap_or(usize::MAX);
        let on_page: Vec<VersionId> = ranked
            .iter()
            .skip(skipped)
            .take(usize::try_from(per_page).unwrap_or(usize::MAX))
            .map(|(_, _, version)| *version)
            .collect();
        let mut texts =
            if on_page.is_empty() { Default::default() } else { transaction.list_hit_texts(&on_page).await? };
        let hits = on_page
            .iter()
            .filter_map(|version| texts.remove(version))
            .map(|text| Hit { name: text.name, version: text.number, description: text.description })
            .collect();
        Ok(Found { hits, total })
    }
}
