use super::assert_presentable;
use wharf_domain::{CrateName, CratePattern, Scope, Slug, Verb};

pub(super) const WORDS: &[&str] = &[
    "index:read",
    "crate:download",
    "crate:publish-new",
    "crate:publish",
    "crate:yank",
    "owner:write",
    "registry:write",
    "entitlement:read",
    "entitlement:write",
    "member:read",
    "member:write",
    "policy:write",
    "audit:read",
    "token:write",
    "@*",
    "@private",
    "/*",
    "/acme-*",
    "/Foo_Bar",
];

/// The grammar of the documentation, read by hand: `verb "@" registry ["/" pattern]`.
fn by_hand(text: &str) -> Option<(Verb, Option<&str>, String)> {
    let at = text.find('@')?;
    let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == &text[..at])?;
    let place = &text[at + 1..];
    let (registry, pattern) = place.find('/').map_or((place, "*"), |at| (&place[..at], &place[at + 1..]));
    let registry = (registry != "*").then_some(registry);
    if let Some(slug) = registry {
        let letters = slug.bytes().all(|b| b"abcdefghijklmnopqrstuvwxyz0123456789-".contains(&b));
        if !letters || !(2..=40).contains(&slug.len()) || slug.starts_with('-') || slug.ends_with('-') {
            return None;
        }
    }
    let name = pattern.strip_suffix('*').unwrap_or(pattern);
    let all = name.is_empty() && !pattern.is_empty();
    let mut letters = name.chars();
    let named = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && pattern.len() <= 64;
    (all || named).then(|| (verb, registry, pattern.to_lowercase().replace('_', "-")))
}

pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let expected = by_hand(text);
    let scope = match Scope::parse(text) {
        Err(error) => {
            assert_eq!(expected, None, "{text:?} was refused");
            return assert_presentable(&error.to_string());
        }
        Ok(scope) => scope,
    };
    let (verb, registry, pattern) = expected.unwrap_or_else(|| panic!("{text:?} was accepted"));
    assert_eq!((scope.verb, scope.registry.as_ref().map(Slug::as_str)), (verb, registry));
    assert_eq!(scope.pattern.to_string(), pattern);

    let written = scope.to_string();
    let again = Scope::parse(&written).expect("what was written is read");
    assert_eq!((&again, again.to_string()), (&scope, written));
    assert!(scope.covers(&again) && Scope::everywhere(verb).covers(&scope));

    // A scope covers another exactly when it allows whatever the other one does.
    let narrow = Scope { pattern: CratePattern::parse("foo-bar").unwrap(), ..scope.clone() };
    let name = CrateName::parse("Foo_Bar").unwrap().canonical();
    let place = Slug::parse(registry.unwrap_or("anywhere")).unwrap();
    assert_eq!(scope.covers(&narrow), scope.allows(verb, &place, &name));
    let speaks = match pattern.strip_suffix('*') {
        Some(prefix) => "foo-bar".starts_with(prefix),
        None => pattern == "foo-bar",
    };
    assert_eq!(scope.allows(verb, &place, &name), speaks);
}
