//! What an admin writes of an entitlement, and the rules it must keep.

use crate::{Error, Result};
use ipnet::IpNet;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use wharf_domain::entitlement::{LIMITS_MAX, Limit, SOURCES_MAX, Terms};
use wharf_domain::{Slug, Timestamp};
use wharf_store::entitlements::{Entitlement, Holder};

/// Longest name, in characters.
pub(crate) const NAME_MAX: usize = 100;
/// Longest note, in characters.
pub(crate) const NOTE_MAX: usize = 4_000;
/// Longest label of a holder outside the org, in characters.
pub(crate) const LABEL_MAX: usize = 200;
/// Longest metadata, in bytes of JSON.
pub(crate) const METADATA_BYTES_MAX: usize = 16 * 1024;
/// Highest limit: the highest number every JSON reader keeps exactly.
pub(crate) const LIMIT_MAX: u64 = (1 << 53) - 1;

/// Who is to use an entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftHolder {
    /// The member of this login.
    Member(Slug),
    /// Someone outside, by the name the org gives them.
    Outside(String),
}

/// An entitlement as it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Its name, unique in the registry.
    pub name: String,
    /// A text for people.
    pub note: String,
    /// A JSON object for the org's own programs.
    pub metadata: Map<String, Value>,
    /// Who is to use it, if that is known.
    pub holder: Option<DraftHolder>,
    /// What its holder sees and does.
    pub terms: Terms,
    /// Holds from this moment on.
    pub not_before: Option<Timestamp>,
    /// Holds until just before this moment.
    pub expires_at: Option<Timestamp>,
    /// Holds for requests from these networks; empty for all.
    pub sources: Vec<IpNet>,
    /// What is counted against it.
    pub limits: Vec<Limit>,
    /// Whether it is switched on.
    pub enabled: bool,
}

impl Draft {
    /// The draft that changes nothing.
    #[must_use]
    pub fn of(entitlement: &Entitlement) -> Self {
        Self {
            name: entitlement.name.clone(),
            note: entitlement.note.clone(),
            metadata: entitlement.metadata.clone(),
            holder: entitlement.holder.as_ref().map(|holder| match holder {
                Holder::Member { login, .. } => DraftHolder::Member(login.clone()),
                Holder::Outside(label) => DraftHolder::Outside(label.clone()),
            }),
            terms: entitlement.terms.clone(),
            not_before: entitlement.window.not_before,
            expires_at: entitlement.window.expires_at,
            sources: entitlement.window.sources.clone(),
            limits: entitlement.limits.clone(),
            enabled: entitlement.window.enabled,
        }
    }

    /// Checks everything that can be checked without the database.
    pub fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::invalid("entitlement_invalid", message));
        if !is_label(&self.name, NAME_MAX) {
            return invalid(format!(
                "the name has 1 to {NAME_MAX} characters, no control characters, and no space at either end"
            ));
        }
        if self.note.chars().count() > NOTE_MAX
            || self.note.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
        {
            return invalid(format!(
                "the note has at most {NOTE_MAX} characters, and no control characters but line ends and tabs"
            ));
        }
        if let Some(DraftHolder::Outside(label)) = &self.holder
            && !is_label(label, LABEL_MAX)
        {
            return invalid(format!(
                "the holder's label has 1 to {LABEL_MAX} characters, no control characters, and no space at either end"
            ));
        }
        let metadata = Value::Object(self.metadata.clone());
        if metadata.to_string().len() > METADATA_BYTES_MAX {
            return invalid(format!(
                "the metadata is longer than {METADATA_BYTES_MAX} bytes; keep a reference in it instead"
            ));
        }
        // Postgres cannot keep this character in JSON.
        if holds_nul(&metadata) {
            return invalid("the metadata holds the character U+0000, which cannot be kept; take it out".to_owned());
        }
        check_terms(&self.terms)?;
        if let (Some(from), Some(until)) = (self.not_before, self.expires_at)
            && until <= from
        {
            return invalid("`expires_at` must be after `not_before`".to_owned());
        }
        if self.sources.len() > SOURCES_MAX {
            return invalid(format!("there are more than {SOURCES_MAX} source networks; join them into larger ones"));
        }
        if self.limits.len() > LIMITS_MAX {
            return invalid(format!("there are more than {LIMITS_MAX} limits"));
        }
        let mut counted = HashSet::new();
        for limit in &self.limits {
            if !(1..=LIMIT_MAX).contains(&limit.max) {
                return invalid(format!("a limit is 1 to {LIMIT_MAX}; to allow nothing, disable the entitlement"));
            }
            if !counted.insert((limit.count, limit.per)) {
                return invalid("two limits count the same thing over the same time; keep the lower one".to_owned());
            }
        }
        Ok(())
    }

    /// Checks what must hold when an entitlement is granted, and may stop to hold later.
    pub(crate) fn check_new(&self, now: Timestamp) -> Result<()> {
        self.check()?;
        if self.expires_at.is_some_and(|until| until <= now) {
            return Err(Error::invalid(
                "entitlement_invalid",
                "`expires_at` lies in the past; choose a later time, or leave it out",
            ));
        }
        Ok(())
    }

    /// The draft for the audit. It holds no secret: an entitlement has none, only its tokens do.
    pub(crate) fn record(&self) -> Value {
        json!({
            "name": self.name,
            "note": self.note,
            "metadata": self.metadata,
            "holder": self.holder.as_ref().map(|holder| match holder {
                DraftHolder::Member(login) => json!({ "member": login }),
                DraftHolder::Outside(label) => json!({ "label": label }),
            }),
            "rights": self.terms.rights,
            "rules": self.terms.rules,
            "not_before": self.not_before,
            "expires_at": self.expires_at,
            "sources": self.sources,
            "limits": self.limits,
            "enabled": self.enabled,
        })
    }
}

