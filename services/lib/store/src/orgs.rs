//! Orgs: the tenants.

use crate::{Database, StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use wharf_domain::{OrgId, Slug, Timestamp};

/// A stored org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    /// Its identity.
    pub id: OrgId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl TenantTx {
    /// The org of this transaction; `None` when it was never made.
    pub async fn find_org(&mut self) -> Result<Option<Org>, StoreError> {
        let id = self.org();
        let row = sqlx::query!("select slug, name, created_at from org where org_id = $1", id.0)
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| {
            let slug =
                Slug::parse(&row.slug).map_err(|error| StoreError::corrupt(format!("org.slug of {id}"), error))?;
            Ok(Org { id, slug, name: row.name, created_at: Timestamp::new(row.created_at) })
        })
        .transpose()
    }

    /// Makes the org of this transaction. Constraint `org_slug_key` refuses a slug that is taken.
    pub async fn insert_org(&mut self, slug: &Slug, name: &str, at: Timestamp) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "insert into org (org_id, slug, name, created_at) values ($1, $2, $3, $4)",
            org,
            slug.as_str(),
            name,
            at.inner()
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

/// The org with this slug. For the owner of the database: to a service, row-level security shows none.
pub async fn find_by_slug_any_org(owner: &Database, slug: &Slug) -> Result<Option<OrgId>, StoreError> {
    let id = sqlx::query_scalar!("select org_id from org where slug = $1", slug.as_str())
        .fetch_optional(&mut owner.lend().await?)
        .await?;
    Ok(id.map(OrgId))
}
