//! What a search reads in the database: texts of versions that the caller knows to be seen. Whether a crate or version is
//! seen is not asked here.

use crate::{StoreError, TenantTx};
use std::collections::HashMap;
use uuid::Uuid;
use wharf_domain::{CrateName, CrateVersion, VersionId};

/// What a search shows of a crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitText {
    /// The name of the crate as published.
    pub name: CrateName,
    /// The number of the version as published.
    pub number: CrateVersion,
    /// What the version says of itself.
    pub description: Option<String>,
}

impl TenantTx {
    /// Those of these versions whose descriptions hold any of the terms; for each term, whether it is held. Terms are in
    /// lower case.
    pub async fn find_described(
        &mut self,
        versions: &[VersionId],
        terms: &[String],
    ) -> Result<HashMap<VersionId, Vec<bool>>, StoreError> {
        let org = self.org().0;
        let versions: Vec<Uuid> = versions.iter().map(|id| id.0).collect();
        Ok(sqlx::query!(
            r#"select version_id, found.terms as "terms!"
               from (select version_id, lower(description) as text from version
                     where org_id = $1 and version_id = any ($2) and description is not null offset 0) described
               cross join lateral (
                   select array_agg(position(wanted.term in described.text) > 0 order by wanted.place) as terms
                   from unnest($3::text[]) with ordinality as wanted (term, place)) found
               where true = any (found.terms)"#,
            org,
            &versions,
            terms,
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| (VersionId(row.version_id), row.terms))
        .collect())
    }

    /// What to show of these versions.
    pub async fn list_hit_texts(&mut self, versions: &[VersionId]) -> Result<HashMap<VersionId, HitText>, StoreError> {
        let org = self.org().0;
        let versions: Vec<Uuid> = versions.iter().map(|id| id.0).collect();
        sqlx::query!(
            "select v.version_id, c.name, v.number, v.description
             from version v join crate c on c.org_id = v.org_id and c.crate_id = v.crate_id
             where v.org_id = $1 and v.version_id = any ($2)",
            org,
            &versions
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| {
            let corrupt = |column: &str, error: &dyn ToString| {
                StoreError::corrupt(format!("{column} of version {}", row.version_id), error.to_string())
            };
            let name = CrateName::parse(&row.name).map_err(|error| corrupt("crate.name", &error))?;
            let number = CrateVersion::parse(&row.number).map_err(|error| corrupt("version.number", &error))?;
            Ok((VersionId(row.version_id), HitText { name, number, description: row.description }))
        })
        .collect()
    }
}
