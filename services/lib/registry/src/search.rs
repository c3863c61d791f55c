//! Search: what a view holds, ranked and paged.
//!
//! The database names candidates; what is counted, ranked and shown is computed here from visible versions alone. A
//! description counts only if it is that of the version a reader would be shown, so that neither a hit nor a total tells
//! of a version out of view.

use crate::catalog::RegistryEntry;
use crate::{Error, Result, Site};
use std::collections::HashMap;
use wharf_domain::{CrateId, CrateName, CratePattern, CrateVersion, Sight, View};
use wharf_store::TenantTx;
use wharf_store::search::{Candidate, CandidateVersion};

/// Longest search text, in characters.
pub const QUERY_MAX: usize = 200;
/// Most words of a search text that count.
pub const TERMS_MAX: usize = 8;
/// Most crates on a page.
pub const PER_PAGE_MAX: u32 = 100;
/// Up to so many candidates are looked up one by one.
const FEW: usize = 50;
/// Words shorter than this are looked for in names alone: they stand in nearly every description.
const DESCRIBED_MIN: usize = 3;

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

/// How well a crate fits, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Exact,
    Prefix,
    InName,
    InDescription,
}

/// The words of a search text, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Terms(Vec<String>);

impl Terms {
    fn parse(text: &str) -> Result<Self> {
        if text.chars().count() > QUERY_MAX {
            return Err(Error::invalid("query_too_long", format!("search for at most {QUERY_MAX} characters")));
        }
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        Ok(Self(words.take(TERMS_MAX).map(str::to_owned).collect()))
    }

    fn in_descriptions(&self) -> bool {
        self.0.iter().all(|term| term.chars().count() >= DESCRIBED_MIN)
    }

    /// How well a name fits; `None` when a word is not in it.
    fn rank_name(&self, name: &CrateName) -> Option<Rank> {
        let canonical = name.canonical();
        let canonical = canonical.as_str();
        let terms: Vec<String> = self.0.iter().map(|term| term.replace('_', "-")).collect();
        let joined = terms.join("-");
        if canonical == joined {
            Some(Rank::Exact)
        } else if !joined.is_empty() && canonical.starts_with(&joined) {
            Some(Rank::Prefix)
        } else if terms.iter().all(|term| canonical.contains(term.as_str())) {
            Some(Rank::InName)
        } else {
            None
        }
    }

    /// How well a crate fits whose shown version is `version`.
    fn rank(&self, name: &CrateName, version: &CandidateVersion) -> Option<Rank> {
        if let Some(rank) = self.rank_name(name) {
            return Some(rank);
        }
        let canonical = name.canonical();
        let found = self.in_descriptions()
            && self.0.iter().enumerate().all(|(at, term)| {
                canonical.as_str().contains(&term.replace('_', "-")) || version.described.get(at) == Some(&true)
            });
        found.then_some(Rank::InDescription)
    }
}

/// The version that stands for the crate.
fn shown<'a>(versions: &'a [CandidateVersion], sight: &Sight) -> Option<&'a CandidateVersion> {
    versions
        .iter()
        .filter(|version| {
            wharf_trial::mutant!(SearchShowsHiddenVersion { return true; });
            sight.shows(version.number.semver(), version.published_at)
        })
        .max_by_key(|version| (!version.yanked, version.number.semver().pre.is_empty(), version.number.clone()))
}

fn by_crate(versions: Vec<CandidateVersion>) -> HashMap<CrateId, Vec<CandidateVersion>> {
    let mut all: HashMap<CrateId, Vec<CandidateVersion>> = HashMap::new();
    for version in versions {
        all.entry(version.krate).or_default().push(version);
    }
    all
}

