//! What right each operation asks for, declared row by row, and what follows from it for everyone.
//!
//! The rule is simple on purpose. Whoever brings no credential, or one that holds no more, is told to sign in. Whoever
//! may not know of a thing is told that it is absent. Whoever may know of it, and may not do what it asks, is refused. The
//! rest get what they want. Where an answer of the product is another one, the cell stands in `exceptions.txt`, with the
//! reason.

use super::Tenancy;
use super::identities::Identity;
use super::rows::Row;
use crate::surface::parts;

/// A right, or the reason to know of something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Right {
    /// To manage the org at all: a member's own key, or a service account's.
    Manage,
    /// This verb on the whole org: the role allows it and the token carries it.
    Verb(&'static str),
    /// Any verb that a private registry exists for.
    Registry,
    /// To run the org, with this verb: an admin or owner.
    Run(&'static str),
    /// To be an owner of the org.
    Own,
    /// To be this one.
    Be(Identity),
    /// To read something of the registry, or this crate in it.
    Read(Option<&'static str>),
    /// To change this crate, with this verb.
    Change(&'static str, &'static str),
}

/// What a row needs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    /// Nothing: the answer is the same for everyone.
    Nothing,
    /// More than anybody has: 403 to everyone.
    Never,
    /// What the address itself carries, for `acme` alone; a credential beside it has no part in it.
    Address,
    /// A credential that holds, whatever it is for.
    Credential,
    /// One of the first to know of it, then one of the second to do it. An empty list is no hurdle.
    Rights(&'static [Right], &'static [Right]),
}

/// What the rule expects of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Sign in, or sign in better.
    SignIn,
    /// There is no such thing for you.
    Absent,
    /// You may see it, not do it.
    Refused,
    /// Done, or found lacking for reasons that have nothing to do with who asks.
    Done,
}

use Right::{Be, Change, Manage, Own, Read, Registry, Run, Verb};

/// A crate that any partner may see, and one that is hidden from some.
const OPEN: &str = "partner-core";
const HIDDEN: &str = "hidden-core";

/// Those who may read by git.
const ENTITLED: &[Right] = &[Be(Identity::Partner), Be(Identity::Entitled), Be(Identity::Supplier)];

/// What a row needs, and the status that those get who have it where that is no success.
pub(super) fn declared(row: &Row) -> Option<(Need, Option<u16>)> {
    let (service, method, template) = parts(row.route);
    let need = match (service, template.trim_start_matches("/api/v1"), method, row.about) {
        (_, "/healthz" | "/readyz" | "/metrics", ..)
        | ("app", "/" | "/static/wharf.css" | "/cargo/{org}/{registry}/me" | "/openapi.json", ..)
        | ("download", "/v1/{tenant}/{file}", _, "with a ticket") => Need::Nothing,
        ("download", "/v1/{tenant}/{file}", ..) => Need::Never,

        ("index", _, _, "to push") => Need::Never,
        // Whoever may see something is told that git takes the tokens of entitlements alone, unless it is switched on.
        ("index", "/{org}/{registry}/info/refs", _, "private") => Need::Rights(&[Read(None)], ENTITLED),
        ("index", "/{org}/{registry}/git-upload-pack", ..) => {
            return Some((Need::Rights(&[Read(None)], ENTITLED), Some(400)));
        }
        ("index", path, "GET", about) => match (path, about) {
            ("/{org}/{registry}/config.json", _) => Need::Rights(&[Read(None)], &[]),
            (_, "partner-core") => Need::Rights(&[Read(Some(OPEN))], &[]),
            (_, "hidden-core") => Need::Rights(&[Read(Some(HIDDEN))], &[]),
            (_, "absent") => return Some((Need::Rights(&[Read(None)], &[]), Some(404))),
            (_, "public") => Need::Rights(&[Read(None)], &[]),
            _ => return None,
        },
        ("download", "/{org}/{registry}/{crate}/{version}/download", "GET", about) => match about {
            "partner-core" => Need::Rights(&[Read(Some(OPEN))], &[]),
            "hidden-core" => Need::Rights(&[Read(Some(HIDDEN))], &[]),
            "absent" => return Some((Need::Rights(&[Read(None)], &[]), Some(404))),
            "public" => Need::Rights(&[Read(None)], &[]),
            _ => return None,
        },
        ("download", "/{org}/{registry}/legacy/{credential}/{crate}/{version}/download", _, about) => match about {
            "the partner's, partner-core" => Need::Address,
            "the partner's, hidden-core" => return Some((Need::Address, Some(404))),
            "made up" => Need::Never,
            _ => return None,
        },
        ("app", path, ..) if path.starts_with("/cargo/") => return cargo(path, method, row.about),
        ("app", path, ..) => return manage(path, method, row.about),
        _ => return None,
    };
    let refused = matches!(need, Need::Never).then_some(403);
    Some((need, refused))
}

