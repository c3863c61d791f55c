//! What the git index reads in bulk, and what it remembers of its readers.

use crate::{StoreError, TenantTx};
use uuid::Uuid;
use wharf_domain::view::{Rule, View, ViewId};
use wharf_domain::{CrateId, CrateName, CrateVersion, RegistryId, Timestamp, VersionId};

/// A version and its index line.
#[derive(Clone, Debug)]
pub struct IndexedLine {
    /// The version.
    pub version: VersionId,
    /// Its number as published.
    pub number: CrateVersion,
    /// When it was published.
    pub published_at: Timestamp,
    /// The line, without its line end.
    pub line: String,
}

/// A crate and its index lines, in the order of its index file.
#[derive(Clone, Debug)]
pub struct IndexedCrate {
    /// The crate.
    pub id: CrateId,
    /// Its name as published.
    pub name: CrateName,
    /// Its lines.
    pub lines: Vec<IndexedLine>,
}

/// Whose commits are remembered: an entitlement, the token of a member, or the registry where everyone may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GitReader(pub Uuid);

/// A commit that a reader was offered, and what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCommit {
    /// The commit.
    pub commit: [u8; 20],
    /// Up to which change of the index.
    pub seq: i64,
    /// What was seen of it.
    pub view: View,
    /// The id of the `config.json` beside it.
    pub config: [u8; 20],
}

struct LineRow {
    crate_id: Uuid,
    name: String,
    version_id: Uuid,
    number: String,
    published_at: time::OffsetDateTime,
    line: String,
}

/// Puts rows that are sorted by crate, and by the order of lines within, together.
fn by_crate(rows: Vec<LineRow>) -> Result<Vec<IndexedCrate>, StoreError> {
    let mut crates: Vec<IndexedCrate> = Vec::new();
    for row in rows {
        let id = CrateId(row.crate_id);
        if crates.last().is_none_or(|last| last.id != id) {
            let name = CrateName::parse(&row.name)
                .map_err(|error| StoreError::corrupt(format!("crate.name of {id}"), error))?;
            crates.push(IndexedCrate { id, name, lines: Vec::new() });
        }
        let number = CrateVersion::parse(&row.number)
            .map_err(|error| StoreError::corrupt(format!("version.number of {}", row.version_id), error))?;
        if let Some(krate) = crates.last_mut() {
            krate.lines.push(IndexedLine {
                version: VersionId(row.version_id),
                number,
                published_at: Timestamp::new(row.published_at),
                line: row.line,
            });
        }
    }
    Ok(crates)
}

impl TenantTx {
    /// At most `limit` crates that have versions, by id, after `after`: as many as have lines of `bytes` together, and the
    /// first one however long it is.
    pub async fn list_indexed_crates(
        &mut self,
        registry: RegistryId,
        after: Option<CrateId>,
        limit: i64,
        bytes: i64,
    ) -> Result<Vec<IndexedCrate>, StoreError> {
        let org = self.org().0;
        // `offset 0` keeps the planner from reading every version of the org for each piece: crate by crate, by key. The
        // length of a line that is stored apart is known without reading it.
        let rows = sqlx::query_as!(
            LineRow,
            r#"select crate_id, name, version_id, number, published_at, line
               from (
                   select c.crate_id, c.name, v.version_id, v.number, v.published_at, l.line,
                       sum(octet_length(l.line)) over up_to as bytes, first_value(c.crate_id) over up_to as first
                   from (select crate_id, name from crate
                         where org_id = $1 and registry_id = $2 and ($3::uuid is null or crate_id > $3)
                           and exists (select from version v where v.org_id = $1 and v.crate_id = crate.crate_id)
                         order by crate_id limit $4) c
                   cross join lateral (
                       select version_id, number, published_at from version
                       where org_id = $1 and crate_id = c.crate_id offset 0) v
                   cross join lateral (
                       select line from index_line where org_id = $1 and version_id = v.version_id offset 0) l
                   window up_to as (order by c.crate_id)) piece
               where bytes <= $5 or crate_id = first
               order by crate_id, published_at, number collate "C" "#,
            org,
            registry.0,
            after.map(|id| id.0),
            limit,
            bytes,
        )
        .fetch_all(self.connection())
        .await?;
        by_crate(rows)
    }