/// Checks terms by themselves, as for a preview.
pub(crate) fn check_terms(terms: &Terms) -> Result<()> {
    terms.check().map_err(|error| Error::invalid("terms_invalid", error.to_string()))
}

fn is_label(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && text.trim() == text && !text.chars().any(char::is_control)
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::entitlement::{Counted, Per};
    use wharf_domain::view::Rule;

    fn draft() -> Draft {
        Draft {
            name: "partner".into(),
            note: String::new(),
            metadata: Map::new(),
            holder: None,
            terms: Terms::default(),
            not_before: None,
            expires_at: None,
            sources: Vec::new(),
            limits: Vec::new(),
            enabled: true,
        }
    }

    fn refused(change: impl FnOnce(&mut Draft)) -> String {
        let mut one = draft();
        change(&mut one);
        one.check().unwrap_err().message().to_owned()
    }

    #[test]
    fn weird_values_are_refused_with_a_text_that_says_what_to_do() {
        assert!(draft().check().is_ok());
        for name in ["", " x", "x ", "a\nb", "a\0", &"n".repeat(NAME_MAX + 1)] {
            assert!(refused(|d| d.name = name.into()).contains("name"), "{name:?}");
        }
        assert!(refused(|d| d.note = "n".repeat(NOTE_MAX + 1)).contains("note"));
        assert!(refused(|d| d.note = "\u{7}".into()).contains("note"));
        assert!(refused(|d| d.holder = Some(DraftHolder::Outside(" ".into()))).contains("label"));
        assert!(
            refused(|d| drop(d.metadata.insert("a".into(), json!("x".repeat(METADATA_BYTES_MAX)))))
                .contains("metadata")
        );
        assert!(refused(|d| drop(d.metadata.insert("a".into(), json!([{"b\0": 1}])))).contains("U+0000"));
        assert!(refused(|d| d.terms.rules.push(Rule::default())).contains("rule 1"));
        assert!(
            refused(|d| {
                d.not_before = Some(Timestamp::from_unix(10));
                d.expires_at = Some(Timestamp::from_unix(10));
            })
            .contains("after")
        );
        let limit = Limit { count: Counted::Downloads, per: Per::Day, max: 1 };
        assert!(refused(|d| d.limits = vec![Limit { max: 0, ..limit }]).contains("disable"));
        assert!(refused(|d| d.limits = vec![Limit { max: LIMIT_MAX + 1, ..limit }]).contains("limit"));
        assert!(refused(|d| d.limits = vec![limit, Limit { max: 2, ..limit }]).contains("same"));
        assert!(refused(|d| d.sources = vec!["10.0.0.0/8".parse().unwrap(); SOURCES_MAX + 1]).contains("source"));
    }

    #[test]
    fn a_new_one_does_not_begin_ended() {
        let ended = Draft { expires_at: Some(Timestamp::from_unix(10)), ..draft() };
        assert!(ended.check().is_ok(), "an existing one may be let end");
        assert!(ended.check_new(Timestamp::from_unix(10)).is_err());
        assert!(ended.check_new(Timestamp::from_unix(9)).is_ok());
    }
}
