//! The outbox: what a transaction changed, for every process that holds it in memory.

use crate::{StoreError, TenantTx};
use wharf_domain::{CrateId, CrateName, EntitlementId, RegistryId, Timestamp, TokenId, UserId};

/// One change, small enough that a reader always looks up the present state itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A crate's index file has a new revision.
    Crate {
        /// The registry it is in.
        registry: RegistryId,
        /// The crate.
        krate: CrateId,
        /// Its name as published.
        name: CrateName,
        /// The revision it has now.
        revision: i64,
    },
    /// A registry was made or its settings changed.
    Registry(RegistryId),
    /// A token was issued, changed or revoked.
    Token(TokenId),
    /// An entitlement was changed or withdrawn.
    Entitlement(EntitlementId),
    /// A member's role changed, or the member left.
    Member(UserId),
}

/// Identifies the transaction of a change, so that its arrival at the replicas can be awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPosition(pub(crate) String);

impl TenantTx {
    /// Announces a change; it reaches the readers if and when this transaction commits.
    pub async fn announce(&mut self, change: &Change, at: Timestamp) -> Result<(), StoreError> {
        let org = self.org().0;
        self.mark_announced();
        let (kind, registry, subject, name, revision) = match change {
            Change::Crate { registry, krate, name, revision } => {
                ("crate", Some(registry.0), krate.0, Some(name.as_str()), Some(*revision))
            }
            Change::Registry(id) => ("registry", Some(id.0), id.0, None, None),
            Change::Token(id) => ("token", None, id.0, None, None),
            Change::Entitlement(id) => ("entitlement", None, id.0, None, None),
            Change::Member(id) => ("member", None, id.0, None, None),
        };
        sqlx::query!(
            "insert into outbox (org_id, kind, registry_id, subject_id, name, revision, at)
             values ($1, $2, $3, $4, $5, $6, $7)",
            org,
            kind,
            registry,
            subject,
            name,
            revision,
            at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The position of this transaction in the feed; `None` when it announced nothing.
    pub async fn position(&mut self) -> Result<Option<FeedPosition>, StoreError> {
        if !self.has_announced() {
            return Ok(None);
        }
        let xid =
            sqlx::query_scalar!(r#"select pg_current_xact_id()::text as "xid!""#).fetch_one(self.connection()).await?;
        Ok(Some(FeedPosition(xid)))
    }
}
