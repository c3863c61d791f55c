//! The changes of a registry's index, numbered in the order of their commits.
//!
//! Whoever holds an index in memory knows by the number exactly at which state it is, and by undoing changes what an
//! earlier state was. The number is taken under a lock on the registry's row in `index_head`, and the lock is held until
//! the commit, so that nobody can read a number while a smaller one is still to come. It is therefore taken last: a verb
//! notes its changes while it works, and [`TenantTx::commit`] numbers them.

use crate::{StoreError, TenantTx};
use wharf_domain::{CrateId, RegistryId, Timestamp, VersionId};

/// What happened to a version's line in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexEvent {
    /// It came.
    Published,
    /// It says from now on that the version is yanked.
    Yanked,
    /// It does not say so any more.
    Unyanked,
}

impl IndexEvent {
    fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Yanked => "yanked",
            Self::Unyanked => "unyanked",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Published, Self::Yanked, Self::Unyanked].into_iter().find(|event| event.as_str() == text)
    }
}

/// A change that waits for its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unnumbered {
    krate: CrateId,
    version: VersionId,
    event: IndexEvent,
    at: Timestamp,
}

/// A change of a registry's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexChange {
    /// Its number: one more than the change that was committed before.
    pub seq: i64,
    /// The crate whose file changed.
    pub krate: CrateId,
    /// The version whose line changed.
    pub version: VersionId,
    /// How it changed.
    pub event: IndexEvent,
}

impl TenantTx {
    /// Notes a change of index bytes, to be numbered when this transaction commits.
    pub(crate) fn changes_index(&mut self, krate: CrateId, version: VersionId, event: IndexEvent, at: Timestamp) {
        self.unnumbered().push(Unnumbered { krate, version, event, at });
    }

    /// The number of the last change before a moment; 0 when there was none, or none that is still known.
    pub async fn get_index_seq_before(&mut self, registry: RegistryId, at: Timestamp) -> Result<i64, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            r#"select coalesce(max(seq), 0) as "seq!" from index_change
               where org_id = $1 and registry_id = $2 and at < $3"#,
            org,
            registry.0,
            at.inner(),
        )
        .fetch_one(self.connection())
        .await?)
    }

    /// Numbers the changes noted so far. From here to the commit, other publishes to the registry wait.
    pub(crate) async fn number_changes(&mut self) -> Result<(), StoreError> {
        let org = self.org().0;
        for Unnumbered { krate, version, event, at } in std::mem::take(self.unnumbered()) {
            let numbered = sqlx::query!(
                "with head as (
                     insert into index_head (org_id, registry_id, seq)
                     select org_id, registry_id, 1 from crate where org_id = $1 and crate_id = $2
                     on conflict (org_id, registry_id) do update set seq = index_head.seq + 1
                     returning registry_id, seq
                 )
                 insert into index_change (org_id, registry_id, seq, crate_id, version_id, kind, at)
                 select $1, registry_id, seq, $2, $3, $4, $5 from head",
                org,
                krate.0,
                version.0,
                event.as_str(),
                at.inner(),
            )
            .execute(self.connection())
            .await?;
            if numbered.rows_affected() != 1 {
                return Err(StoreError::corrupt(format!("crate {krate}"), "changed, and is not there"));
            }
        }
        Ok(())
    }

    /// The number of the newest change of a registry's index; 0 when there was none.
    pub async fn get_index_seq(&mut self, registry: RegistryId) -> Result<i64, StoreError> {
        let org = self.org().0;
        let seq =
            sqlx::query_scalar!("select seq from index_head where org_id = $1 and registry_id = $2", org, registry.0)
                .fetch_optional(self.connection())
                .await?;
        Ok(seq.unwrap_or_default())
    }

    /// The changes after `after` up to `through`, oldest first. Those older than changes are kept are missing.
    pub async fn list_index_changes(
        &mut self,
        registry: RegistryId,
        after: i64,
        through: i64,
    ) -> Result<Vec<IndexChange>, StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "select seq, crate_id, version_id, kind from index_change
             where org_id = $1 and registry_id = $2 and seq > $3 and seq <= $4
             order by seq",
            org,
            registry.0,
            after,
            through,
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| {
            let event = IndexEvent::parse(&row.kind)
                .ok_or_else(|| StoreError::corrupt(format!("index_change.kind of {}", row.seq), &row.kind))?;
            let (krate, version) = (CrateId(row.crate_id), VersionId(row.version_id));
            Ok(IndexChange { seq: row.seq, krate, version, event })
        })
        .collect()
    }
}