fn cargo(path: &str, method: &str, about: &str) -> Option<(Need, Option<u16>)> {
    let path = path.trim_start_matches("/cargo/{org}/{registry}/api/v1/crates");
    let rights: (&[Right], &[Right]) = match (path, method, about) {
        ("", "GET", _) => (&[Read(None)], &[]),
        ("/new", "PUT", "a new partner-* crate") => (&[Read(None)], &[Change("partner-new", "crate:publish-new")]),
        ("/new", "PUT", "a version of partner-core") => (&[Read(None)], &[Change(OPEN, "crate:publish")]),
        ("/new", "PUT", "a version of hidden-core") => (&[Read(None)], &[Change(HIDDEN, "crate:publish")]),
        ("/new", "PUT", "public") => (&[Read(None)], &[Change("open-new", "crate:publish-new")]),
        // No name, no right to it: whoever may change crates at all learns what is wrong with the upload.
        ("/new", "PUT", "no upload at all") => return Some((Need::Rights(&[Read(None)], &[]), Some(413))),
        ("/{name}/{version}/yank", "DELETE", "partner-core") | ("/{name}/{version}/unyank", "PUT", "partner-core") => {
            (&[Read(Some(OPEN))], &[Change(OPEN, "crate:yank")])
        }
        ("/{name}/{version}/yank", "DELETE", "hidden-core") | ("/{name}/{version}/unyank", "PUT", "hidden-core") => {
            (&[Read(Some(HIDDEN))], &[Change(HIDDEN, "crate:yank")])
        }
        ("/{name}/owners", "GET", "partner-core") => (&[Read(Some(OPEN))], &[]),
        ("/{name}/owners", "GET", "hidden-core") => (&[Read(Some(HIDDEN))], &[]),
        ("/{name}/owners", "GET", "absent") => return Some((Need::Rights(&[Read(None)], &[]), Some(404))),
        ("/{name}/owners", "GET", "public") => (&[Read(None)], &[]),
        ("/{name}/owners", "PUT" | "DELETE", "partner-core") => (&[Read(Some(OPEN))], &[Change(OPEN, "owner:write")]),
        ("/{name}/owners", "PUT" | "DELETE", "hidden-core") => {
            (&[Read(Some(HIDDEN))], &[Change(HIDDEN, "owner:write")])
        }
        _ => return None,
    };
    Some((Need::Rights(rights.0, rights.1), None))
}

fn manage(path: &str, method: &str, about: &str) -> Option<(Need, Option<u16>)> {
    let rights: (&[Right], &[Right]) = match (path.trim_start_matches("/orgs/{org}"), method, about) {
        ("/whoami", "GET", _) => return Some((Need::Credential, None)),
        // Whoever knows the API knows that orgs can be made; the account must be one that may.
        ("/orgs", "POST", _) => (&[], &[Be(Identity::Owner), Be(Identity::Other)]),
        ("", "GET", _) | ("/registries", "GET", _) => (&[Manage], &[]),
        ("/registries", "POST", _) => (&[Manage], &[Verb("registry:write")]),
        ("/registries/{registry}", "GET", "absent") => return Some((Need::Rights(&[Manage], &[]), Some(404))),
        ("/registries/{registry}", "GET", _) => (&[Registry], &[]),
        ("/registries/{registry}", "PATCH", _) => (&[Registry], &[Verb("registry:write")]),
        ("/members" | "/teams", "GET", _) => (&[Verb("member:read")], &[]),
        ("/members" | "/members/{login}", _, "an owner") => (&[Verb("member:read")], &[Own]),
        ("/members" | "/members/{login}" | "/teams" | "/teams/{team}/members/{login}", ..) => {
            (&[Verb("member:read")], &[Verb("member:write")])
        }
        ("/tokens", "GET", _) | ("/tokens/{id}", "GET", "its own") => (&[Verb("token:write")], &[]),
        ("/tokens", "POST", "acts as a service account") => (&[Verb("token:write")], &[Run("token:write")]),
        ("/tokens", "POST", "for the publisher") => (&[Verb("token:write")], &[Be(Identity::Publisher)]),
        ("/tokens", "POST", _) => (&[Verb("token:write")], &[]),
        ("/tokens/{id}/rotate", "POST", "the auditor's") => {
            (&[Run("token:write"), Be(Identity::Auditor)], &[Be(Identity::Auditor)])
        }
        ("/tokens/{id}" | "/tokens/{id}/rotate", _, "a service account's") => (&[Run("token:write")], &[]),
        ("/audit", "GET", _) => (&[Verb("audit:read")], &[]),
        (path, method, about) if path.starts_with("/registries/{registry}/entitlements") => {
            let done = (about == "another org's").then_some(404);
            let verb: &[Right] = if method == "GET" {
                &[Verb("entitlement:read"), Verb("entitlement:write")]
            } else {
                &[Verb("entitlement:write")]
            };
            return Some((Need::Rights(&[Registry], verb), done));
        }
        _ => return None,
    };
    Some((Need::Rights(rights.0, rights.1), None))
}

