//! What a new token may be: never more than the token it is issued with.

use super::StoredToken;
use crate::{Error, Result};
use ipnet::IpNet;
use std::time::Duration;
use wharf_domain::entitlement::SOURCES_MAX;
use wharf_domain::scope::SCOPES_MAX;
use wharf_domain::{CratePattern, Principal, Scope, Timestamp, TokenKind, Verb, source};

const DAY: Duration = Duration::from_secs(86_400);

/// The longest a token lives.
pub const LIFE_MAX: Duration = Duration::from_secs(86_400 * 731);
/// How long a rotated token goes on, when nothing else is asked for.
pub const OVERLAP_DEFAULT: Duration = Duration::from_secs(3_600);
/// The longest a rotated token goes on.
pub const OVERLAP_MAX: Duration = Duration::from_secs(7 * 86_400);

/// A token somebody wants.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for.
    pub kind: TokenKind,
    /// What its holder calls it.
    pub name: String,
    /// The service account it is for; the actor itself when none.
    pub member: Option<String>,
    /// What it may do; what its kind is made for when none, if there is such a thing.
    pub scopes: Option<Vec<String>>,
    /// From where it may be used, as networks or addresses; like the issuing token when none.
    pub sources: Option<Vec<String>>,
    /// Until when it holds; as long as its kind does, within the issuing token's life, when none.
    pub expires_at: Option<Timestamp>,
}

/// What was granted.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) sources: Vec<IpNet>,
    pub(crate) expires_at: Timestamp,
}

/// The limits of the token that issues.
#[derive(Debug)]
pub(crate) struct Parent {
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) sources: Vec<IpNet>,
}

/// How long a token of a kind lives when nothing is said.
pub(crate) fn life(kind: TokenKind) -> Duration {
    match kind {
        TokenKind::Personal | TokenKind::Upload => 90 * DAY,
        TokenKind::Download | TokenKind::Service | TokenKind::Entitlement => 180 * DAY,
        TokenKind::Ci => Duration::from_secs(15 * 60),
    }
}

/// What a kind may carry at all.
fn fits(kind: TokenKind, verb: Verb) -> bool {
    let publishes = matches!(verb, Verb::PublishNew | Verb::Publish | Verb::Yank | Verb::OwnerWrite);
    match kind {
        TokenKind::Personal | TokenKind::Service => true,
        TokenKind::Upload => publishes || verb.reads_crates(),
        TokenKind::Download => verb.reads_crates(),
        TokenKind::Entitlement | TokenKind::Ci => false,
    }
}

/// What a kind is made for.
fn usual(kind: TokenKind) -> Option<Vec<Scope>> {
    let everywhere = |verbs: &[Verb]| {
        verbs.iter().map(|verb| Scope { verb: *verb, registry: None, pattern: CratePattern::all() }).collect()
    };
    match kind {
        TokenKind::Upload => {
            Some(everywhere(&[Verb::IndexRead, Verb::PublishNew, Verb::Publish, Verb::Yank, Verb::OwnerWrite]))
        }
        TokenKind::Download => Some(everywhere(&[Verb::IndexRead])),
        TokenKind::Personal | TokenKind::Service | TokenKind::Entitlement | TokenKind::Ci => None,
    }
}

impl Parent {
    /// Works out what a wanted token gets, or why it gets nothing.
    pub(crate) fn grant(&self, new: &NewToken, issuer: &Principal, now: Timestamp) -> Result<Terms> {
        let scopes = scopes(new)?;
        within(&scopes, issuer)?;
        Ok(Terms { scopes, sources: self.sources(new.sources.as_deref())?, expires_at: self.end(new, now)? })
    }

