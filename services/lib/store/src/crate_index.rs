//! What index and download hold in memory: the names of a registry and the index files of its crates.

use crate::{StoreError, TenantTx};
use futures::stream::TryStreamExt;
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

/// A crate of a registry with the numbers of its versions and when each was published, without an order.
#[derive(Clone, Debug)]
pub struct NumberedCrate {
    /// The crate, at the revision at which it has these versions.
    pub listed: ListedCrate,
    /// What view filters judge by.
    pub versions: Vec<(CrateVersion, Timestamp)>,
}

/// A row of a crate and one of its versions; a crate without versions has one row.
struct NumberedRow {
    crate_id: uuid::Uuid,
    name: String,
    revision: i64,
    number: Option<String>,
    published_at: Option<time::OffsetDateTime>,
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

    /// Every crate of a registry with the numbers of its versions, all of one moment.
    pub async fn list_numbered_crates(&mut self, registry: RegistryId) -> Result<Vec<NumberedCrate>, StoreError> {
        let org = self.org().0;
        let rows = sqlx::query_as!(
            NumberedRow,
            r#"select c.crate_id, c.name, c.revision, v.number as "number?", v.published_at as "published_at?"
               from crate c left join version v on v.org_id = c.org_id and v.crate_id = c.crate_id
               where c.org_id = $1 and c.registry_id = $2 order by c.crate_id"#,
            org,
            registry.0
        )
        .fetch(self.connection());
        rows.map_err(StoreError::from).try_fold(Vec::new(), async |crates, row| gather(crates, row)).await
    }

    /// The same of some crates.
    pub async fn find_numbered_crates(
        &mut self,
        registry: RegistryId,
        crates: &[CrateId],
    ) -> Result<Vec<NumberedCrate>, StoreError> {
        let org = self.org().0;
        let crates: Vec<uuid::Uuid> = crates.iter().map(|krate| krate.0).collect();
        let rows = sqlx::query_as!(
            NumberedRow,
            r#"select c.crate_id, c.name, c.revision, v.number as "number?", v.published_at as "published_at?"
               from crate c left join version v on v.org_id = c.org_id and v.crate_id = c.crate_id
               where c.org_id = $1 and c.registry_id = $2 and c.crate_id = any($3) order by c.crate_id"#,
            org,
            registry.0,
            &crates
        )
        .fetch(self.connection());
        rows.map_err(StoreError::from).try_fold(Vec::new(), async |crates, row| gather(crates, row)).await
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

/// Adds a row to the crates that came before it; the rows of a crate follow each other.
fn gather(mut crates: Vec<NumberedCrate>, row: NumberedRow) -> Result<Vec<NumberedCrate>, StoreError> {
    let id = CrateId(row.crate_id);
    if crates.last().is_none_or(|last| last.listed.id != id) {
        let name =
            CrateName::parse(&row.name).map_err(|error| StoreError::corrupt(format!("crate.name of {id}"), error))?;
        crates.push(NumberedCrate { listed: ListedCrate { id, name, revision: row.revision }, versions: Vec::new() });
    }
    if let (Some(number), Some(published_at), Some(last)) = (row.number, row.published_at, crates.last_mut()) {
        let number = CrateVersion::parse(&number)
            .map_err(|error| StoreError::corrupt(format!("version.number of {id}"), error))?;
        last.versions.push((number, Timestamp::new(published_at)));
    }
    Ok(crates)
}