impl Site {
    /// The candidates of which a view may hold something, with its sight of them.
    ///
    /// Of a few it is asked from memory whether it does, so that a search for one name reads nothing more when there is a
    /// crate without visible versions. In a long list one crate more or less is lost in the rest.
    async fn in_view(
        &self,
        transaction: &mut TenantTx,
        entry: &RegistryEntry,
        view: &View,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<(Candidate, Sight)>> {
        let few = candidates.len() <= FEW;
        let mut kept = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let canonical = candidate.name.canonical();
            let sight = view.sight(&canonical);
            let held = match &sight {
                Sight::Hidden => false,
                Sight::Part(_) if few => self.holds(transaction, entry, (candidate.id, &canonical), &sight).await?,
                Sight::Part(_) | Sight::Whole => true,
            };
            if held {
                kept.push((candidate, sight));
            }
        }
        Ok(kept)
    }

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
        let mut transaction = self.begin(entry.address.org).await?;
        let allowed: Vec<CratePattern> = view.rules().iter().flat_map(|rule| rule.allow.iter().cloned()).collect();
        let candidates =
            transaction.list_candidates(entry.address.registry, &allowed, &terms.0, terms.in_descriptions()).await?;
        let candidates = self
            .in_view(
                &mut transaction,
                entry,
                view,
                wharf_trial::mutant!(SearchCutBeforeView => {
                    let mut cut = candidates;
                    cut.sort_by_cached_key(|candidate| candidate.name.canonical());
                    cut.truncate(usize::try_from(page * per_page).unwrap_or(usize::MAX));
                    cut
                }; candidates),
            )
            .await?;

        // A crate seen whole and found by its name needs no look at its versions; every crate has one.
        let unsure: Vec<CrateId> = candidates
            .iter()
            .filter(|(candidate, sight)| *sight != Sight::Whole || terms.rank_name(&candidate.name).is_none())
            .map(|(candidate, _)| candidate.id)
            .collect();
        let mut versions = by_crate(transaction.list_candidate_versions(&unsure, &terms.0).await?);
        let mut ranked: Vec<(Rank, Candidate, Sight)> = candidates
            .into_iter()
            .filter_map(|(candidate, sight)| {
                wharf_trial::mutant!(SearchReadsHiddenTexts {
                    let rank = versions.get(&candidate.id)?.iter().filter_map(|version| terms.rank(&candidate.name, version)).min();
                    shown(versions.get(&candidate.id)?, &sight)?;
                    return Some((rank?, candidate, sight));
                });
                let rank = match terms.rank_name(&candidate.name) {
                    Some(rank) if sight == Sight::Whole => rank,
                    _ => terms.rank(&candidate.name, shown(versions.get(&candidate.id)?, &sight)?)?,
                };
                Some((rank, candidate, sight))
            })
            .collect();
        ranked.sort_by_cached_key(|(rank, candidate, _)| (*rank, candidate.name.canonical()));

