//! Reads the audit. Writing it is in [`crate::audit`], within the transaction of each act.

use crate::{StoreError, TenantTx};
use serde_json::Value;
use uuid::Uuid;
use wharf_domain::{Slug, Timestamp, TokenId};

/// An entry as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Identity of the entry.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// By which member, if it is still one.
    pub actor: Option<Slug>,
    /// With which token; none for the operator's own commands.
    pub token: Option<TokenId>,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: Value,
    /// What else matters.
    pub detail: Value,
    /// The request it was asked in.
    pub request_id: String,
    /// The address it was asked from.
    pub source: Option<String>,
}

impl TenantTx {
    /// A page of the audit, newest first, of the actions that begin with `action`.
    pub async fn list_audit(
        &mut self,
        action: &str,
        before: Option<(Timestamp, Uuid)>,
        limit: i64,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let org = self.org().0;
        let rows = sqlx::query!(
            r#"select a.entry_id, a.at, a.actor_token, m.login as "login?", a.action, a.object, a.detail, a.request_id,
                      a.source
               from audit_entry a
               left join member m on m.org_id = a.org_id and m.user_id = a.actor_user
               where a.org_id = $1
                 and starts_with(a.action, $2)
                 and ($3::timestamptz is null or (a.at, a.entry_id) < ($3, $4::uuid))
               order by a.at desc, a.entry_id desc
               limit $5"#,
            org,
            action,
            before.map(|(at, _)| at.inner()),
            before.map(|(_, id)| id),
            limit
        )
        .fetch_all(self.connection())
        .await?;
        rows.into_iter()
            .map(|row| {
                let actor = row.login.map(|login| Slug::parse(&login)).transpose().map_err(|error| {
                    StoreError::corrupt(format!("audit_entry.actor_user of {}", row.entry_id), error)
                })?;
                Ok(AuditRecord {
                    id: row.entry_id,
                    at: Timestamp::new(row.at),
                    actor,
                    token: row.actor_token.map(TokenId),
                    action: row.action,
                    object: row.object,
                    detail: row.detail,
                    request_id: row.request_id,
                    source: row.source,
                })
            })
            .collect()
    }
}
