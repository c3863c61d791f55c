use super::*;
use std::sync::Arc;
use uuid::Uuid;
use wharf_domain::entitlement::Rights;
use wharf_domain::{CratePattern, EntitlementId, OrgId, RegistryId, Role, TeamId, TokenId, TokenKind, UserId};
use wharf_store::directory::RegistryAddress;

fn entry(is_public: bool) -> RegistryEntry {
    RegistryEntry {
        address: RegistryAddress {
            org: OrgId(Uuid::from_u128(1)),
            org_slug: Slug::parse("acme").unwrap(),
            registry: RegistryId(Uuid::from_u128(2)),
            registry_slug: Slug::parse("private").unwrap(),
            is_public,
            git_personal_keys: false,
            legacy_git_downloads: false,
        },
        names: Arc::default(),
    }
}

fn principal(org: u128, grant: Grant) -> Principal {
    Principal { org: OrgId(Uuid::from_u128(org)), token: TokenId(Uuid::nil()), kind: TokenKind::Personal, grant }
}

fn member(org: u128) -> Principal {
    principal(org, Grant::Member { user: UserId(Uuid::nil()), role: Role::Reader, scopes: Vec::new() })
}

fn entitled(registry: u128, owners: &[&str]) -> Principal {
    let owners = owners.iter().map(|text| CratePattern::parse(text).unwrap()).collect();
    principal(
        1,
        Grant::Entitled {
            entitlement: EntitlementId(Uuid::nil()),
            registry: RegistryId(Uuid::from_u128(registry)),
            rights: Rights { owners, ..Rights::default() },
            view: Arc::default(),
        },
    )
}

#[test]
fn owners_are_named_by_login_or_team() {
    let slug = |text| Slug::parse(text).unwrap();
    for (text, named) in [
        ("ann", Named::Member(slug("ann"))),
        (" Ann ", Named::Member(slug("ann"))),
        ("team:core", Named::Team(slug("core"))),
        ("TEAM:Core", Named::Team(slug("core"))),
    ] {
        assert_eq!(Named::parse(text).unwrap(), named, "{text}");
    }
    for text in ["", "a", "team:", "team:a", "github:acme:core", "ann@acme.test", "ann\u{1b}[31m", "a.b"] {
        let error = Named::parse(text).unwrap_err();
        assert_eq!(error.code(), "owner_invalid", "{text}");
        assert!(!error.message().contains('\u{1b}'), "{text}");
    }
}

#[test]
fn each_is_named_once_and_not_too_many() {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(parse_all(&texts(&["ann", "bob", "ANN"])).unwrap().len(), 2);
    assert_eq!(parse_all(&texts(&["ann", "team:ann"])).unwrap().len(), 2);
    assert_eq!(parse_all(&[]).unwrap_err().code(), "owners_invalid");
    assert!(parse_all(&vec!["ann".to_owned(); CHANGES_MAX]).is_ok());
    assert_eq!(parse_all(&vec!["ann".to_owned(); CHANGES_MAX + 1]).unwrap_err().code(), "owners_invalid");
}

#[test]
fn who_is_told() {
    let name = CrateName::parse("Partner_Core").unwrap();
    let table: &[(&str, Option<Principal>, bool, Told)] = &[
        ("member", Some(member(1)), false, Told::Names),
        ("member, public", Some(member(1)), true, Told::Names),
        ("member of another org, public", Some(member(9)), true, Told::Logins),
        ("anonymous, public", None, true, Told::Logins),
        ("anonymous", None, false, Told::Nothing),
        ("entitled to read", Some(entitled(2, &[])), false, Told::Nothing),
        ("entitled to read, public", Some(entitled(2, &[])), true, Told::Logins),
        ("entitled to change owners", Some(entitled(2, &["partner-*"])), false, Told::Names),
        ("entitled for other crates", Some(entitled(2, &["other-*"])), false, Told::Nothing),
        ("entitled elsewhere", Some(entitled(3, &["*"])), false, Told::Nothing),
    ];
    for (who, principal, is_public, expected) in table {
        assert_eq!(told(principal.as_ref(), &entry(*is_public), &name), *expected, "{who}");
    }
}

#[test]
fn teams_are_shown_with_their_prefix() {
    let owner = |id| StoredOwner { id, number: 7, login: Slug::parse("core").unwrap(), name: None };
    assert_eq!(shown(&owner(OwnerId::Team(TeamId(Uuid::nil())))), "team:core");
    assert_eq!(shown(&owner(OwnerId::User(UserId(Uuid::nil())))), "core");
}
