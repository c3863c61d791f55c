//! What is sent to create and to change an entitlement.

use super::terms::{HolderJson, LimitJson, RightsJson, RuleJson, Source, terms};
use crate::frame::objects;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use wharf_domain::Timestamp;
use wharf_registry::entitlements::{Draft, DraftHolder};
use wharf_registry::{Error, Result};

/// An entitlement to be granted. Everything but the name may be left out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEntitlement)]
pub struct DraftJson {
    /// Unique in the registry.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// A text for people.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub note: Option<String>,
    /// A JSON object for your own programs, at most 16 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// Who uses it.
    #[serde(default)]
    pub holder: Option<HolderJson>,
    /// What the holder may do; to read when left out.
    #[serde(default)]
    pub rights: Option<RightsJson>,
    /// What the holder sees: all that one of the rules shows. Without rules, nothing.
    #[serde(default)]
    pub rules: Option<Vec<RuleJson>>,
    /// Holds from this moment on.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// Holds until just before this moment.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// What is counted against it.
    #[serde(default)]
    pub limits: Option<Vec<LimitJson>>,
    /// Networks it may be used from; everywhere when empty.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub sources: Option<Vec<Source>>,
    /// Whether it is switched on; it is when left out.
    #[serde(default)]
    pub enabled: Option<bool>,
}

impl From<DraftJson> for Draft {
    fn from(json: DraftJson) -> Self {
        Self {
            name: json.name,
            note: json.note.unwrap_or_default(),
            metadata: json.metadata.unwrap_or_default(),
            holder: json.holder.map(DraftHolder::from),
            terms: terms(json.rights, json.rules),
            not_before: json.not_before,
            expires_at: json.expires_at,
            sources: json.sources.unwrap_or_default().into_iter().map(|source| source.0).collect(),
            limits: json.limits.unwrap_or_default().into_iter().map(Into::into).collect(),
            enabled: json.enabled.unwrap_or(true),
        }
    }
}

impl From<&Draft> for DraftJson {
    fn from(draft: &Draft) -> Self {
        Self {
            name: draft.name.clone(),
            note: Some(draft.note.clone()),
            metadata: Some(draft.metadata.clone()),
            holder: draft.holder.as_ref().map(HolderJson::from),
            rights: Some(RightsJson::from(&draft.terms.rights)),
            rules: Some(draft.terms.rules.iter().map(RuleJson::from).collect()),
            not_before: draft.not_before,
            expires_at: draft.expires_at,
            limits: Some(draft.limits.iter().copied().map(LimitJson::from).collect()),
            sources: Some(draft.sources.iter().copied().map(Source).collect()),
            enabled: Some(draft.enabled),
        }
    }
}

/// A change of an entitlement (RFC 7386): a field left out stays, `null` makes a field what it is when left out at
/// creation, lists are replaced. `holder` is replaced as a whole.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Patch(Map<String, Value>);

impl Patch {
    /// The changed draft.
    pub fn apply(self, draft: &Draft) -> Result<Draft> {
        let mut document = serde_json::to_value(DraftJson::from(draft)).map_err(Error::internal)?;
        if let (Some(fields), true) = (document.as_object_mut(), self.0.contains_key("holder")) {
            // The two forms exclude each other; merged, they would be neither.
            fields.remove("holder");
        }
        merge(&mut document, Value::Object(self.0));
        let changed: DraftJson = objects::read(document)
            .map_err(|error| Error::invalid("body_invalid", format!("the change cannot be read: {error}")))?;
        Ok(changed.into())
    }
}

