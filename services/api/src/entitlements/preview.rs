//! Preview over JSON: what terms would mean, before they are saved.

use super::terms::{RightsJson, RuleJson, terms};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use wharf_domain::{CrateName, CratePattern, CrateVersion, EntitlementId};
use wharf_registry::entitlements::{Effect, Explanation, Lack, Missing, Preview, Question, Side, Subject};
use wharf_registry::{Error, Result};

/// Rights and rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementTerms)]
pub struct TermsJson {
    /// What the holder may do; to read when left out.
    #[serde(default)]
    pub rights: Option<RightsJson>,
    /// What the holder sees.
    #[serde(default)]
    pub rules: Option<Vec<RuleJson>>,
}

/// A crate, or a version of it, that is to be explained.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementExplain)]
pub struct ExplainJson {
    /// The crate.
    #[serde(rename = "crate")]
    pub krate: String,
    /// The version; any of them when left out.
    #[serde(default)]
    pub version: Option<String>,
}

/// What is to be previewed. The terms stand in `terms`, or as `rights` and `rules` beside it, as in an entitlement; the
/// terms of `entitlement` are taken when there are none here.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementQuestion)]
pub struct QuestionJson {
    /// The terms.
    #[serde(default)]
    pub terms: Option<TermsJson>,
    /// The rights, when there is no `terms`.
    #[serde(default)]
    pub rights: Option<RightsJson>,
    /// The rules, when there is no `terms`.
    #[serde(default)]
    pub rules: Option<Vec<RuleJson>>,
    /// The entitlement whose present view is compared with.
    #[serde(default)]
    pub entitlement: Option<Uuid>,
    /// A crate whose presence or absence is to be explained.
    #[serde(default)]
    pub explain: Option<ExplainJson>,
}

impl QuestionJson {
    /// The question.
    pub fn read(self) -> Result<(Question, Option<ExplainJson>)> {
        let terms = match (self.terms, self.rights, self.rules) {
            (Some(json), None, None) => Some(terms(json.rights, json.rules)),
            (None, None, None) => None,
            (None, rights, rules) => Some(terms(rights, rules)),
            (Some(_), _, _) => {
                return Err(Error::invalid(
                    "body_invalid",
                    "give `terms`, or `rights` and `rules` beside it, not both",
                ));
            }
        };
        let subject = match (self.entitlement, terms) {
            (Some(id), terms) => Subject::Entitlement(EntitlementId(id), terms),
            (None, Some(terms)) => Subject::Terms(terms),
            (None, None) => {
                return Err(Error::invalid(
                    "body_invalid",
                    "there is nothing to preview: give `terms`, or an `entitlement`",
                ));
            }
        };
        let explain = self
            .explain
            .as_ref()
            .map(|wanted| -> Result<_> {
                let name = CrateName::parse(&wanted.krate)
                    .map_err(|error| Error::invalid("body_invalid", format!("`explain.crate`: {error}")))?;
                let version = wanted
                    .version
                    .as_deref()
                    .map(CrateVersion::parse)
                    .transpose()
                    .map_err(|error| Error::invalid("body_invalid", format!("`explain.version`: {error}")))?;
                Ok((name, version))
            })
            .transpose()?;
        Ok((Question { subject, explain }, self.explain))
    }
}

/// Versions of a crate.
#[derive(Debug, Serialize, ToSchema)]
pub struct CrateVersions {
    /// The crate.
    #[serde(rename = "crate")]
    pub krate: String,
    /// The versions.
    pub versions: Vec<String>,
}

/// A number of crates and of versions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewCount)]
pub struct CountJson {
    /// Crates.
    pub crates: u64,
    /// Versions.
    pub versions: u64,
}

/// How many there are of what the lists may show only in part.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewTotals)]
pub struct TotalsJson {
    /// Of `added`.
    pub added: CountJson,
    /// Of `removed`.
    pub removed: CountJson,
    /// Of `closure`.
    pub closure: usize,
}

/// What a version needs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewNeed)]
pub struct NeedJson {
    /// The crate.
    #[serde(rename = "crate")]
    pub krate: String,
    /// The requirement on its version.
    pub req: String,
    /// Whether it is needed only with a feature that is off at first.
    pub optional: bool,
}

/// A visible version that needs something hidden.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewMissing)]
pub struct MissingJson {
    /// The crate that needs.
    #[serde(rename = "crate")]
    pub krate: String,
    /// The version that needs.
    pub version: String,
    /// What it needs.
    pub needs: NeedJson,
    /// `crate_hidden`; `versions_hidden`: the crate is shown, but no version that would do; `not_published`: no view helps.
    pub reason: &'static str,
}

impl From<Missing> for MissingJson {
    fn from(missing: Missing) -> Self {
        Self {
            krate: missing.name.to_string(),
            version: missing.number.to_string(),
            needs: NeedJson {
                krate: missing.need.name.to_string(),
                req: missing.need.requirement.to_string(),
                optional: missing.need.optional,
            },
            reason: match missing.lack {
                Lack::CrateHidden => "crate_hidden",
                Lack::VersionsHidden => "versions_hidden",
                Lack::NotPublished => "not_published",
            },
        }
    }
}

/// What one rule does about the explained crate.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewRuleEffect)]
pub struct RuleEffectJson {
    /// Which rule, the first being 1.
    pub rule: usize,
    /// `shows`, `other_crates`, `excepts`, `no_read_right` or `other_versions`.
    pub effect: &'static str,
}

