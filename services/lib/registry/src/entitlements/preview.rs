//! Previews terms before they are saved: what the view would hold, what it gains and loses, what it would lack, and why
//! a crate is in it or not.
//!
//! Counts are exact for a registry of any size: it is read in pieces. Needs are looked at for a bounded number of versions,
//! and the answer says whether that was all of them.

use super::closure::{self, Closure, Missing};
use super::comparison::Comparison;
use super::draft::check_terms;
use super::explanation::{Explanation, explain};
use super::universe::{Krate, Universe};
use crate::catalog::RegistryEntry;
use crate::{Actor, Error, Result, Site};
use wharf_domain::entitlement::Terms;
use wharf_domain::view::Rule;
use wharf_domain::{CanonicalName, CrateName, CratePattern, CrateVersion, EntitlementId, Sight, Verb, View, ViewId};
use wharf_store::TenantTx;
use wharf_store::view_contents::{HeldCrate, Narrowing};

/// Most unmet needs listed; the number of all is stated.
pub const MISSING_MAX: usize = 1_000;
/// Versions of the view whose needs are looked at, and as many again of what they need.
const EXAMINED_MAX: usize = 50_000;
/// Crates read from the database at once.
const CHUNK: i64 = 500;

/// What is to be previewed.
#[derive(Clone, Debug)]
pub enum Subject {
    /// These terms, by themselves.
    Terms(Terms),
    /// These terms in the place of those of an entitlement; its own when there are none.
    Entitlement(EntitlementId, Option<Terms>),
}

/// A preview that is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is to be previewed.
    pub subject: Subject,
    /// The crate, and the version of it, that is to be explained.
    pub explain: Option<(CrateName, Option<CrateVersion>)>,
}

/// What terms would mean.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The identity of the view.
    pub view: ViewId,
    /// What it holds, gains and loses.
    pub comparison: Comparison,
    /// The visible versions that need something hidden, at most [`MISSING_MAX`].
    pub missing: Vec<Missing>,
    /// How many such needs there are.
    pub missing_total: usize,
    /// Whether the needs of the whole view were looked at.
    pub complete: bool,
    /// Rules that would show everything that is missing.
    pub suggested_rules: Vec<Rule>,
    /// Patterns the read right must have besides, for these rules to show anything.
    pub suggested_read: Vec<CratePattern>,
    /// Whether the terms with these rules would still be within the limits; the rules are left out when not.
    pub suggestion_fits: bool,
    /// Why something is in the view, or not.
    pub explanation: Option<Explanation>,
}

impl Site {
    /// Previews terms. It tells of every crate of the registry, so it takes the right to grant them all.
    pub async fn preview_entitlement(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        question: Question,
    ) -> Result<Preview> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementWrite)?;
        let mut transaction = self.begin(entry.address.org).await?;
        let (terms, former) = match question.subject {
            Subject::Terms(terms) => (terms, Terms::default()),
            Subject::Entitlement(id, terms) => {
                let found = transaction.find_entitlement(entry.address.registry, id).await?;
                let former = found.ok_or_else(Error::not_found)?.terms;
                (terms.unwrap_or_else(|| former.clone()), former)
            }
        };
        check_terms(&terms)?;
        let explanation = match &question.explain {
            None => None,
            Some((name, version)) => {
                let canonical = name.canonical();
                let held = named(&mut transaction, &entry, [&canonical], false).await?.pop();
                Some(explain(&terms, &canonical, version.as_ref().map(CrateVersion::semver), held.as_ref()))
            }
        };
        let view = terms.view_id(entry.address.registry);
        let (survey, closure) = survey(&mut transaction, &entry, terms.clone(), &former).await?;
        Ok(assemble(view, &terms, survey, closure, explanation))
    }
}

fn assemble(
    view: ViewId,
    terms: &Terms,
    survey: Survey,
    closure: Closure,
    explanation: Option<Explanation>,
) -> Preview {
    let Closure { mut missing, rules, read, unknown } = closure;
    let mut wider = terms.clone();
    wider.rules.extend(rules.iter().cloned());
    wider.rights.read.extend(read.iter().cloned());
    let suggestion_fits = wider.check().is_ok();
    let missing_total = missing.len();
    missing.truncate(MISSING_MAX);
    Preview {
        view,
        comparison: survey.comparison,
        missing,
        missing_total,
        complete: !survey.partial && unknown.is_empty(),
        suggested_rules: if suggestion_fits { rules } else { Vec::new() },
        suggested_read: if suggestion_fits { read } else { Vec::new() },
        suggestion_fits,
        explanation,
    }
}

/// What has been read of the registry so far.
struct Survey {
    terms: Terms,
    view: View,
    former: View,
    comparison: Comparison,
    universe: Universe,
    /// Some visible crate was counted, but its needs were not looked at.
    partial: bool,
}

impl Survey {
    /// Takes in crates that one of the two views may show.
    fn take(&mut self, chunk: Vec<HeldCrate>, with_lines: bool) -> Result<()> {
        for held in chunk {
            self.comparison.see(&held, &self.view, &self.former);
            if self.view.sight(&held.name.canonical()) == Sight::Hidden {
                continue;
            }
            if with_lines {
                self.universe.insert(Krate::read(held)?);
            } else {
                self.partial = true;
            }
        }
        Ok(())
    }

