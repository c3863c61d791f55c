//! Crates: their names, their revisions, and what their registry lets them be.

use crate::{StoreError, TenantTx};
use wharf_domain::{CanonicalName, CrateId, CrateName, RegistryId, Timestamp};

/// A crate of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCrate {
    /// The crate.
    pub id: CrateId,
    /// Its name as first published. Every version bears it in this spelling.
    pub name: CrateName,
    /// The revision of its index file.
    pub revision: i64,
}

/// What a registry asks of the crates published to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishSettings {
    /// Whether they may depend on crates.io.
    pub crates_io_allowed: bool,
    /// On which other registries they may depend, by index address.
    pub allowed_registries: Vec<String>,
    /// Largest crate file, in bytes.
    pub max_crate_bytes: i64,
}

impl TenantTx {
    /// What a registry asks of the crates published to it; `None` when the org has no such registry.
    pub async fn find_publish_settings(&mut self, registry: RegistryId) -> Result<Option<PublishSettings>, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query!(
            "select crates_io_allowed, allowed_registries, max_crate_bytes
             from registry where org_id = $1 and registry_id = $2",
            org,
            registry.0
        )
        .fetch_optional(self.connection())
        .await?
        .map(|row| PublishSettings {
            crates_io_allowed: row.crates_io_allowed,
            allowed_registries: row.allowed_registries,
            max_crate_bytes: row.max_crate_bytes,
        }))
    }

    /// The crate that bears this name in any spelling.
    pub async fn find_crate(
        &mut self,
        registry: RegistryId,
        name: &CanonicalName,
    ) -> Result<Option<StoredCrate>, StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "select crate_id, name, revision from crate where org_id = $1 and registry_id = $2 and canonical = $3",
            org,
            registry.0,
            name.as_str()
        )
        .fetch_optional(self.connection())
        .await?
        .map(|row| {
            let name = CrateName::parse(&row.name)
                .map_err(|error| StoreError::corrupt(format!("crate.name of {}", row.crate_id), error))?;
            Ok(StoredCrate { id: CrateId(row.crate_id), name, revision: row.revision })
        })
        .transpose()
    }

    /// Makes a crate, unless its name is taken in any spelling. Waits for a transaction that is taking it just now.
    pub async fn create_crate(
        &mut self,
        registry: RegistryId,
        krate: &StoredCrate,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let org = self.org().0;
        let canonical = krate.name.canonical();
        let done = sqlx::query!(
            "insert into crate (org_id, registry_id, crate_id, name, canonical, created_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict on constraint crate_canonical_key do nothing",
            org,
            registry.0,
            krate.id.0,
            krate.name.as_str(),
            canonical.as_str(),
            at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Keeps other transactions from changing the crate until this one ends.
    pub async fn lock_crate(&mut self, krate: CrateId) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            r#"select 1 as "one!" from crate where org_id = $1 and crate_id = $2 for no key update"#,
            org,
            krate.0
        )
        .fetch_one(self.connection())
        .await?;
        Ok(())
    }

    /// Counts a change to the crate's index file and tells its new revision. Locks the crate.
    pub async fn raise_revision(&mut self, krate: CrateId) -> Result<i64, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            "update crate set revision = revision + 1 where org_id = $1 and crate_id = $2 returning revision",
            org,
            krate.0
        )
        .fetch_one(self.connection())
        .await?)
    }
}