/// Why a crate or a version is in the view, or not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewWhy)]
pub struct WhyJson {
    /// The crate asked for.
    #[serde(rename = "crate")]
    pub krate: String,
    /// The version asked for.
    pub version: Option<String>,
    /// Whether the registry has it.
    pub exists: bool,
    /// Whether the view shows it.
    pub visible: bool,
    /// What each rule does about it.
    pub rules: Vec<RuleEffectJson>,
    /// Whether the publish right shows it.
    pub publish_right: bool,
    /// All this in a sentence.
    pub text: String,
}

impl WhyJson {
    fn new(asked: ExplainJson, explanation: Explanation) -> Self {
        Self {
            krate: asked.krate,
            version: asked.version,
            exists: explanation.exists,
            visible: explanation.visible,
            publish_right: explanation.publish_right,
            text: explanation.sentence(),
            rules: explanation
                .rules
                .into_iter()
                .enumerate()
                .map(|(at, effect)| RuleEffectJson {
                    rule: at + 1,
                    effect: match effect {
                        Effect::Shows => "shows",
                        Effect::OtherCrates => "other_crates",
                        Effect::Excepts => "excepts",
                        Effect::NoReadRight => "no_read_right",
                        Effect::OtherVersions => "other_versions",
                    },
                })
                .collect(),
        }
    }
}

/// What terms would mean.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntitlementPreview)]
pub struct PreviewJson {
    /// The identity of the view.
    pub view_id: String,
    /// How many crates it holds.
    pub crates: u64,
    /// How many versions it holds.
    pub versions: u64,
    /// What the view holds and the present one does not, at most 5,000 versions.
    pub added: Vec<CrateVersions>,
    /// What the present view holds and this one does not, at most 5,000 versions.
    pub removed: Vec<CrateVersions>,
    /// Visible versions that need something hidden, at most 1,000 needs.
    pub closure: Vec<MissingJson>,
    /// Rules that would show everything `closure` names, and what that needs in its turn.
    #[schema(value_type = Vec<RuleJson>)]
    pub suggested_rules: Vec<RuleJson>,
    /// Patterns the read right must have besides, for these rules to show anything.
    #[schema(value_type = Vec<String>)]
    pub suggested_read: Vec<CratePattern>,
    /// Whether the terms would stay within the limits with the suggested rules; these are left out when not.
    pub suggestion_fits: bool,
    /// Whether the needs of the whole view were looked at; a very large view is looked at in part.
    pub complete: bool,
    /// How many there are in all.
    pub totals: TotalsJson,
    /// Why the crate asked for is in the view, or not.
    pub why: Option<WhyJson>,
}

fn listed(side: &Side) -> Vec<CrateVersions> {
    side.listed
        .iter()
        .map(|(name, numbers)| CrateVersions {
            krate: name.to_string(),
            versions: numbers.iter().map(ToString::to_string).collect(),
        })
        .collect()
}

impl PreviewJson {
    pub(super) fn new(preview: Preview, asked: Option<ExplainJson>) -> Self {
        let comparison = &preview.comparison;
        let count = |side: &Side| CountJson { crates: side.count.crates, versions: side.count.versions };
        Self {
            view_id: preview.view.to_string(),
            crates: comparison.holds.crates,
            versions: comparison.holds.versions,
            added: listed(&comparison.added),
            removed: listed(&comparison.removed),
            totals: TotalsJson {
                added: count(&comparison.added),
                removed: count(&comparison.removed),
                closure: preview.missing_total,
            },
            closure: preview.missing.into_iter().map(MissingJson::from).collect(),
            suggested_rules: preview.suggested_rules.iter().map(RuleJson::from).collect(),
            suggested_read: preview.suggested_read,
            suggestion_fits: preview.suggestion_fits,
            complete: preview.complete,
            why: asked.zip(preview.explanation).map(|(asked, explanation)| WhyJson::new(asked, explanation)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: Value) -> Result<Question> {
        let json: QuestionJson =
            serde_json::from_value(value).map_err(|error| Error::invalid("body_invalid", error.to_string()))?;
        json.read().map(|(question, _)| question)
    }

    #[test]
    fn terms_stand_in_one_place() {
        let rules = json!([{ "allow": ["partner-*"] }]);
        let of = |question: Question| match question.subject {
            Subject::Terms(terms) | Subject::Entitlement(_, Some(terms)) => terms,
            Subject::Entitlement(_, None) => panic!("terms were given"),
        };
        let inside = of(read(json!({ "terms": { "rules": rules } })).unwrap());
        let beside = of(read(json!({ "rules": rules })).unwrap());
        assert_eq!(inside, beside);
        assert_eq!(inside.rules.len(), 1);
        let id = Uuid::from_u128(7);
        let own = read(json!({ "entitlement": id })).unwrap();
        assert!(matches!(own.subject, Subject::Entitlement(EntitlementId(found), None) if found == id));
        assert_eq!(of(read(json!({ "entitlement": id, "terms": { "rules": rules } })).unwrap()), inside);
        for bad in [
            json!({}),
            json!({ "terms": {}, "rules": [] }),
            json!({ "terms": { "rule": [] } }),
            json!({ "entitlement": "x" }),
            json!({ "rules": [], "explain": { "crate": "a b" } }),
            json!({ "rules": [], "explain": { "crate": "a", "version": "1" } }),
            json!({ "rules": [], "explain": {} }),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
        let explained = read(json!({ "rules": [], "explain": { "crate": "a_B", "version": "1.0.0" } })).unwrap();
        let (name, version) = explained.explain.unwrap();
        assert_eq!((name.as_str(), version.unwrap().to_string().as_str()), ("a_B", "1.0.0"));
    }
}
