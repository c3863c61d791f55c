//! The parts of an entitlement as JSON: rights, rules, limits, holder, sources. Both read and written.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use wharf_domain::entitlement::{Counted, Limit, Per, Rights, Terms};
use wharf_domain::view::Rule;
use wharf_domain::{CratePattern, Slug, Timestamp, source};
use wharf_registry::entitlements::{DraftHolder, Holder};

/// What the holder may do, each right on crate patterns: a crate name, or a prefix followed by `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementRights)]
pub struct RightsJson {
    /// See and download, within the rules. Everything when left out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub read: Option<Vec<CratePattern>>,
    /// Publish; shows these crates in the view. Nothing when left out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub publish: Option<Vec<CratePattern>>,
    /// Yank and unyank. Nothing when left out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub yank: Option<Vec<CratePattern>>,
    /// Add and remove owners. Nothing when left out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub owners: Option<Vec<CratePattern>>,
}

impl From<RightsJson> for Rights {
    fn from(json: RightsJson) -> Self {
        let default = Self::default();
        Self {
            read: json.read.unwrap_or(default.read),
            publish: json.publish.unwrap_or(default.publish),
            yank: json.yank.unwrap_or(default.yank),
            owners: json.owners.unwrap_or(default.owners),
        }
    }
}

impl From<&Rights> for RightsJson {
    fn from(rights: &Rights) -> Self {
        Self {
            read: Some(rights.read.clone()),
            publish: Some(rights.publish.clone()),
            yank: Some(rights.yank.clone()),
            owners: Some(rights.owners.clone()),
        }
    }
}

/// Crates and versions to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementRule)]
pub struct RuleJson {
    /// Crate names, or prefixes followed by `*`.
    #[schema(value_type = Vec<String>)]
    pub allow: Vec<CratePattern>,
    /// Crates this rule does not show after all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub except: Vec<CratePattern>,
    /// Only versions that satisfy this requirement, as cargo reads it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub versions: Option<semver::VersionReq>,
    /// Only versions published before this moment.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub published_before: Option<Timestamp>,
}

impl From<RuleJson> for Rule {
    fn from(json: RuleJson) -> Self {
        Self {
            allow: json.allow,
            except: json.except,
            versions: json.versions,
            published_before: json.published_before,
        }
    }
}

impl From<&Rule> for RuleJson {
    fn from(rule: &Rule) -> Self {
        Self {
            allow: rule.allow.clone(),
            except: rule.except.clone(),
            versions: rule.versions.clone(),
            published_before: rule.published_before,
        }
    }
}

/// The terms that rights and rules make.
pub(super) fn terms(rights: Option<RightsJson>, rules: Option<Vec<RuleJson>>) -> Terms {
    Terms {
        rights: rights.unwrap_or_default().into(),
        rules: rules.unwrap_or_default().into_iter().map(Rule::from).collect(),
    }
}

/// At most `max` of `count` per `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementLimit)]
pub struct LimitJson {
    /// What is counted: `downloads`, `bytes` or `clients`.
    #[schema(value_type = String)]
    pub count: Counted,
    /// Over which time: `day`, `month` or `total`.
    #[schema(value_type = String)]
    pub per: Per,
    /// The most that is allowed.
    #[schema(minimum = 1)]
    pub max: u64,
}

impl From<LimitJson> for Limit {
    fn from(json: LimitJson) -> Self {
        Self { count: json.count, per: json.per, max: json.max }
    }
}

impl From<Limit> for LimitJson {
    fn from(limit: Limit) -> Self {
        Self { count: limit.count, per: limit.per, max: limit.max }
    }
}

/// Who uses an entitlement: `{"member": "login"}` or `{"label": "someone outside"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EntitlementHolder)]
pub enum HolderJson {
    /// A member of the org, by login.
    #[schema(value_type = String)]
    Member(Slug),
    /// Someone outside, by the name you give them.
    Label(String),
}

impl From<HolderJson> for DraftHolder {
    fn from(json: HolderJson) -> Self {
        match json {
            HolderJson::Member(login) => Self::Member(login),
            HolderJson::Label(label) => Self::Outside(label),
        }
    }
}

impl From<&DraftHolder> for HolderJson {
    fn from(holder: &DraftHolder) -> Self {
        match holder {
            DraftHolder::Member(login) => Self::Member(login.clone()),
            DraftHolder::Outside(label) => Self::Label(label.clone()),
        }
    }
}

impl From<&Holder> for HolderJson {
    fn from(holder: &Holder) -> Self {
        match holder {
            Holder::Member { login, .. } => Self::Member(login.clone()),
            Holder::Outside(label) => Self::Label(label.clone()),
        }
    }
}

/// A network, written as `10.0.0.0/8`, or as a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Source(pub IpNet);

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        source::parse(&text).map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
            serde::de::Error::custom(format!("`{shown}` is not a network; write it like 192.0.2.0/24 or 2001:db8::/32"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rights_left_out_have_their_defaults() {
        let read = |value| Rights::from(serde_json::from_value::<RightsJson>(value).unwrap());
        assert_eq!(read(json!({})), Rights::default());
        let publisher = read(json!({ "publish": ["a_B*"], "yank": null }));
        assert_eq!(publisher.read, vec![CratePattern::all()]);
        assert_eq!(publisher.publish, vec![CratePattern::parse("a-b*").unwrap()]);
        assert!(serde_json::from_value::<RightsJson>(json!({ "write": ["a"] })).is_err());
        assert!(serde_json::from_value::<RightsJson>(json!({ "read": ["a*b"] })).is_err());
        let none = read(json!({ "read": [] }));
        assert_eq!(serde_json::to_value(RightsJson::from(&none)).unwrap()["read"], json!([]));
    }

    #[test]
    fn rules_and_holders_round_trip() {
        let rule = json!({
            "allow": ["partner-*", "x"], "except": ["partner-secret"], "versions": "^1.2",
            "published_before": "2026-05-31T12:00:00Z",
        });
        let read: RuleJson = serde_json::from_value(rule.clone()).unwrap();
        assert_eq!(serde_json::to_value(RuleJson::from(&Rule::from(read))).unwrap(), rule);
        for bad in [json!({}), json!({ "allow": ["a"], "only": 1 }), json!({ "allow": ["a"], "versions": "one" })] {
            assert!(serde_json::from_value::<RuleJson>(bad.clone()).is_err(), "{bad}");
        }
        for holder in [json!({ "member": "ada" }), json!({ "label": "Acme Ltd" })] {
            let read: HolderJson = serde_json::from_value(holder.clone()).unwrap();
            assert_eq!(serde_json::to_value(HolderJson::from(&DraftHolder::from(read))).unwrap(), holder);
        }
        for bad in
            [json!({ "member": "Ada Lovelace" }), json!({ "member": "ada", "label": "x" }), json!({}), json!("ada")]
        {
            assert!(serde_json::from_value::<HolderJson>(bad.clone()).is_err(), "{bad}");
        }
    }
}
