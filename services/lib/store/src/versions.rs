//! Versions and their index lines. A version is written once; only `yanked` ever changes.

use crate::index_change::IndexEvent;
use crate::{StoreError, TenantTx};
use serde_json::Value;
use wharf_domain::{CrateId, CrateVersion, Timestamp, TokenId, UserId, VersionId};

/// A published version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// The version.
    pub id: VersionId,
    /// Its number as published.
    pub number: CrateVersion,
    /// SHA-256 of the crate file.
    pub cksum: [u8; 32],
    /// When it was published, in whole seconds.
    pub published_at: Timestamp,
}

/// A version about to be published.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The crate it belongs to.
    pub krate: CrateId,
    /// What will be stored of it.
    pub version: StoredVersion,
    /// Length of the crate file, in bytes.
    pub size_bytes: i64,
    /// What it says of itself in a sentence.
    pub description: Option<String>,
    /// What else the manifest says beyond the index line.
    pub metadata: Value,
    /// The index line, without its line end.
    pub line: String,
    /// With which token it is published.
    pub by_token: TokenId,
    /// By which member.
    pub by_user: Option<UserId>,
}

struct Row {
    version_id: uuid::Uuid,
    number: String,
    cksum: Vec<u8>,
    published_at: time::OffsetDateTime,
}

impl TryFrom<Row> for StoredVersion {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = row.version_id;
        Ok(Self {
            id: VersionId(id),
            number: CrateVersion::parse(&row.number)
                .map_err(|error| StoreError::corrupt(format!("version.number of {id}"), error))?,
            cksum: row
                .cksum
                .try_into()
                .map_err(|_| StoreError::corrupt(format!("version.cksum of {id}"), "not 32 bytes"))?,
            published_at: Timestamp::new(row.published_at),
        })
    }
}

impl TenantTx {
    /// The version of a crate with this identity: its number without build metadata.
    pub async fn find_version(&mut self, krate: CrateId, identity: &str) -> Result<Option<StoredVersion>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            "select version_id, number, cksum, published_at
             from version where org_id = $1 and crate_id = $2 and identity = $3",
            org,
            krate.0,
            identity
        )
        .fetch_optional(self.connection())
        .await?
        .map(StoredVersion::try_from)
        .transpose()
    }

    /// Every version of a crate.
    pub async fn list_versions(&mut self, krate: CrateId) -> Result<Vec<StoredVersion>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            "select version_id, number, cksum, published_at from version where org_id = $1 and crate_id = $2",
            org,
            krate.0
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(StoredVersion::try_from)
        .collect()
    }

    /// Writes a version and its index line, unless the crate has a version of this identity. Waits for a transaction
    /// that is publishing one just now.
    pub async fn create_version(&mut self, new: &NewVersion) -> Result<bool, StoreError> {
        let org = self.org().0;
        let written = sqlx::query!(
            "insert into version
                 (org_id, crate_id, version_id, number, identity, cksum, size_bytes, description, metadata,
                  published_at, published_by_token, published_by_user)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict on constraint version_identity_key do nothing",
            org,
            new.krate.0,
            new.version.id.0,
            new.version.number.to_string(),
            new.version.number.without_build(),
            &new.version.cksum[..],
            new.size_bytes,
            new.description,
            new.metadata,
            new.version.published_at.inner(),
            new.by_token.0,
            new.by_user.map(|user| user.0),
        )
        .execute(self.connection())
        .await?;
        if written.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query!(
            "insert into index_line (org_id, version_id, line) values ($1, $2, $3)",
            org,
            new.version.id.0,
            new.line
        )
        .execute(self.connection())
        .await?;
        self.changes_index(new.krate, new.version.id, IndexEvent::Published, new.version.published_at);
        Ok(true)
    }

    /// Yanks a version or takes the yank back; tells whether that was a change. Locks the version.
    pub async fn set_yanked(
        &mut self,
        krate: CrateId,
        version: VersionId,
        yanked: bool,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let org = self.org().0;
        let done = sqlx::query!(
            "update version set yanked = $4
             where org_id = $1 and crate_id = $2 and version_id = $3 and yanked <> $4",
            org,
            krate.0,
            version.0,
            yanked
        )
        .execute(self.connection())
        .await?;
        let changed = done.rows_affected() == 1;
        if changed {
            let event = if yanked { IndexEvent::Yanked } else { IndexEvent::Unyanked };
            self.changes_index(krate, version, event, at);
        }
        Ok(changed)
    }

    /// The index line of a version.
    pub async fn get_index_line(&mut self, version: VersionId) -> Result<String, StoreError> {
        let org = self.org().0;
        sqlx::query_scalar!("select line from index_line where org_id = $1 and version_id = $2", org, version.0)
            .fetch_optional(self.connection())
            .await?
            .ok_or_else(|| StoreError::corrupt(format!("index_line.line of {version}"), "missing"))
    }

    /// Length of a crate's index file in bytes: the lines of all its versions, each with its line end.
    pub async fn get_index_file_bytes(&mut self, krate: CrateId) -> Result<i64, StoreError> {
        let org = self.org().0;
        // The length of a line is read without the line. `offset 0`: version by version, by key, however large the org.
        Ok(sqlx::query_scalar!(
            r#"select coalesce(sum(octet_length(l.line) + 1), 0) as "bytes!"
               from (select version_id from version where org_id = $1 and crate_id = $2 offset 0) v
               cross join lateral (
                   select line from index_line where org_id = $1 and version_id = v.version_id offset 0) l"#,
            org,
            krate.0
        )
        .fetch_one(self.connection())
        .await?)
    }

    /// Replaces the index line of a version.
    pub async fn set_index_line(&mut self, version: VersionId, line: &str) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!("update index_line set line = $3 where org_id = $1 and version_id = $2", org, version.0, line)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
