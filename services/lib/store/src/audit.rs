//! The audit: who did what, written in the transaction of the act.

use crate::{StoreError, TenantTx};
use serde_json::Value;
use std::net::IpAddr;
use uuid::Uuid;
use wharf_domain::{Timestamp, TokenId, UserId};

/// One act. Never holds a secret.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Identity of the entry.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// With which token; none for the operator's own commands.
    pub actor_token: Option<TokenId>,
    /// By which member.
    pub actor_user: Option<UserId>,
    /// What was done, as `noun.verb`: `version.publish`, `entitlement.grant`.
    pub action: String,
    /// To what: names and ids.
    pub object: Value,
    /// What else matters: for a change, what it was before.
    pub detail: Value,
    /// The request it was asked in.
    pub request_id: String,
    /// The address it was asked from.
    pub source: Option<IpAddr>,
}

impl TenantTx {
    /// Writes an entry. If this fails, so must the act.
    pub async fn record(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "insert into audit_entry
                 (org_id, entry_id, at, actor_token, actor_user, action, object, detail, request_id, source)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            org,
            entry.id,
            entry.at.inner(),
            entry.actor_token.map(|id| id.0),
            entry.actor_user.map(|id| id.0),
            entry.action,
            entry.object,
            entry.detail,
            entry.request_id,
            entry.source.map(|address| address.to_string()),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
