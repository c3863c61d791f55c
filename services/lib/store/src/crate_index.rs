//! What index and download hold in memory: the names of a registry and the index files of its crates.

use crate::{StoreError, TenantTx};
use wharf_domain::{CrateId, CrateName, CrateVersion, RegistryId, Timestamp};

/// A crate of a registry, without its versions.
#[derive(Clone, Debug)]
pub struct ListedCrate {
    /// The crate.
    pub id: CrateId,
    /// Its name as published.
    pub name: CrateName,
    /// The revision of its index file.
    pub revision: i64,
}

/// A version and its index line.
#[derive(Clone, Debug)]
pub struct ListedVersion {
    /// The number as published.
    pub number: CrateVersion,
    /// When it was published.
    pub published_at: Timestamp,
    /// SHA-256 of the crate file.
    pub cksum: [u8; 32],
    /// Length of the crate file, in bytes.
    pub size_bytes: i64,
    /// Whether it is yanked.
    pub yanked: bool,
    /// The line, without its line end.
    pub line: String,
}

impl TenantTx {
    /// Every crate of a registry.
    pub async fn list_index_crates(&mut self, registry: RegistryId) -> Result<Vec<ListedCrate>, StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "select crate_id, name, revision from crate where org_id = $1 and registry_id = $2",
            org,
            registry.0
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| {
            let name = CrateName::parse(&row.name)
                .map_err(|error| StoreError::corrupt(format!("crate.name of {}", row.crate_id), error))?;
            Ok(ListedCrate { id: CrateId(row.crate_id), name, revision: row.revision })
        })
        .collect()
    }

    /// The revision of a crate and its versions in the order of publication, all of one moment; `None` when the registry
    /// has no such crate.
    pub async fn read_index_file(
        &mut self,
        registry: RegistryId,
        krate: CrateId,
    ) -> Result<Option<(ListedCrate, Vec<ListedVersion>)>, StoreError> {
        let org = self.org().0;
        let rows = sqlx::query!(
            r#"select c.name, c.revision, v.version_id as "version_id?", v.number as "number?",
                      v.published_at as "published_at?", v.cksum as "cksum?", v.size_bytes as "size_bytes?",
                      v.yanked as "yanked?", l.line as "line?"
               from crate c
               left join version v on v.org_id = c.org_id and v.crate_id = c.crate_id
               left join index_line l on l.org_id = v.org_id and l.version_id = v.version_id
               where c.org_id = $1 and c.registry_id = $2 and c.crate_id = $3
               order by v.published_at, v.number collate "C" "#,
            org,
            registry.0,
            krate.0
        )
        .fetch_all(self.connection())
        .await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let name = CrateName::parse(&first.name)
            .map_err(|error| StoreError::corrupt(format!("crate.name of {krate}"), error))?;
        let listed = ListedCrate { id: krate, name, revision: first.revision };
        let mut versions = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(id) = row.version_id else { continue };
            wharf_trial::mutant!(YankedLinesDropped { if row.yanked == Some(true) { continue; } });
            let missing = |column: &str| StoreError::corrupt(format!("{column} of {id}"), "missing");
            let number = CrateVersion::parse(&row.number.ok_or_else(|| missing("version.number"))?)
                .map_err(|error| StoreError::corrupt(format!("version.number of {id}"), error))?;
            versions.push(ListedVersion {
                number,
                published_at: Timestamp::new(row.published_at.ok_or_else(|| missing("version.published_at"))?),
                cksum: row.cksum.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| missing("version.cksum"))?,
                size_bytes: row.size_bytes.ok_or_else(|| missing("version.size_bytes"))?,
                yanked: row.yanked.unwrap_or(false),
                line: row.line.ok_or_else(|| missing("index_line.line"))?,
            });
        }
        Ok(Some((listed, versions)))
    }
}