/// What a token can do on the org it is of: the verbs of its role that it carries.
fn verbs(identity: Identity) -> &'static [&'static str] {
    const ALL: &[&str] = &[
        "index:read",
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
    ];
    match identity {
        Identity::Admin | Identity::Owner | Identity::Service | Identity::Other => ALL,
        Identity::Narrow => &["member:read"],
        Identity::Auditor => &["entitlement:read", "member:read", "audit:read", "token:write"],
        Identity::Reader => &["index:read", "token:write"],
        Identity::Publisher => {
            &["index:read", "crate:publish-new", "crate:publish", "crate:yank", "owner:write", "token:write"]
        }
        Identity::Upload => &["index:read", "crate:publish-new", "crate:publish", "crate:yank", "owner:write"],
        Identity::Supplier => &["index:read", "crate:publish-new", "crate:publish", "crate:yank", "owner:write"],
        Identity::Entitled | Identity::Partner | Identity::Download => &["index:read"],
        _ => &[],
    }
}

/// Whether the credential holds.
pub(super) fn holds(identity: Identity) -> bool {
    !matches!(
        identity,
        Identity::Anonymous
            | Identity::Malformed
            | Identity::Unknown
            | Identity::Expired
            | Identity::Revoked
            | Identity::Disabled
            | Identity::Early
            | Identity::Elsewhere
    )
}

/// Whether the credential is a member's own key or a service account's.
fn manages(identity: Identity) -> bool {
    holds(identity)
        && !matches!(
            identity,
            Identity::Partner | Identity::Entitled | Identity::Supplier | Identity::Download | Identity::Upload
        )
}

fn runs(identity: Identity) -> bool {
    matches!(identity, Identity::Admin | Identity::Owner | Identity::Service | Identity::Narrow)
}

/// Whether an entitlement speaks of this registry, and a narrowed token of this crate.
fn covers(identity: Identity, public: bool, krate: Option<&str>, changes: bool) -> bool {
    match identity {
        Identity::Partner | Identity::Entitled | Identity::Supplier if public => !changes,
        Identity::Partner | Identity::Download => krate.is_none_or(|name| name.starts_with("partner-")),
        _ => true,
    }
}

fn has(identity: Identity, right: Right, at_home: bool, public: bool) -> bool {
    let may = |verb: &str| at_home && verbs(identity).contains(&verb);
    match right {
        Manage => at_home && manages(identity),
        Verb(verb) => manages(identity) && may(verb),
        Registry => {
            manages(identity)
                && ["index:read", "registry:write", "entitlement:read", "policy:write"].iter().any(|verb| may(verb))
        }
        Run(verb) => runs(identity) && may(verb),
        Own => at_home && identity == Identity::Owner,
        // The owner of another org has rights of its own where no org is named.
        Be(one) => identity == one && (at_home || one == Identity::Other),
        Read(_) if public => true,
        Read(krate) => may("index:read") && covers(identity, public, krate, false),
        Change(name, verb) => {
            let owns = match identity {
                // A publisher may change what it owns, and make what nobody has.
                Identity::Publisher | Identity::Upload => name != HIDDEN,
                _ => true,
            };
            may(verb) && owns && covers(identity, public, Some(name), true)
        }
    }
}

/// What the rule says to a cell.
pub(super) fn verdict(row: &Row, need: Need, identity: Identity, tenancy: Tenancy) -> Verdict {
    let (service, method, template) = parts(row.route);
    let cargo = template.starts_with("/cargo/");
    // The owner of another org is no member of this one; to everyone else, this one is home.
    let at_home = tenancy == Tenancy::Own && identity != Identity::Other;
    let public = row.about == "public" && tenancy == Tenancy::Own;
    match need {
        Need::Nothing => return Verdict::Done,
        Need::Never => return Verdict::Done,
        Need::Address => return if tenancy == Tenancy::Own { Verdict::Done } else { Verdict::Refused },
        _ => {}
    }
    let reads = method == "GET" && (cargo || service != "app");
    if identity == Identity::Anonymous && !(public && reads) {
        return Verdict::SignIn;
    }
    if !holds(identity) && identity != Identity::Anonymous {
        return if cargo { Verdict::Refused } else { Verdict::SignIn };
    }
    let Need::Rights(sees, does) = need else { return Verdict::Done };
    let any = |rights: &[Right]| rights.is_empty() || rights.iter().any(|right| has(identity, *right, at_home, public));
    // A download token never changes crates, and is told so before the crate is looked for.
    if cargo && method != "GET" && identity == Identity::Download {
        return if has(identity, Read(None), at_home, public) { Verdict::Refused } else { Verdict::Absent };
    }
    match (any(sees), any(does)) {
        (false, _) => Verdict::Absent,
        (true, false) => Verdict::Refused,
        (true, true) => Verdict::Done,
    }
}

impl Verdict {
    /// Whether a status is what the rule says; `done` is the status of those who may, where that is no success.
    pub(super) fn is(self, status: u16, done: Option<u16>) -> bool {
        match self {
            Self::SignIn => status == 401,
            Self::Absent => status == 404,
            Self::Refused => status == 403,
            Self::Done => done.map_or((200..400).contains(&status), |done| status == done),
        }
    }
}
