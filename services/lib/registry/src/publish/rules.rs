//! The rules of a publish that need what the registry knows. Pure, so that each can be tried in a table.

use crate::crates::not_an_owner;
use crate::{Error, Result};
use wharf_cargo_wire::{Dependency, DependencyRegistry, OwnIndexUrls, Submission};
use wharf_domain::principal::Place;
use wharf_domain::{CrateName, CrateVersion, Principal, Verb};
use wharf_store::crates::PublishSettings;
use wharf_store::versions::StoredVersion;

/// Largest index file of a crate, in bytes. Each has to fit many times into the memory in which a process keeps the index
/// files of all tenants.
pub(super) const INDEX_FILE_BYTES_MAX: i64 = 16 * 1024 * 1024;

/// What there is under a name, in any spelling.
pub(super) enum Standing {
    Absent,
    /// A crate, spelled like this, which the publisher owns or need not own.
    Exists {
        name: CrateName,
        owned: bool,
    },
}

/// Refuses who has no right at all to publish `name`; asked before anything is looked up, so that neither the answer nor
/// its time says whether the name is taken.
pub(super) fn check_any_right(principal: &Principal, place: Place<'_>, name: &CrateName) -> Result<()> {
    wharf_trial::mutant!(ConflictDiscloses { return Ok(()); });
    let canonical = name.canonical();
    if principal.may(Verb::Publish, place, &canonical) || principal.may(Verb::PublishNew, place, &canonical) {
        return Ok(());
    }
    Err(Error::forbidden(
        "your token does not allow publishing this name here; ask an admin of the org for a token with the scope \
         crate:publish (and crate:publish-new for a new crate) on it, or for an entitlement with the right to publish it",
    ))
}

/// Refuses who may not publish `name`, and a name that is taken in another spelling.
///
/// Any right to publish a name shows it, so that everything said after [`check_any_right`] is about what the publisher
/// sees anyway.
pub(super) fn check_right(
    principal: &Principal,
    place: Place<'_>,
    name: &CrateName,
    standing: &Standing,
) -> Result<()> {
    let canonical = name.canonical();
    let may = principal.may(Verb::Publish, place, &canonical);
    let may_new = principal.may(Verb::PublishNew, place, &canonical);
    check_any_right(principal, place, name)?;
    match standing {
        Standing::Absent if may_new => Ok(()),
        Standing::Absent => Err(Error::forbidden(format!(
            "your token allows new versions of existing crates, and `{name}` does not exist yet; use a token with the scope \
             crate:publish-new"
        ))),
        Standing::Exists { .. } if !may => Err(Error::forbidden(format!(
            "your token allows new crates only, and `{name}` exists; use a token with the scope crate:publish"
        ))),
        Standing::Exists { name: taken, owned: false } => Err(not_an_owner(taken)),
        Standing::Exists { name: taken, .. } if taken != name => Err(Error::conflict(
            "name_taken",
            format!(
                "this registry has the crate `{taken}`, and `{name}` counts as the same name; set `name = \"{taken}\"` in \
                 Cargo.toml to publish a version of it, or choose another name"
            ),
        )),
        Standing::Exists { .. } => Ok(()),
    }
}

/// Refuses what differs from the published version of the same identity.
pub(super) fn check_same(submission: &Submission, published: &StoredVersion) -> Result<()> {
    let same_bytes = wharf_trial::mutant!(OtherBytesAccepted => true; submission.cksum == published.cksum);
    if submission.version == published.number && same_bytes {
        return Ok(());
    }
    Err(Error::conflict("version_exists", exists(&submission.name, &submission.version, &published.number)))
}

fn exists(name: &CrateName, wanted: &CrateVersion, published: &CrateVersion) -> String {
    let raise = "published versions never change; raise `version` in Cargo.toml and publish again";
    if wanted == published {
        format!("{name}@{published} is already published with other contents, and {raise}")
    } else {
        format!(
            "{name}@{published} is already published, and {wanted} differs from it only in what follows the `+`, which does \
             not make another version; {raise}"
        )
    }
}

/// Refuses a version that would make the index file of its crate `bytes` long, when that is too much. Asked of those alone
/// who may publish this crate: they learn of versions that they do not see anyhow, since no number can be taken twice.
pub(super) fn check_index_file(name: &CrateName, bytes: i64) -> Result<()> {
    if bytes <= INDEX_FILE_BYTES_MAX {
        return Ok(());
    }
    Err(Error::conflict(
        "index_file_too_large",
        format!(
            "with this version the index file of `{name}` would be {bytes} bytes long; at most {INDEX_FILE_BYTES_MAX} are \
             allowed. Every version adds its features and dependencies to that file, and none is ever taken out: publish \
             with fewer or shorter ones, or go on under another name"
        ),
    ))
}