    /// Those of these crates that have versions, by id: as many as have lines of `bytes` together, and the first one however
    /// long it is.
    pub async fn find_indexed_crates(
        &mut self,
        registry: RegistryId,
        wanted: &[CrateId],
        bytes: i64,
    ) -> Result<Vec<IndexedCrate>, StoreError> {
        let org = self.org().0;
        let wanted: Vec<Uuid> = wanted.iter().map(|id| id.0).collect();
        let rows = sqlx::query_as!(
            LineRow,
            r#"select crate_id, name, version_id, number, published_at, line
               from (
                   select c.crate_id, c.name, v.version_id, v.number, v.published_at, l.line,
                       sum(octet_length(l.line)) over up_to as bytes, first_value(c.crate_id) over up_to as first
                   from (select crate_id, name from crate
                         where org_id = $1 and registry_id = $2 and crate_id = any($3)) c
                   cross join lateral (
                       select version_id, number, published_at from version
                       where org_id = $1 and crate_id = c.crate_id offset 0) v
                   cross join lateral (
                       select line from index_line where org_id = $1 and version_id = v.version_id offset 0) l
                   window up_to as (order by c.crate_id)) piece
               where bytes <= $4 or crate_id = first
               order by crate_id, published_at, number collate "C" "#,
            org,
            registry.0,
            &wanted,
            bytes,
        )
        .fetch_all(self.connection())
        .await?;
        by_crate(rows)
    }

    /// The names of these crates.
    pub async fn list_crate_names(
        &mut self,
        registry: RegistryId,
        wanted: &[CrateId],
    ) -> Result<Vec<(CrateId, CrateName)>, StoreError> {
        let org = self.org().0;
        let wanted: Vec<Uuid> = wanted.iter().map(|id| id.0).collect();
        sqlx::query!(
            "select crate_id, name from crate where org_id = $1 and registry_id = $2 and crate_id = any($3)",
            org,
            registry.0,
            &wanted,
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| {
            let name = CrateName::parse(&row.name)
                .map_err(|error| StoreError::corrupt(format!("crate.name of {}", row.crate_id), error))?;
            Ok((CrateId(row.crate_id), name))
        })
        .collect()
    }

    /// Which of these commits the reader was offered since `since` in this epoch, newest state first.
    pub async fn find_git_seen(
        &mut self,
        registry: RegistryId,
        reader: GitReader,
        commits: &[[u8; 20]],
        epoch: i32,
        since: Timestamp,
    ) -> Result<Vec<SeenCommit>, StoreError> {
        let org = self.org().0;
        let commits: Vec<Vec<u8>> = commits.iter().map(|commit| commit.to_vec()).collect();
        sqlx::query!(
            "select s.commit_id, s.seq, s.view_id, s.config_id, v.rules
             from git_seen s
             join git_view v on v.org_id = s.org_id and v.registry_id = s.registry_id and v.view_id = s.view_id
             where s.org_id = $1 and s.registry_id = $2 and s.reader_id = $3 and s.commit_id = any($4)
               and s.epoch = $5 and s.last_seen >= $6
             order by s.seq desc, s.last_seen desc, s.commit_id",
            org,
            registry.0,
            reader.0,
            &commits,
            epoch,
            since.inner(),
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| {
            let id = |bytes: Vec<u8>, column: &str| {
                bytes.try_into().map_err(|_| StoreError::corrupt(format!("git_seen.{column}"), "not 20 bytes"))
            };
            let rules: Vec<Rule> = serde_json::from_value(row.rules).map_err(|error| {
                StoreError::corrupt(format!("git_view.rules of {}", hex::encode(row.view_id)), error)
            })?;
            Ok(SeenCommit {
                commit: id(row.commit_id, "commit_id")?,
                seq: row.seq,
                view: View::new(rules),
                config: id(row.config_id, "config_id")?,
            })
        })
        .collect()
    }

    /// Remembers that the reader was offered a commit. A commit it was offered before is remembered in its newest state.
    pub async fn note_git_seen(
        &mut self,
        registry: RegistryId,
        reader: GitReader,
        seen: &SeenCommit,
        epoch: i32,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let org = self.org().0;
        let ViewId(view) = seen.view.id(registry);
        let rules = serde_json::to_value(seen.view.rules())
            .map_err(|error| StoreError::corrupt("the rules of a view", error))?;
        sqlx::query!(
            "with defined as (
                 insert into git_view (org_id, registry_id, view_id, rules, last_seen) values ($1, $2, $6, $9, $10)
                 on conflict (org_id, registry_id, view_id)
                     do update set last_seen = greatest(git_view.last_seen, excluded.last_seen)
             )
             insert into git_seen
                 (org_id, registry_id, reader_id, commit_id, seq, view_id, config_id, epoch, last_seen)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $10)
             on conflict (org_id, registry_id, reader_id, commit_id) do update
                 set seq = excluded.seq, view_id = excluded.view_id, config_id = excluded.config_id,
                     epoch = excluded.epoch, last_seen = excluded.last_seen
                 where (git_seen.epoch, git_seen.seq) <= (excluded.epoch, excluded.seq)",
            org,
            registry.0,
            reader.0,
            &seen.commit[..],
            seen.seq,
            &view[..],
            &seen.config[..],
            epoch,
            rules,
            at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
