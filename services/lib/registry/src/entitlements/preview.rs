//! Previews terms before they are saved: what the view would hold, what it gains and loses, what it would lack, and why
//! a crate is in it or not.
//!
//! Counts are exact for a registry of any size. Needs are looked at within bounds, and the answer says whether that was all
//! of them; see `survey`.

use super::closure::{Closure, Missing};
use super::comparison::Comparison;
use super::draft::check_terms;
use super::explanation::{Explanation, explain};
use super::survey::{Survey, survey};
use crate::{Actor, Error, Result, Site};
use wharf_domain::entitlement::Terms;
use wharf_domain::view::Rule;
use wharf_domain::{CrateName, CratePattern, CrateVersion, EntitlementId, Verb, ViewId};
use wharf_store::view_contents::Narrowing;

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
    /// The visible versions that need something hidden, at most [`super::MISSING_MAX`].
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
                let narrowing = Narrowing::of_names([&canonical]);
                let held = transaction.list_contents(entry.address.registry, &narrowing, "", 1).await?.pop();
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
    let Closure { missing, missing_total, rules, read, unknown } = closure;
    let mut wider = terms.clone();
    wider.rules.extend(rules.iter().cloned());
    wider.rights.read.extend(read.iter().cloned());
    let suggestion_fits = wider.check().is_ok();
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

#[cfg(test)]
mod tests {
    use super::super::closure;
    use super::super::survey::fixtures::{fresh, held, know, terms, unread};
    use super::*;

    fn preview(survey: Survey) -> Preview {
        let terms = survey.terms.clone();
        let closure = closure::close(&survey.universe, &terms);
        assemble(terms.view_id(wharf_domain::RegistryId(uuid::Uuid::from_u128(1))), &terms, survey, closure, None)
    }

    #[test]
    fn an_answer_that_did_not_see_everything_says_so() {
        let mut survey = fresh(terms(&["a*"]));
        survey.take(vec![held("a", &["core"]), held("ab", &[])]).unwrap();
        know(&mut survey, vec![held("core", &[])]);
        let whole = preview(survey);
        assert!(whole.complete && whole.suggestion_fits);
        assert_eq!((whole.missing_total, whole.comparison.holds.crates), (1, 2));
        assert_eq!(whole.suggested_rules.len(), 1);

        let mut survey = fresh(terms(&["a*"]));
        survey.take(vec![held("a", &["core"])]).unwrap();
        assert!(!preview(survey).complete, "a needed name was not looked up");

        let mut survey = fresh(terms(&["a*"]));
        survey.take(vec![unread(held("a", &[]))]).unwrap();
        let partial = preview(survey);
        assert!(!partial.complete && partial.comparison.holds.crates == 1);
    }

    #[test]
    fn rules_that_would_not_fit_are_not_suggested() {
        let mut full = terms(&["a"]);
        full.rules = vec![full.rules[0].clone(); wharf_domain::entitlement::RULES_MAX];
        let mut survey = fresh(full);
        survey.take(vec![held("a", &["core"])]).unwrap();
        know(&mut survey, vec![held("core", &[])]);
        let preview = preview(survey);
        assert_eq!(preview.missing_total, 1);
        assert!(!preview.suggestion_fits && preview.suggested_rules.is_empty());
    }
}
