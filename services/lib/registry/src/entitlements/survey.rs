//! Reads as much of a registry as a preview looks at.
//!
//! All that the two views show is read and counted, in pieces. What it needs is looked at as far as bounds allow that do not
//! grow with the registry: what publishers write must not decide how much memory or time a preview takes.

use super::closure::{self, Closure};
use super::comparison::Comparison;
use super::universe::{Krate, Universe};
use crate::catalog::RegistryEntry;
use crate::{Error, Result};
use std::collections::BTreeSet;
use wharf_domain::entitlement::Terms;
use wharf_domain::{CanonicalName, Sight, View};
use wharf_store::TenantTx;
use wharf_store::view_contents::{HeldCrate, Narrowing};

/// Versions of the view whose needs are looked at, and as many again of what they need.
const EXAMINED_MAX: usize = 50_000;
/// Different needs looked at, each counted once for every comparison in its requirement, and as many again.
const NEEDS_MAX: usize = 100_000;
/// Bytes of index lines read in search of needs, and as many again.
const LINES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Crates read from the database at once.
const CHUNK: i64 = 500;
/// Bytes of index lines held at once. More than the longest index file, so that every crate can be read.
const CHUNK_BYTES: i64 = 32 * 1024 * 1024;

/// How much is read in search of needs.
#[derive(Clone, Copy)]
struct Bounds {
    releases: usize,
    needs: usize,
    line_bytes: usize,
}

impl Bounds {
    const FOR_THE_VIEW: Self = Self { releases: EXAMINED_MAX, needs: NEEDS_MAX, line_bytes: LINES_BYTES_MAX };
    const WITH_WHAT_IT_NEEDS: Self =
        Self { releases: 2 * EXAMINED_MAX, needs: 2 * NEEDS_MAX, line_bytes: 2 * LINES_BYTES_MAX };
}

/// What has been read of the registry so far.
pub(super) struct Survey {
    pub(super) terms: Terms,
    view: View,
    former: View,
    pub(super) comparison: Comparison,
    pub(super) universe: Universe,
    line_bytes: usize,
    bounds: Bounds,
    /// Some visible crate was counted, but its needs were not looked at.
    pub(super) partial: bool,
}

impl Survey {
    fn of(terms: Terms, former: &Terms) -> Self {
        Self {
            view: terms.view(),
            former: former.view(),
            terms,
            comparison: Comparison::default(),
            universe: Universe::default(),
            line_bytes: 0,
            bounds: Bounds::FOR_THE_VIEW,
            partial: false,
        }
    }

    fn has_room(&self) -> bool {
        let size = self.universe.size();
        size.releases < self.bounds.releases
            && size.needs < self.bounds.needs
            && self.line_bytes < self.bounds.line_bytes
    }

    fn shows(&self, held: &HeldCrate) -> bool {
        self.view.sight(&held.name.canonical()) != Sight::Hidden
    }

    /// Takes in crates that one of the two views may show.
    pub(super) fn take(&mut self, chunk: Vec<HeldCrate>) -> Result<()> {
        for held in chunk {
            self.comparison.see(&held, &self.view, &self.former);
            if self.shows(&held) && !self.examine(held)? {
                self.partial = true;
            }
        }
        Ok(())
    }

    /// Looks at what a crate needs, if it was read and there is room; tells whether it did.
    fn examine(&mut self, held: HeldCrate) -> Result<bool> {
        if !self.has_room() || !is_read(&held) {
            return Ok(false);
        }
        self.line_bytes +=
            held.versions.iter().filter_map(|version| version.line.as_ref()).map(String::len).sum::<usize>();
        self.universe.insert(Krate::read(held)?);
        Ok(true)
    }
}

/// Whether all index lines of a crate are there.
fn is_read(held: &HeldCrate) -> bool {
    held.versions.iter().all(|version| version.line.is_some())
}

/// Reads the registry in pieces. The work on each piece happens away from the threads that answer requests.
pub(super) async fn survey(
    transaction: &mut TenantTx,
    entry: &RegistryEntry,
    terms: Terms,
    former: &Terms,
) -> Result<(Survey, Closure)> {
    let mut survey = Survey::of(terms, former);
    let narrowing = Narrowing::of_views([&survey.view, &survey.former]);
    let mut after = String::new();
    while !narrowing.is_empty() {
        let of_interest = |held: &HeldCrate| survey.has_room() && survey.shows(held);
        let chunk = piece(transaction, entry, &narrowing, &after, of_interest).await?.crates;
        let Some(last) = chunk.last() else { break };
        after = last.name.canonical().to_string();
        survey = aside(move || survey.take(chunk).map(|()| survey)).await??;
    }
    survey.bounds = Bounds::WITH_WHAT_IT_NEEDS;
    loop {
        let closure;
        (survey, closure) = aside(move || {
            let closure = closure::close(&survey.universe, &survey.terms);
            (survey, closure)
        })
        .await?;
        let names: Vec<CanonicalName> = closure.unknown.iter().cloned().collect();
        let known = survey.universe.names();
        for names in names.chunks(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
            survey = look_up(transaction, entry, survey, names).await?;
        }
        if survey.universe.names() == known {
            return Ok((survey, closure));
        }
    }
}

