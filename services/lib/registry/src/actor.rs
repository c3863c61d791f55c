//! Who asks, and in which request: what every verb that changes something must be told.

use crate::Site;
use serde_json::Value;
use std::net::IpAddr;
use wharf_domain::Principal;
use wharf_store::AuditEntry;

/// The request a verb is asked in.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its id, which the caller sees in the answer.
    pub id: String,
    /// The address it came from, if known.
    pub address: Option<IpAddr>,
}

/// A principal in a request.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who asks.
    pub principal: Principal,
    /// In which request.
    pub request: Request,
}

impl Actor {
    /// The audit entry of an act of this actor.
    pub(crate) fn entry(&self, site: &Site, action: &str, object: Value, detail: Value) -> AuditEntry {
        AuditEntry {
            id: site.entropy.uuid(),
            at: site.clock.now(),
            actor_token: Some(self.principal.token),
            actor_user: self.principal.user(),
            action: action.to_owned(),
            object,
            detail,
            request_id: self.request.id.clone(),
            source: self.request.address,
        }
    }
}
