//! What Wharf should answer: its behaviour said once more, in plain maps, without a database, a network or a cache.
//!
//! [`Model::answer`] takes any request and says status and body, and remembers what the request changed. The model is
//! the specification that the program is compared with. It is written for reading, not for speed, and shares no code with
//! the product: whatever both got wrong, two people got wrong in two ways.
//!
//! It speaks of things by names a test gives them: tokens and entitlements have handles, a crate file is known by what went into it. What
//! chance decides (ids, secrets, hints) it does not know. Bodies are those of the API without these; where the services are is
//! written `[app]`, `[download]`.

mod audit;
mod bodies;
mod cargo;
mod entitlements;
mod git;
mod legacy;
mod members;
mod once;
mod orgs;
mod preview;
mod registries;
mod request;
mod rights;
mod sources;
mod state;
mod tokens;

pub use bodies::{Draft, Package, Patch, Rights, Rule, Settings, Subject};
pub use request::{Face, OWNER_TOKEN, Place, Request, Step, What, Who};
pub use rights::{ROLES, VERBS, canonical, matches};
pub use sources::HERE;
pub use state::Model;

use serde_json::{Value, json};

/// What an answer must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The status.
    pub status: u16,
    /// The body without what chance decides; of a fault of the JSON API its code; `null` where it says nothing more.
    pub body: Value,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It came without a credential.
    Anonymous,
    /// Its credential opens nothing.
    BadCredential,
    /// What it asks for is hidden or absent.
    Absent,
    /// It sees, but may not.
    Forbidden(&'static str),
    /// It breaks a rule.
    Invalid(&'static str),
    /// It contradicts what is there.
    Conflict(&'static str),
}

/// Whoever sees something and may not change it is told so by this code, unless there is a better one.
pub(crate) const FORBIDDEN: Refusal = Refusal::Forbidden("forbidden");

/// Status and body, or a refusal.
pub(crate) type Answer = Result<(u16, Value), Refusal>;

pub(crate) fn ok(body: Value) -> Answer {
    Ok((200, body))
}

pub(crate) fn created(body: Value) -> Answer {
    Ok((201, body))
}

/// Done, and nothing more to say.
pub(crate) fn gone() -> Answer {
    Ok((204, Value::Null))
}

impl Refusal {
    /// One refusal has three faces: cargo's web API knows 403 for a bad credential, and only the JSON API has codes.
    fn expected(&self, face: Face) -> Expected {
        let (status, code) = match *self {
            Self::Anonymous => (401, "credential_missing"),
            Self::BadCredential if face == Face::Cargo => (403, "credential_refused"),
            Self::BadCredential => (401, "credential_refused"),
            Self::Absent => (404, "not_found"),
            Self::Forbidden(code) => (403, code),
            Self::Invalid(code) => (400, code),
            Self::Conflict(code) => (409, code),
        };
        Expected { status, body: if face == Face::Json { json!({ "code": code }) } else { Value::Null } }
    }
}

impl Model {
    /// What this request should be answered now; what it changes is changed.
    pub fn answer(&mut self, request: &Request) -> Expected {
        let answer = self.keyed(request).and_then(|once| {
            self.at_hand = once;
            self.judge(request)
        });
        self.remember(request, &answer);
        match answer {
            Ok((status, body)) => Expected { status, body },
            Err(refusal) => refusal.expected(request.what.face()),
        }
    }

    fn judge(&mut self, request: &Request) -> Answer {
        let who = &request.who;
        match &request.what {
            What::Config(place) => self.config(who, place),
            What::File(place, name) => self.index_file(who, place, name),
            What::Tree(place) => self.tree(who, place),
            What::Download(place, name, number) => self.download(who, place, name, number),
            What::LegacyDownload { place, token, made_for, name, number } => {
                self.legacy_download(who, place, token, made_for, (name, number))
            }
            What::Search { place, text, per_page, page } => self.search(who, place, text, *per_page, *page),
            What::Owners(place, name) => self.owners(who, place, name),
            What::Publish(place, package) => self.publish(who, place, package),
            What::Yank { place, name, number, yanked } => self.yank(who, place, name, number, *yanked),
            What::ChangeOwners { place, name, users, add } => self.change_owners(who, place, name, users, *add),

            What::Whoami => self.whoami(who),
            What::FoundOrg { slug, token } => self.found_org(who, slug, token),
            What::Org(org) => self.org(who, org),
            What::Registries(org) => self.registries(who, org),
            What::Registry(place) => self.registry(who, place),
            What::MakeRegistry(place, settings) => self.make_registry(who, place, settings),
            What::SetRegistry(place, settings) => self.set_registry(who, place, settings),

            What::Members(org) => self.members(who, org),
            What::AddMember { org, login, role, service } => self.add_member(who, org, login, role, *service),
            What::ChangeMember { org, login, role } => self.change_member(who, org, login, role),
            What::RemoveMember { org, login } => self.remove_member(who, org, login),
            What::Teams(org) => self.teams(who, org),
            What::MakeTeam { org, slug } => self.make_team(who, org, slug),
            What::Seat { org, team, login, seated } => self.seat(who, org, team, login, *seated),

            What::Tokens(org) => self.list_tokens(who, org),
            What::Token { org, token } => self.token(who, org, token),
            What::Issue { org, token, kind, member, scopes, sources, life } => {
                let (member, scopes, sources) = (member.as_deref(), scopes.as_deref(), sources.as_deref());
                self.issue(who, org, token, kind, member, scopes, sources, *life)
            }
            What::Revoke { org, token } => self.revoke(who, org, token),
            What::Rotate { org, token, new, overlap } => self.rotate(who, org, token, new, *overlap),
            What::Audit { org, action } => self.audit(who, org, action),

            What::Entitlements(place) => self.list_entitlements(who, place),
            What::Entitlement { place, id } => self.entitlement(who, place, id),
            What::Grant { place, id, token, draft } => self.grant(who, place, id, token, draft),
            What::ChangeEntitlement { place, id, patch } => self.change_entitlement(who, place, id, patch),
            What::SwitchEntitlement { place, id, on } => self.switch_entitlement(who, place, id, *on),
            What::Withdraw { place, id } => self.withdraw(who, place, id),
            What::RotateEntitlement { place, id, token, overlap } => {
                self.rotate_entitlement(who, place, id, token, *overlap)
            }
            What::View { place, id } => self.view(who, place, id),
            What::Preview { place, subject, explain } => self.preview(who, place, subject, explain.as_ref()),
        }
    }
}