    /// Takes in all there is of some needed names.
    fn take_needed(&mut self, names: Vec<CanonicalName>, found: Vec<HeldCrate>) -> Result<()> {
        for held in found {
            self.universe.insert(Krate::read(held)?);
        }
        names.into_iter().for_each(|name| self.universe.insert_absent(name));
        Ok(())
    }
}

/// Reads the registry in pieces. The work on each piece happens away from the threads that answer requests.
async fn survey(
    transaction: &mut TenantTx,
    entry: &RegistryEntry,
    terms: Terms,
    former: &Terms,
) -> Result<(Survey, Closure)> {
    let (view, former) = (terms.view(), former.view());
    let narrowing = Narrowing::of_views([&view, &former]);
    let mut survey = Survey {
        terms,
        view,
        former,
        comparison: Comparison::default(),
        universe: Universe::default(),
        partial: false,
    };
    let mut after = String::new();
    while !narrowing.is_empty() {
        let with_lines = survey.universe.releases() < EXAMINED_MAX;
        let chunk = transaction.list_contents(entry.address.registry, &narrowing, &after, CHUNK, with_lines).await?;
        let Some(last) = chunk.last() else { break };
        after = last.name.canonical().to_string();
        survey = aside(move || survey.take(chunk, with_lines).map(|()| survey)).await??;
    }
    loop {
        let closure;
        (survey, closure) = aside(move || {
            let closure = closure::close(&survey.universe, &survey.terms);
            (survey, closure)
        })
        .await?;
        if closure.unknown.is_empty() || survey.universe.releases() >= 2 * EXAMINED_MAX {
            return Ok((survey, closure));
        }
        let names: Vec<CanonicalName> = closure.unknown.into_iter().collect();
        for names in names.chunks(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
            let found = named(transaction, entry, names, true).await?;
            let names = names.to_vec();
            survey = aside(move || survey.take_needed(names, found).map(|()| survey)).await??;
        }
    }
}

/// The crates of these names, at most [`CHUNK`] of them.
async fn named<'a>(
    transaction: &mut TenantTx,
    entry: &RegistryEntry,
    names: impl IntoIterator<Item = &'a CanonicalName>,
    with_lines: bool,
) -> Result<Vec<HeldCrate>> {
    let narrowing = Narrowing::of_names(names);
    Ok(transaction.list_contents(entry.address.registry, &narrowing, "", CHUNK, with_lines).await?)
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::{CrateId, Timestamp};
    use wharf_store::view_contents::HeldVersion;

    fn held(name: &str, needs: &[&str]) -> HeldCrate {
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

    fn terms(allow: &[&str]) -> Terms {
        let allow = allow.iter().map(|text| CratePattern::parse(text).unwrap()).collect();
        Terms { rules: vec![Rule { allow, ..Rule::default() }], ..Terms::default() }
    }

    fn fresh(terms: Terms) -> Survey {
        Survey {
            view: terms.view(),
            terms,
            former: View::default(),
            comparison: Comparison::default(),
            universe: Universe::default(),
            partial: false,
        }
    }

    fn preview(survey: Survey) -> Preview {
        let terms = survey.terms.clone();
        let closure = closure::close(&survey.universe, &terms);
        assemble(terms.view_id(wharf_domain::RegistryId(uuid::Uuid::from_u128(1))), &terms, survey, closure, None)
    }

    #[test]
    fn an_answer_that_did_not_see_everything_says_so() {
        let mut survey = fresh(terms(&["a*"]));
        survey.take(vec![held("a", &["core"]), held("ab", &[])], true).unwrap();
        survey.take_needed(vec![CrateName::parse("core").unwrap().canonical()], vec![held("core", &[])]).unwrap();
        let whole = preview(survey);
        assert!(whole.complete && whole.suggestion_fits);
        assert_eq!((whole.missing_total, whole.comparison.holds.crates), (1, 2));
        assert_eq!(whole.suggested_rules.len(), 1);

        let mut survey = fresh(terms(&["a*"]));
        survey.take(vec![held("a", &["core"])], true).unwrap();
        assert!(!preview(survey).complete, "a needed name was not looked up");

        let mut survey = fresh(terms(&["a*"]));
        survey.take(vec![held("a", &[])], false).unwrap();
        let partial = preview(survey);
        assert!(!partial.complete && partial.comparison.holds.crates == 1);
    }

    #[test]
    fn rules_that_would_not_fit_are_not_suggested() {
        let mut full = terms(&["a"]);
        full.rules = vec![full.rules[0].clone(); wharf_domain::entitlement::RULES_MAX];
        let mut survey = fresh(full);
        survey.take(vec![held("a", &["core"])], true).unwrap();
        survey.take_needed(vec![CrateName::parse("core").unwrap().canonical()], vec![held("core", &[])]).unwrap();
        let preview = preview(survey);
        assert_eq!(preview.missing_total, 1);
        assert!(!preview.suggestion_fits && preview.suggested_rules.is_empty());
    }
}