        wharf_trial::mutant!(SearchRanksByEverything {
            ranked.sort_by_key(|(_, krate, _)| std::cmp::Reverse(versions.get(&krate.id).map_or(0, Vec::len)));
        });
        let total = wharf_trial::mutant!(SearchTotalOfEverything =>
            transaction.list_candidates(entry.address.registry, &[CratePattern::all()], &terms.0, true).await?.len();
            ranked.len());
        let skipped = usize::try_from(u64::from(page - 1) * u64::from(per_page)).unwrap_or(usize::MAX);
        let on_page = ranked.into_iter().skip(skipped).take(usize::try_from(per_page).unwrap_or(usize::MAX));
        let on_page: Vec<(Rank, Candidate, Sight)> = on_page.collect();
        let missing: Vec<CrateId> =
            on_page.iter().map(|(_, candidate, _)| candidate.id).filter(|id| !versions.contains_key(id)).collect();
        versions.extend(by_crate(transaction.list_candidate_versions(&missing, &terms.0).await?));
        let chosen: Vec<(CrateName, &CandidateVersion)> = on_page
            .iter()
            .filter_map(|(_, candidate, sight)| {
                Some((candidate.name.clone(), shown(versions.get(&candidate.id)?, sight)?))
            })
            .collect();
        let wanted: Vec<_> = chosen.iter().map(|(_, version)| version.id).collect();
        let mut descriptions = transaction.list_descriptions(&wanted).await?;
        let hits = chosen
            .into_iter()
            .map(|(name, version)| Hit {
                name,
                version: version.number.clone(),
                description: descriptions.remove(&version.id),
            })
            .collect();
        Ok(Found { hits, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;
    use wharf_domain::view::Rule;
    use wharf_domain::{Timestamp, VersionId};

    fn version(number: &str, yanked: bool, described: &[bool]) -> CandidateVersion {
        CandidateVersion {
            krate: CrateId(Uuid::nil()),
            id: VersionId(Uuid::nil()),
            number: CrateVersion::parse(number).unwrap(),
            published_at: Timestamp::from_unix(0),
            yanked,
            described: described.to_vec(),
        }
    }

    fn name(text: &str) -> CrateName {
        CrateName::parse(text).unwrap()
    }

    #[test]
    fn words() {
        let terms = |text| Terms::parse(text).unwrap().0;
        assert_eq!(terms("  Foo_Bar\tbaz\0qux "), ["foo_bar", "baz", "qux"]);
        assert!(terms("").is_empty());
        assert_eq!(terms(&"a ".repeat(50)).len(), TERMS_MAX);
        assert!(Terms::parse(&"é".repeat(QUERY_MAX)).is_ok());
        assert_eq!(Terms::parse(&"é".repeat(QUERY_MAX + 1)).unwrap_err().code(), "query_too_long");
    }

    #[test]
    fn ranks() {
        let described = version("1.0.0", false, &[true]);
        let silent = version("1.0.0", false, &[false]);
        for (text, crate_name, version, expected) in [
            ("foo-bar", "Foo_Bar", &silent, Some(Rank::Exact)),
            ("foo_bar", "foo-bar", &silent, Some(Rank::Exact)),
            ("foo bar", "foo_bar", &silent, Some(Rank::Exact)),
            ("foo", "foo-bar", &silent, Some(Rank::Prefix)),
            ("bar", "foo-bar", &silent, Some(Rank::InName)),
            ("bar foo", "foo-bar", &silent, Some(Rank::InName)),
            ("http", "foo-bar", &described, Some(Rank::InDescription)),
            ("http", "foo-bar", &silent, None),
            ("http zzz", "foo-bar", &described, None),
            ("http foo", "foo-bar", &described, Some(Rank::InDescription)),
            ("ht", "foo-bar", &described, None), // too short for descriptions
            ("", "foo-bar", &silent, Some(Rank::InName)),
        ] {
            assert_eq!(Terms::parse(text).unwrap().rank(&name(crate_name), version), expected, "{text}");
        }
        assert!(Rank::Exact < Rank::Prefix && Rank::Prefix < Rank::InName && Rank::InName < Rank::InDescription);
    }

    #[test]
    fn the_shown_version() {
        let best = |versions: &[(&str, bool)], sight: &Sight| {
            let versions: Vec<_> = versions.iter().map(|(number, yanked)| version(number, *yanked, &[])).collect();
            shown(&versions, sight).map(|version| version.number.to_string())
        };
        let whole = |versions: &[(&str, bool)]| best(versions, &Sight::Whole).unwrap();
        assert_eq!(whole(&[("1.9.0", false), ("1.10.0", false)]), "1.10.0");
        assert_eq!(whole(&[("1.0.0", false), ("2.0.0-rc", false)]), "1.0.0");
        assert_eq!(whole(&[("1.0.0", false), ("2.0.0", true)]), "1.0.0");
        assert_eq!(whole(&[("1.0.0-rc", false), ("2.0.0", true)]), "1.0.0-rc");
        assert_eq!(whole(&[("1.0.0", true), ("2.0.0", true)]), "2.0.0");

        let below_two = View::new([Rule {
            allow: vec![CratePattern::all()],
            versions: Some("<2".parse().unwrap()),
            ..Rule::default()
        }]);
        let part = below_two.sight(&name("foo").canonical());
        assert_eq!(best(&[("1.0.0", false), ("2.0.0", false)], &part).unwrap(), "1.0.0");
        assert_eq!(best(&[("2.0.0", false)], &part), None);
        assert_eq!(best(&[("1.0.0", false)], &Sight::Hidden), None);
    }
}