    /// Demands that a token that exists already gives no more than the issuing one could.
    pub(crate) fn admits(&self, token: &StoredToken, issuer: &Principal) -> Result<()> {
        within(&token.scopes, issuer)?;
        let outlives = match (self.expires_at, token.expires_at) {
            (Some(own), Some(end)) => end > own,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if outlives {
            return Err(outlived());
        }
        self.contains(&token.sources)
    }

    fn end(&self, new: &NewToken, now: Timestamp) -> Result<Timestamp> {
        let Some(wanted) = new.expires_at else {
            let usual = now.plus(life(new.kind));
            return Ok(self.expires_at.map_or(usual, |own| own.min(usual)));
        };
        if wanted <= now || wanted > now.plus(LIFE_MAX) {
            return Err(Error::invalid(
                "expires_at_invalid",
                format!("expires_at lies in the future, at most {} days away", LIFE_MAX.as_secs() / 86_400),
            ));
        }
        if self.expires_at.is_some_and(|own| wanted > own) {
            return Err(outlived());
        }
        Ok(wanted)
    }

    fn sources(&self, wanted: Option<&[String]>) -> Result<Vec<IpNet>> {
        let Some(wanted) = wanted else { return Ok(self.sources.clone()) };
        let wanted = networks(wanted)?;
        self.contains(&wanted)?;
        Ok(wanted)
    }

    fn contains(&self, wanted: &[IpNet]) -> Result<()> {
        let inside = |network: &IpNet| self.sources.iter().any(|own| own.contains(network));
        if self.sources.is_empty() || (!wanted.is_empty() && wanted.iter().all(inside)) {
            Ok(())
        } else {
            Err(Error::forbidden("a token cannot be used from more places than the one it is issued with"))
        }
    }
}

fn outlived() -> Error {
    Error::forbidden("a token cannot outlive the one it is issued with; ask for an earlier expires_at")
}

fn within(scopes: &[Scope], issuer: &Principal) -> Result<()> {
    wharf_trial::mutant!(ChildOutgrowsParent { return Ok(()); });
    match scopes.iter().find(|scope| !issuer.may_delegate(std::slice::from_ref(scope))) {
        None => Ok(()),
        Some(scope) => Err(Error::forbidden(format!(
            "a token gives no more than the one it is issued with, and yours does not hold {scope}; ask for less in `scopes`"
        ))),
    }
}

fn scopes(new: &NewToken) -> Result<Vec<Scope>> {
    let scopes = match &new.scopes {
        None => usual(new.kind).unwrap_or_default(),
        Some(texts) => {
            let mut scopes = Vec::new();
            for text in texts {
                let scope = Scope::parse(text).map_err(|error| Error::invalid("scope_invalid", error.to_string()))?;
                if !scopes.contains(&scope) {
                    scopes.push(scope);
                }
                if scopes.len() > SCOPES_MAX {
                    return Err(Error::invalid("scopes_too_many", format!("a token has at most {SCOPES_MAX} scopes")));
                }
            }
            scopes
        }
    };
    if scopes.is_empty() {
        return Err(Error::invalid(
            "scopes_missing",
            "name what the token may do in `scopes`, for example [\"index:read@*\", \"crate:publish@private/acme-*\"]",
        ));
    }
    match scopes.iter().find(|scope| !fits(new.kind, scope.verb)) {
        None => Ok(scopes),
        Some(scope) => {
            Err(Error::invalid("scope_unfit", format!("a token of kind {} cannot carry {scope}", new.kind.as_str())))
        }
    }
}

/// Reads networks and single addresses.
pub(crate) fn networks(texts: &[String]) -> Result<Vec<IpNet>> {
    if texts.len() > SOURCES_MAX {
        return Err(Error::invalid("sources_too_many", format!("at most {SOURCES_MAX} source networks")));
    }
    texts
        .iter()
        .map(|text| {
            source::parse(text).ok_or_else(|| {
                let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
                Error::invalid("source_invalid", format!("`{shown}` is not a network; write it like 203.0.113.0/24"))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use uuid::Uuid;
    use wharf_domain::principal::Grant;
    use wharf_domain::{OrgId, Role, TokenId, UserId};

    fn issuer(scopes: &[&str]) -> Principal {
        Principal {
            org: OrgId(Uuid::from_u128(1)),
            token: TokenId(Uuid::from_u128(2)),
            kind: TokenKind::Personal,
            grant: Grant::Member {
                user: UserId(Uuid::from_u128(3)),
                role: Role::Owner,
                scopes: scopes.iter().map(|text| Scope::parse(text).unwrap()).collect(),
            },
        }
    }

    fn new(kind: TokenKind) -> NewToken {
        NewToken { kind, name: "x".into(), member: None, scopes: None, sources: None, expires_at: None }
    }

    fn texts(list: &[&str]) -> Option<Vec<String>> {
        Some(list.iter().map(|text| (*text).to_owned()).collect())
    }

    const FREE: Parent = Parent { expires_at: None, sources: Vec::new() };

    fn now() -> Timestamp {
        Timestamp::from_unix(1_000_000)
    }

    #[test]
    fn kinds_have_their_usual_scopes_and_lives() {
        let all = issuer(&["index:read@*", "crate:publish-new@*", "crate:publish@*", "crate:yank@*", "owner:write@*"]);
        let upload = FREE.grant(&new(TokenKind::Upload), &all, now()).unwrap();
        let shown: Vec<String> = upload.scopes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["index:read@*", "crate:publish-new@*", "crate:publish@*", "crate:yank@*", "owner:write@*"]);
        assert_eq!(upload.expires_at, now().plus(90 * DAY));
        let download = FREE.grant(&new(TokenKind::Download), &all, now()).unwrap();
        assert_eq!(download.scopes, [Scope::parse("index:read@*").unwrap()]);
        assert_eq!(download.expires_at, now().plus(180 * DAY));
        let error = FREE.grant(&new(TokenKind::Personal), &all, now()).unwrap_err();
        assert_eq!(error.code(), "scopes_missing");
        for (kind, scope) in [
            (TokenKind::Upload, "token:write@*"),
            (TokenKind::Download, "crate:publish@*"),
            (TokenKind::Download, "audit:read@*"),
        ] {
            let wanted = NewToken { scopes: texts(&[scope]), ..new(kind) };
            assert_eq!(FREE.grant(&wanted, &all, now()).unwrap_err().code(), "scope_unfit", "{kind:?} {scope}");
        }
    }

    #[test]
    fn a_token_gives_no_more_than_it_has() {
        let narrow = issuer(&["crate:publish@private/acme-*", "token:write@*"]);
        for (scope, granted) in [
            ("crate:publish@private/acme-*", true),
            ("crate:publish@private/acme-core", true),
            ("index:read@private/acme-*", true),
            ("crate:publish@private/acme*", false),
            ("crate:publish@*/acme-*", false),
            ("crate:yank@private/acme-core", false),
            ("index:read@*", false),
            ("member:write@*", false),
        ] {
            let wanted = NewToken { scopes: texts(&[scope]), ..new(TokenKind::Personal) };
            let answer = FREE.grant(&wanted, &narrow, now()).map(|_| ()).map_err(|error| error.kind());
            assert_eq!(answer, if granted { Ok(()) } else { Err(Kind::Forbidden) }, "{scope}");
        }
        assert!(FREE.grant(&new(TokenKind::Upload), &narrow, now()).is_err(), "the usual scopes are no exception");
    }

    #[test]
    fn no_longer_life_and_no_other_places() {
        let own = issuer(&["index:read@*"]);
        let parent = Parent { expires_at: Some(now().plus(DAY)), sources: vec!["10.0.0.0/8".parse().unwrap()] };
        let granted = parent.grant(&new(TokenKind::Download), &own, now()).unwrap();
        assert_eq!(granted.expires_at, now().plus(DAY), "the usual life is cut");
        assert_eq!(granted.sources, parent.sources, "places are inherited");
        let until = |at| NewToken { expires_at: Some(at), ..new(TokenKind::Download) };
        assert_eq!(parent.grant(&until(now().plus(2 * DAY)), &own, now()).unwrap_err().kind(), Kind::Forbidden);
        assert_eq!(parent.grant(&until(now()), &own, now()).unwrap_err().code(), "expires_at_invalid");
        let far = now().plus(LIFE_MAX).plus(DAY);
        assert_eq!(FREE.grant(&until(far), &own, now()).unwrap_err().code(), "expires_at_invalid");
        for (sources, granted) in [
            (&["10.1.0.0/16", "10.0.0.7"][..], true),
            (&["10.1.0.0/16", "192.0.2.0/24"], false),
            (&["0.0.0.0/0"], false),
            (&[], false),
        ] {
            let wanted = NewToken { sources: texts(sources), ..new(TokenKind::Download) };
            assert_eq!(parent.grant(&wanted, &own, now()).is_ok(), granted, "{sources:?}");
            assert!(FREE.grant(&wanted, &own, now()).is_ok());
        }
        // Requests from there are compared as IPv4, whatever clothes the network was written in.
        let clothed = NewToken { sources: texts(&["::ffff:10.1.0.0/112"]), ..new(TokenKind::Download) };
        assert_eq!(parent.grant(&clothed, &own, now()).unwrap().sources, ["10.1.0.0/16".parse().unwrap()]);
        let bad = NewToken { sources: texts(&["10.0.0.0/99"]), ..new(TokenKind::Download) };
        assert_eq!(FREE.grant(&bad, &own, now()).unwrap_err().code(), "source_invalid");
    }
}