/// Refuses dependencies from where the registry does not allow them.
pub(super) fn check_registries(deps: &[Dependency], settings: &PublishSettings) -> Result<()> {
    let allowed = OwnIndexUrls::new(&settings.allowed_registries);
    let refuse = |alias: &str, from: &str, setting: &str| {
        Err(Error::invalid(
            "dependency_registry_refused",
            format!(
                "the dependency `{alias}` comes from {from}, and crates of this registry may not depend on that; use a crate \
                 of this registry instead, or ask an admin of the org to allow it in the registry's settings ({setting})"
            ),
        ))
    };
    for dependency in deps {
        match &dependency.registry {
            DependencyRegistry::Own => {}
            DependencyRegistry::CratesIo if settings.crates_io_allowed => {}
            DependencyRegistry::CratesIo => return refuse(&dependency.alias, "crates.io", "crates_io_allowed"),
            DependencyRegistry::Other(url) if allowed.contains(url) => {}
            DependencyRegistry::Other(url) => {
                return refuse(&dependency.alias, &format!("the registry {url}"), "allowed_registries");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use uuid::Uuid;
    use wharf_cargo_wire::DependencyKind;
    use wharf_domain::entitlement::{Rights, Terms};
    use wharf_domain::principal::Grant;
    use wharf_domain::view::Rule;
    use wharf_domain::{
        CratePattern, EntitlementId, OrgId, RegistryId, Role, Scope, Slug, Timestamp, TokenId, TokenKind, UserId,
        VersionId,
    };

    fn principal(grant: Grant) -> Principal {
        Principal { org: OrgId(Uuid::from_u128(1)), token: TokenId(Uuid::nil()), kind: TokenKind::Upload, grant }
    }

    fn member(role: Role, scopes: &[&str]) -> Principal {
        let scopes = scopes.iter().map(|text| Scope::parse(text).unwrap()).collect();
        principal(Grant::Member { user: UserId(Uuid::nil()), role, scopes })
    }

    fn entitled(registry: u128, publish: &[&str]) -> Principal {
        let rights = Rights {
            publish: publish.iter().map(|text| CratePattern::parse(text).unwrap()).collect(),
            ..Rights::default()
        };
        let terms =
            Terms { rights: rights.clone(), rules: vec![Rule { allow: vec![CratePattern::all()], ..Rule::default() }] };
        principal(Grant::Entitled {
            entitlement: EntitlementId(Uuid::nil()),
            registry: RegistryId(Uuid::from_u128(registry)),
            rights,
            view: std::sync::Arc::new(terms.view()),
        })
    }

    /// The code of the refusal for `foo-bar`, or `ok`.
    fn judged(principal: &Principal, standing: &Standing) -> String {
        let slug = Slug::parse("private").unwrap();
        let place = Place { org: OrgId(Uuid::from_u128(1)), registry: RegistryId(Uuid::from_u128(2)), slug: &slug };
        match check_right(principal, place, &CrateName::parse("foo-bar").unwrap(), standing) {
            Ok(()) => "ok".to_owned(),
            Err(error) if error.code() == "forbidden" && error.message().contains("foo-bar") => "told".to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }

    #[test]
    fn who_may_publish() {
        let exists = |name: &str, owned| Standing::Exists { name: CrateName::parse(name).unwrap(), owned };
        let both: &[&str] = &["crate:publish@*", "crate:publish-new@*"];
        // principal; absent, own crate, other's crate, own crate in another spelling
        let table: &[(&str, Principal, [&str; 4])] = &[
            ("publisher", member(Role::Publisher, both), ["ok", "ok", "not_an_owner", "name_taken"]),
            ("old only", member(Role::Publisher, &both[..1]), ["told", "ok", "not_an_owner", "name_taken"]),
            ("new only", member(Role::Publisher, &both[1..]), ["ok", "told", "told", "told"]),
            ("another pattern", member(Role::Publisher, &["crate:publish@*/baz*"]), ["forbidden"; 4]),
            ("another registry", member(Role::Admin, &["crate:publish@other"]), ["forbidden"; 4]),
            ("reader", member(Role::Reader, both), ["forbidden"; 4]),
            ("auditor", member(Role::Auditor, both), ["forbidden"; 4]),
            ("no scopes", member(Role::Owner, &[]), ["forbidden"; 4]),
            ("may publish", entitled(2, &["foo*"]), ["ok", "ok", "not_an_owner", "name_taken"]),
            ("may read", entitled(2, &[]), ["forbidden"; 4]),
            ("may publish elsewhere", entitled(3, &["*"]), ["forbidden"; 4]),
        ];
        for (who, principal, expected) in table {
            let standings =
                [Standing::Absent, exists("foo-bar", true), exists("foo-bar", false), exists("foo_bar", true)];
            for (standing, expected) in standings.iter().zip(expected) {
                assert_eq!(judged(principal, standing), *expected, "{who}");
            }
        }
    }

    #[test]
    fn without_a_right_absent_and_existing_read_the_same() {
        let slug = Slug::parse("private").unwrap();
        let place = Place { org: OrgId(Uuid::from_u128(1)), registry: RegistryId(Uuid::from_u128(2)), slug: &slug };
        let said = |name: &str, standing: &Standing| {
            let error = check_right(&entitled(2, &[]), place, &CrateName::parse(name).unwrap(), standing).unwrap_err();
            (error.kind(), error.code(), error.message().to_owned())
        };
        let exists = Standing::Exists { name: CrateName::parse("secret").unwrap(), owned: true };
        assert_eq!(said("secret", &exists), said("nothing", &Standing::Absent));
        assert_eq!(said("secret", &exists).0, Kind::Forbidden);
    }

    #[test]
    fn a_version_is_told_from_its_build_metadata() {
        let version = |text| CrateVersion::parse(text).unwrap();
        let name = CrateName::parse("foo").unwrap();
        let other = exists(&name, &version("1.0.0"), &version("1.0.0"));
        assert!(other.starts_with("foo@1.0.0 is already published with other contents"), "{other}");
        let build = exists(&name, &version("1.0.0+b"), &version("1.0.0+a"));
        assert!(build.contains("foo@1.0.0+a") && build.contains("1.0.0+b") && build.contains("raise"), "{build}");
    }

    #[test]
    fn a_stored_version_is_the_same_only_with_the_same_bytes() {
        let published = |number: &str, cksum| StoredVersion {
            id: VersionId(Uuid::nil()),
            number: CrateVersion::parse(number).unwrap(),
            cksum,
            published_at: Timestamp::from_unix(0),
        };
        let metadata = wharf_cargo_wire::PublishMetadata::parse(br#"{"name":"foo","vers":"1.0.0+a"}"#).unwrap();
        let submission = Submission {
            name: metadata.name.clone(),
            version: metadata.version.clone(),
            deps: Vec::new(),
            features: std::collections::BTreeMap::new(),
            links: None,
            rust_version: None,
            cksum: [1; 32],
            archive_bytes: 1,
            unpacked_bytes: 1,
            file_count: 1,
            metadata,
        };
        assert!(check_same(&submission, &published("1.0.0+a", [1; 32])).is_ok());
        for (number, cksum) in [("1.0.0+a", [2; 32]), ("1.0.0+b", [1; 32]), ("1.0.0", [1; 32])] {
            let error = check_same(&submission, &published(number, cksum)).unwrap_err();
            assert_eq!((error.kind(), error.code()), (Kind::Conflict, "version_exists"), "{number}");
        }
    }

    #[test]
    fn an_index_file_grows_up_to_its_bound() {
        let name = CrateName::parse("foo").unwrap();
        assert!(check_index_file(&name, INDEX_FILE_BYTES_MAX).is_ok());
        let error = check_index_file(&name, INDEX_FILE_BYTES_MAX + 1).unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Conflict, "index_file_too_large"));
        for part in ["`foo`", "16777217", "16777216", "fewer or shorter"] {
            assert!(error.message().contains(part), "{error}");
        }
    }

    #[test]
    fn dependencies_come_from_where_the_registry_allows() {
        let dependency = |registry| Dependency {
            kind: DependencyKind::Normal,
            target: None,
            alias: "dep".to_owned(),
            name: CrateName::parse("dep").unwrap(),
            req: "^1".to_owned(),
            features: Vec::new(),
            optional: false,
            default_features: true,
            registry,
        };
        let other = |url: &str| DependencyRegistry::Other(url.to_owned());
        let settings = |crates_io_allowed| PublishSettings {
            crates_io_allowed,
            allowed_registries: vec!["sparse+https://other.test/i/".to_owned()],
            max_crate_bytes: 1024,
        };
        for (registry, open, closed) in [
            (DependencyRegistry::Own, true, true),
            (DependencyRegistry::CratesIo, true, false),
            (other("sparse+https://other.test/i/"), true, true),
            (other("https://OTHER.test/i"), true, true),
            (other("https://other.test/j"), false, false),
        ] {
            let deps = [dependency(DependencyRegistry::Own), dependency(registry.clone())];
            for (allowed, expected) in [(true, open), (false, closed)] {
                let result = check_registries(&deps, &settings(allowed));
                assert_eq!(result.is_ok(), expected, "{registry:?} {allowed}");
                if let Err(error) = result {
                    assert!(error.message().contains("`dep`") && error.message().contains("admin"), "{error}");
                }
            }
        }
    }
}