/// Takes in what there is of some needed names, at most [`CHUNK`] of them, as far as there is room.
async fn look_up(
    transaction: &mut TenantTx,
    entry: &RegistryEntry,
    mut survey: Survey,
    names: &[CanonicalName],
) -> Result<Survey> {
    let narrowing = Narrowing::of_names(names);
    let mut absent: BTreeSet<CanonicalName> = names.iter().cloned().collect();
    let mut after = String::new();
    while survey.has_room() {
        let Piece { crates, cut } = piece(transaction, entry, &narrowing, &after, |_| true).await?;
        for held in &crates {
            after = held.name.canonical().to_string();
            absent.remove(&held.name.canonical());
        }
        survey = aside(move || crates.into_iter().try_for_each(|held| survey.examine(held).map(drop)).map(|()| survey))
            .await??;
        if !cut {
            absent.into_iter().for_each(|name| survey.universe.insert_absent(name));
            break;
        }
    }
    Ok(survey)
}

/// Crates in a row, with the index lines of those of interest.
struct Piece {
    crates: Vec<HeldCrate>,
    /// More crates follow whose lines did not fit.
    cut: bool,
}

/// Reads the next crates: at most [`CHUNK`] of them, and no more than have lines that fit into [`CHUNK_BYTES`]. The first
/// comes in any case, if need be without all of its lines.
async fn piece(
    transaction: &mut TenantTx,
    entry: &RegistryEntry,
    narrowing: &Narrowing,
    after: &str,
    of_interest: impl Fn(&HeldCrate) -> bool,
) -> Result<Piece> {
    let mut crates = transaction.list_contents(entry.address.registry, narrowing, after, CHUNK).await?;
    let found = crates.len();
    let unread = crates.iter_mut().filter(|held| of_interest(held)).flat_map(|held| &mut held.versions).collect();
    transaction.read_lines(unread, CHUNK_BYTES).await?;
    if let Some(unread) = crates.iter().position(|held| of_interest(held) && !is_read(held)) {
        crates.truncate(unread.max(1));
    }
    Ok(Piece { cut: crates.len() < found, crates })
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

#[cfg(test)]
pub(super) mod fixtures {
    use super::*;
    use wharf_domain::view::Rule;
    use wharf_domain::{CrateId, CrateName, CratePattern, CrateVersion, Timestamp};
    use wharf_store::view_contents::HeldVersion;

    pub(in crate::entitlements) fn held(name: &str, needs: &[&str]) -> HeldCrate {
        let deps: Vec<String> = needs
            .iter()
            .map(|name| {
                format!(
                    r#"{{"name":"{name}","req":"^1","features":[],"optional":false,"default_features":true,"target":null,"kind":"normal"}}"#
                )
            })
            .collect();
        HeldCrate {
            id: CrateId(uuid::Uuid::from_u128(1)),
            name: CrateName::parse(name).unwrap(),
            versions: vec![HeldVersion {
                id: wharf_domain::VersionId(uuid::Uuid::nil()),
                number: CrateVersion::parse("1.0.0").unwrap(),
                published_at: Timestamp::from_unix(10),
                yanked: false,
                line: Some(format!(
                    r#"{{"name":"{name}","vers":"1.0.0","deps":[{}],"cksum":"00","features":{{}},"yanked":false}}"#,
                    deps.join(",")
                )),
            }],
        }
    }

    /// The same without its lines.
    pub(in crate::entitlements) fn unread(mut held: HeldCrate) -> HeldCrate {
        held.versions.iter_mut().for_each(|version| version.line = None);
        held
    }

    pub(in crate::entitlements) fn terms(allow: &[&str]) -> Terms {
        let allow = allow.iter().map(|text| CratePattern::parse(text).unwrap()).collect();
        Terms { rules: vec![Rule { allow, ..Rule::default() }], ..Terms::default() }
    }

    pub(in crate::entitlements) fn fresh(terms: Terms) -> Survey {
        Survey::of(terms, &Terms::default())
    }

    /// Takes in needed crates as if they had been looked up.
    pub(in crate::entitlements) fn know(survey: &mut Survey, crates: Vec<HeldCrate>) {
        for held in crates {
            assert!(survey.examine(held).unwrap());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::{fresh, held, terms};
    use super::*;

    #[test]
    fn needs_are_looked_at_within_bounds_inside_a_piece_too() {
        let wide = Bounds { releases: 100, needs: 100, line_bytes: 100_000 };
        let chunk = || (0..10).map(|n| held(&format!("a{n}"), &[&format!("x{n}"), &format!("y{n}")])).collect();
        let line_bytes = held("a0", &["x0", "y0"]).versions[0].line.as_ref().unwrap().len();
        for (bounds, examined) in [
            (wide, 10),
            (Bounds { releases: 4, ..wide }, 4),
            (Bounds { needs: 4, ..wide }, 2),
            (Bounds { needs: 5, ..wide }, 3),
            (Bounds { line_bytes: 2 * line_bytes + 1, ..wide }, 3),
            (Bounds { needs: 0, ..wide }, 0),
        ] {
            let mut survey = Survey { bounds, ..fresh(terms(&["a*"])) };
            survey.take(chunk()).unwrap();
            assert_eq!(survey.universe.present().count(), examined);
            assert_eq!((survey.partial, survey.comparison.holds.crates), (examined < 10, 10), "counts stay exact");
            let unknown = closure::close(&survey.universe, &survey.terms).unknown;
            assert_eq!(unknown.len(), 2 * examined);
            unknown.into_iter().for_each(|name| survey.universe.insert_absent(name));
            assert_eq!(closure::close(&survey.universe, &survey.terms).missing_total, 2 * examined);
        }
        // Stated by many, a need is one.
        let mut survey = Survey { bounds: Bounds { needs: 2, ..wide }, ..fresh(terms(&["a*"])) };
        survey.take((0..10).map(|n| held(&format!("a{n}"), &["core"])).collect()).unwrap();
        assert!(!survey.partial && survey.universe.size().needs == 1);
    }
}