/// RFC 7386, section 2. Recursion ends: what serde_json reads is at most 128 deep.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wharf_domain::CratePattern;
    use wharf_domain::entitlement::Rights;

    fn draft(value: Value) -> Draft {
        serde_json::from_value::<DraftJson>(value).unwrap().into()
    }

    fn patched(from: &Draft, patch: Value) -> Result<Draft> {
        serde_json::from_value::<Patch>(patch).unwrap().apply(from)
    }

    fn full() -> Draft {
        draft(json!({
            "name": "partner", "note": "n", "metadata": { "a": 1, "b": { "c": 2 } }, "holder": { "member": "ada" },
            "rights": { "read": ["partner-*"], "publish": ["partner-x"] },
            "rules": [{ "allow": ["partner-*"] }],
            "not_before": "2026-01-01T00:00:00Z", "expires_at": "2027-01-01T00:00:00Z",
            "limits": [{ "count": "bytes", "per": "month", "max": 5 }], "sources": ["10.0.0.0/8"], "enabled": false,
        }))
    }

    #[test]
    fn the_shorthand_is_enough() {
        let short = draft(json!({ "name": "partner", "rules": [{ "allow": ["partner-*"] }] }));
        assert_eq!(short.terms.rights, Rights::default());
        assert_eq!(short.terms.rules[0].allow, vec![CratePattern::parse("partner-*").unwrap()]);
        assert!(short.enabled && short.holder.is_none() && short.limits.is_empty() && short.sources.is_empty());
        assert!(short.check().is_ok());
        let nulls = draft(json!({
            "name": "partner", "rules": [{ "allow": ["partner-*"] }], "note": null, "metadata": null, "holder": null,
            "rights": null, "not_before": null, "expires_at": null, "limits": null, "sources": null, "enabled": null,
        }));
        assert_eq!(nulls, short);
    }

    #[test]
    fn unknown_and_malformed_fields_are_refused() {
        for bad in [
            json!({}),
            json!({ "name": "a", "rule": [] }),
            json!({ "name": "a", "id": "x" }),
            json!({ "name": "a", "metadata": [] }),
            json!({ "name": "a", "expires_at": "tomorrow" }),
            json!({ "name": "a", "limits": [{ "count": "cats", "per": "day", "max": 1 }] }),
            json!({ "name": "a", "limits": [{ "count": "bytes", "per": "day", "max": -1 }] }),
            json!({ "name": "a", "sources": ["everywhere"] }),
            json!({ "name": "a", "enabled": "yes" }),
        ] {
            assert!(serde_json::from_value::<DraftJson>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_patch_merges() {
        let before = full();
        assert_eq!(patched(&before, json!({})).unwrap(), before);
        let after = patched(&before, json!({ "note": "m", "rights": { "yank": ["partner-x"] } })).unwrap();
        let expected = Draft {
            note: "m".into(),
            terms: wharf_domain::entitlement::Terms {
                rights: Rights { yank: vec![CratePattern::parse("partner-x").unwrap()], ..before.terms.rights.clone() },
                ..before.terms.clone()
            },
            ..before.clone()
        };
        assert_eq!(after, expected);
        let rules = patched(&before, json!({ "rules": [{ "allow": ["other"] }, { "allow": ["x*"] }] })).unwrap();
        assert_eq!(rules.terms.rules.len(), 2);
        let holder = patched(&before, json!({ "holder": { "label": "Acme" } })).unwrap();
        assert_eq!(holder.holder, Some(DraftHolder::Outside("Acme".into())));
        let metadata = patched(&before, json!({ "metadata": { "a": null, "b": { "d": 3 } } })).unwrap();
        assert_eq!(Value::Object(metadata.metadata), json!({ "b": { "c": 2, "d": 3 } }));
    }

    #[test]
    fn null_makes_a_field_what_it_is_when_left_out() {
        let cleared = patched(
            &full(),
            json!({
                "note": null, "metadata": null, "holder": null, "rights": null, "rules": null, "not_before": null,
                "expires_at": null, "limits": null, "sources": null, "enabled": null,
            }),
        );
        assert_eq!(cleared.unwrap(), draft(json!({ "name": "partner" })));
        let read = patched(&full(), json!({ "rights": { "read": null } })).unwrap();
        assert_eq!(read.terms.rights.read, vec![CratePattern::all()]);
    }

    #[test]
    fn what_cannot_be_changed_is_refused_by_name() {
        for (field, value) in [("id", json!("x")), ("view_id", json!("x")), ("tokens", json!([])), ("colour", json!(1))]
        {
            let error = patched(&full(), json!({ field: value })).unwrap_err();
            assert!(error.message().contains(field), "{}", error.message());
        }
        assert!(patched(&full(), json!({ "name": null })).unwrap_err().message().contains("name"));
        assert!(patched(&full(), json!({ "rules": [{ "deny": ["a"] }] })).is_err());
        assert!(serde_json::from_value::<Patch>(json!([])).is_err());
    }
}
