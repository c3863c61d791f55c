//! What a search reads. The database narrows to what may match; whether a crate or version is seen, and so whether it
//! is found, is decided by the caller, from the view.

use crate::{StoreError, TenantTx};
use std::collections::HashMap;
use uuid::Uuid;
use wharf_domain::{CrateId, CrateName, CratePattern, CrateVersion, RegistryId, Timestamp, VersionId};

/// A crate of which the name, or the description of some version, seen or not, holds every term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The crate.
    pub id: CrateId,
    /// Its name as published.
    pub name: CrateName,
}

/// A version of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateVersion {
    /// The crate it belongs to.
    pub krate: CrateId,
    /// The version.
    pub id: VersionId,
    /// Its number as published.
    pub number: CrateVersion,
    /// When it was published.
    pub published_at: Timestamp,
    /// Whether it is yanked.
    pub yanked: bool,
    /// For each term, whether the description holds it.
    pub described: Vec<bool>,
}

impl TenantTx {
    /// The crates of a registry in which every term occurs, in the name or in a description, among the names that
    /// `allowed` speaks of. Terms are in lower case; no terms find everything. `in_descriptions` is off for terms so short
    /// that they would read every description.
    ///
    /// Names outside `allowed` are not read at all, by the order of the index: how many there are and what they hold must
    /// not be told by the time a search takes.
    pub async fn list_candidates(
        &mut self,
        registry: RegistryId,
        allowed: &[CratePattern],
        terms: &[String],
        in_descriptions: bool,
    ) -> Result<Vec<Candidate>, StoreError> {
        let org = self.org().0;
        let (from, to): (Vec<String>, Vec<String>) = allowed.iter().map(range).unzip();
        sqlx::query!(
            "select distinct c.crate_id, c.name
             from unnest($5::text[], $6::text[]) as allowed (low, high)
             join crate c on c.org_id = $1 and c.registry_id = $2
                         and c.canonical ~>=~ allowed.low and c.canonical ~<~ allowed.high
             where not exists (
                   select 1 from unnest($3::text[]) as wanted (term)
                   where position(replace(term, '_', '-') in c.canonical) = 0
                     and not ($4 and exists (
                         select 1 from version v
                         where v.org_id = $1 and v.crate_id = c.crate_id
                           and position(term in lower(v.description)) > 0)))",
            org,
            registry.0,
            terms,
            in_descriptions,
            &from,
            &to,
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| {
            let name = CrateName::parse(&row.name)
                .map_err(|error| StoreError::corrupt(format!("crate.name of {}", row.crate_id), error))?;
            Ok(Candidate { id: CrateId(row.crate_id), name })
        })
        .collect()
    }

    /// Every version of these crates, with where the terms occur.
    pub async fn list_candidate_versions(
        &mut self,
        crates: &[CrateId],
        terms: &[String],
    ) -> Result<Vec<CandidateVersion>, StoreError> {
        let org = self.org().0;
        let crates: Vec<Uuid> = crates.iter().map(|id| id.0).collect();
        sqlx::query!(
            r#"select v.crate_id, v.version_id, v.number, v.published_at, v.yanked,
                      array(
                          select position(wanted.term in lower(coalesce(v.description, ''))) > 0
                          from unnest($3::text[]) with ordinality as wanted (term, place)
                          order by wanted.place
                      ) as "described!"
               from version v where v.org_id = $1 and v.crate_id = any ($2)"#,
            org,
            &crates,
            terms,
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| {
            let number = CrateVersion::parse(&row.number)
                .map_err(|error| StoreError::corrupt(format!("version.number of {}", row.version_id), error))?;
            Ok(CandidateVersion {
                krate: CrateId(row.crate_id),
                id: VersionId(row.version_id),
                number,
                published_at: Timestamp::new(row.published_at),
                yanked: row.yanked,
                described: row.described,
            })
        })
        .collect()
    }

    /// The descriptions of these versions.
    pub async fn list_descriptions(
        &mut self,
        versions: &[VersionId],
    ) -> Result<HashMap<VersionId, String>, StoreError> {
        let org = self.org().0;
        let versions: Vec<Uuid> = versions.iter().map(|id| id.0).collect();
        Ok(sqlx::query!(
            r#"select version_id, description as "description!" from version
               where org_id = $1 and version_id = any ($2) and description is not null"#,
            org,
            &versions
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(|row| (VersionId(row.version_id), row.description))
        .collect())
    }
}

/// The canonical names a pattern speaks of, as a range that holds its start and not its end. Names are made of `-`, digits and
/// lower-case letters: `!` comes before all of these, `~` after.
fn range(pattern: &CratePattern) -> (String, String) {
    match pattern {
        CratePattern::Name(name) => (name.to_string(), format!("{name}!")),
        CratePattern::Prefix(prefix) => (prefix.to_string(), format!("{prefix}~")),
    }
}
