//! Rotates the secret of an entitlement: a new token, and an end for the old ones.

use super::{Granted, Issued, issue, object};
use crate::idempotency::Once;
use crate::{Actor, Error, Result, Site};
use serde_json::json;
use std::time::Duration;
use wharf_domain::{EntitlementId, Verb};
use wharf_store::Change;

/// How long the old tokens hold when nothing else is said.
pub const OVERLAP_DEFAULT: Duration = Duration::from_secs(3_600);
/// The longest the old tokens may hold.
pub const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Most tokens of one entitlement that hold at the same time.
pub const LIVE_TOKENS_MAX: usize = 10;

impl Site {
    /// Issues a new token for an entitlement. The old ones hold for `overlap` more, or not at all when it is zero.
    pub async fn rotate_entitlement(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        id: EntitlementId,
        overlap: Duration,
        once: Option<&Once>,
    ) -> Result<Issued> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementWrite)?;
        if overlap > OVERLAP_MAX {
            return Err(Error::invalid(
                "overlap_too_long",
                format!("the overlap is at most {} seconds (7 days)", OVERLAP_MAX.as_secs()),
            ));
        }
        let mut transaction = self.begin(entry.address.org).await?;
        if let Some(issued) = Issued::earlier(once, &mut transaction).await? {
            // Announced again: the first time may have ended before the replicas knew of the old tokens' end.
            transaction.announce(&Change::Entitlement(id), self.clock.now()).await?;
            self.settle(transaction).await?;
            return Ok(issued);
        }
        let entitlement =
            transaction.find_entitlement_for_change(entry.address.registry, id).await?.ok_or_else(Error::not_found)?;
        let now = self.clock.now();
        let old = if overlap.is_zero() {
            // Revoked, not ended now: a replica whose clock is behind must refuse them as well.
            transaction.revoke_entitlement_tokens(id, now, actor.principal.token).await?
        } else {
            transaction.expire_entitlement_tokens(id, now, now.plus(overlap)).await?
        };
        if !overlap.is_zero() && old.len() >= LIVE_TOKENS_MAX {
            return Err(Error::conflict(
                "too_many_tokens",
                format!(
                    "{LIVE_TOKENS_MAX} tokens of this entitlement still hold; wait for one to end, or rotate with \"overlap_s\": 0"
                ),
            ));
        }
        wharf_trial::moment!("entitlement: old tokens ended");
        let (token, secret) = issue(self, actor, &mut transaction, &entitlement).await?;
        for token in &old {
            transaction.announce(&Change::Token(*token), now).await?;
        }
        let record = actor.entry(
            self,
            "entitlement.rotate",
            object(&entry, id, &entitlement.name),
            json!({ "token": token, "replaces": old, "overlap_s": overlap.as_secs() }),
        );
        wharf_trial::mutant!(AuditForgotten => (); transaction.record(&record).await?);
        let tokens = transaction.list_entitlement_tokens(&[id], now).await?;
        let issued = Issued { granted: Granted { entitlement, tokens }, secret };
        issued.keep(self, once, &mut transaction).await?;
        self.settle(transaction).await?;
        Ok(issued)
    }
}
