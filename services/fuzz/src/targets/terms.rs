use super::assert_presentable;
use wharf_domain::entitlement::Terms;
use wharf_domain::view::View;
use wharf_domain::{CrateName, RegistryId};

pub(super) const WORDS: &[&str] = &[
    "{\"rights\":{",
    "\"read\":[",
    "\"publish\":[",
    "\"yank\":[",
    "\"owners\":[",
    "\"rules\":[{",
    "\"allow\":[",
    "\"except\":[",
    "\"versions\":\"",
    "\"published_before\":\"",
    "\"a*\"",
    "\"ab\"",
    "\"*\"",
    "^1",
    "2026-05-31T12:00:00Z",
    ">=1, <2",
];

/// The terms of an entitlement: what they show does not hang on how they are written.
pub(super) fn check(bytes: &[u8]) {
    let terms: Terms = match serde_json::from_slice(bytes) {
        Ok(terms) => terms,
        Err(_) => return,
    };
    let registry = RegistryId(uuid::Uuid::from_u128(7));
    let written = serde_json::to_string(&terms).unwrap();
    let read: Terms = serde_json::from_str(&written).expect("what was written is read");
    assert_eq!(read, terms);
    assert_eq!(read.view_id(registry), terms.view_id(registry));
    if let Err(error) = terms.check() {
        assert_presentable(&error.to_string());
    }

    let view = terms.view();
    assert_eq!(View::new(view.rules().to_vec()), view, "the canonical form of a view is not stable");
    let mut shuffled = terms.clone();
    shuffled.rules.reverse();
    shuffled.rules.extend(terms.rules.first().cloned());
    for rule in &mut shuffled.rules {
        rule.allow.reverse();
        rule.allow.extend(rule.allow.first().cloned());
        rule.except.reverse();
    }
    assert_eq!(shuffled.view_id(registry), terms.view_id(registry), "equal rights in two views");

    // Seen is what a rule allows within the read right, or what may be published; said by text alone.
    let fits = |pattern: &wharf_domain::CratePattern, name: &str| {
        let pattern = pattern.to_string();
        pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
    };
    for name in ["a", "ab", "abc", "a-b", "b", "serde"] {
        let any = |patterns: &[wharf_domain::CratePattern]| patterns.iter().any(|pattern| fits(pattern, name));
        let read = any(&terms.rights.read) && terms.rules.iter().any(|rule| any(&rule.allow) && !any(&rule.except));
        let expected = read || any(&terms.rights.publish);
        let seen = view.sight(&CrateName::parse(name).unwrap().canonical()) != wharf_domain::Sight::Hidden;
        assert_eq!(seen, expected, "{name} in {written}");
    }
}
