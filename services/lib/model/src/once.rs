//! Creates that are safe to send again: the same request under the same key of the same token is done once, and answered again
//! as it was, for as long as its sender may ask for it at all.

use crate::request::{Request, What};
use crate::rights::Principal;
use crate::state::Model;
use crate::{Answer, FORBIDDEN, Refusal};
use serde_json::Value;

/// Most characters of a key.
const KEY_MAX: usize = 255;

/// A create under a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Keyed {
    key: String,
    /// Where what it makes is kept: an org keeps what is made in it, and founding one has a place of its own.
    org: Option<String>,
    /// What was sent.
    sent: String,
}

/// A create that was done, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    token: String,
    once: Keyed,
    body: Value,
}

/// The org in which a create makes something; `None` for what is no create.
fn place_of(what: &What) -> Option<Option<String>> {
    match what {
        What::FoundOrg { .. } => Some(None),
        What::MakeRegistry(place, _) | What::Grant { place, .. } | What::RotateEntitlement { place, .. } => {
            Some(Some(place.org.clone()))
        }
        What::AddMember { org, .. }
        | What::MakeTeam { org, .. }
        | What::Issue { org, .. }
        | What::Rotate { org, .. } => Some(Some(org.clone())),
        _ => None,
    }
}

/// A create as it is sent. Handles of what it makes are the test's own; times to live are sent as moments.
fn sent(what: &What, now: i64) -> String {
    let mut what = what.clone();
    match &mut what {
        What::FoundOrg { token, .. } | What::Rotate { new: token, .. } | What::RotateEntitlement { token, .. } => {
            token.clear()
        }
        What::Issue { life, .. } => *life = life.map(|life| now + life),
        What::Grant { place, draft, .. } => return format!("{place} {} {:?}", draft.json(), draft.sources),
        _ => {}
    }
    format!("{what:?}")
}

impl What {
    /// Whether it makes something, and is answered 201 when it did.
    #[must_use]
    pub fn is_create(&self) -> bool {
        place_of(self).is_some()
    }
}

impl Model {
    /// The create under its key, if the request is one; elsewhere keys mean nothing.
    pub(crate) fn keyed(&self, request: &Request) -> Result<Option<Keyed>, Refusal> {
        let (Some(key), Some(org)) = (&request.key, place_of(&request.what)) else { return Ok(None) };
        let fits = (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if fits {
            return Ok(Some(Keyed { key: key.clone(), org, sent: sent(&request.what, self.now) }));
        }
        // Said to whoever could ask such a thing of some org.
        match self.principal(&request.who)?.ok_or(Refusal::Anonymous)?.kind {
            "personal" => Err(Refusal::Invalid("idempotency_key_invalid")),
            "service" if org.is_some() => Err(Refusal::Invalid("idempotency_key_invalid")),
            _ if org.is_some() => Err(Refusal::Absent),
            _ => Err(FORBIDDEN),
        }
    }

    /// The answer to the request at hand, if it was done before.
    pub(crate) fn earlier(&self, principal: &Principal) -> Result<Option<(u16, Value)>, Refusal> {
        let Some(once) = &self.at_hand else { return Ok(None) };
        let same =
            |done: &&Done| done.token == principal.token && done.once.key == once.key && done.once.org == once.org;
        match self.done.iter().find(same) {
            None => Ok(None),
            Some(done) if done.once.sent == once.sent => Ok(Some((201, done.body.clone()))),
            Some(_) => Err(Refusal::Conflict("idempotency_conflict")),
        }
    }

    /// Remembers what was made; what is refused may be tried again.
    pub(crate) fn remember(&mut self, request: &Request, answer: &Answer) {
        let (once, token) = (self.at_hand.take(), request.who.bearer.clone());
        if let (Some(once), Some(token), Ok((201, body))) = (once, token, answer) {
            self.done.push(Done { token, once, body: body.clone() });
        }
    }
}
