//! What a registry holds, crate by crate, for showing and comparing views. Narrows by tenant and by name only: whether a
//! crate or a version is seen is for `wharf_domain::View` to say.

use crate::{StoreError, TenantTx};
use wharf_domain::view::View;
use wharf_domain::{CrateId, CrateName, CratePattern, CrateVersion, RegistryId, Timestamp};

/// Which crates to read: those of these canonical names, and those whose canonical name begins with one of these texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    names: Vec<String>,
    // As patterns of `like`. A canonical name holds neither `%` nor `_` nor `\`.
    prefixes: Vec<String>,
}

impl Narrowing {
    /// Every crate that one of these views might show.
    pub fn of_views<'a>(views: impl IntoIterator<Item = &'a View>) -> Self {
        let mut narrowing = Self::default();
        for pattern in views.into_iter().flat_map(View::rules).flat_map(|rule| &rule.allow) {
            match pattern {
                CratePattern::Name(name) => narrowing.names.push(name.to_string()),
                CratePattern::Prefix(prefix) => narrowing.prefixes.push(format!("{prefix}%")),
            }
        }
        for list in [&mut narrowing.names, &mut narrowing.prefixes] {
            list.sort_unstable();
            list.dedup();
        }
        narrowing
    }

    /// The crates of these canonical names.
    pub fn of_names(names: impl IntoIterator<Item = impl ToString>) -> Self {
        Self { names: names.into_iter().map(|name| name.to_string()).collect(), prefixes: Vec::new() }
    }

    /// Whether no crate can be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.prefixes.is_empty()
    }
}

/// A version of a crate.
#[derive(Clone, Debug)]
pub struct HeldVersion {
    /// The number as published.
    pub number: CrateVersion,
    /// When it was published.
    pub published_at: Timestamp,
    /// Whether it is yanked.
    pub yanked: bool,
    /// Its index line, when asked for.
    pub line: Option<String>,
}

/// A crate and all its versions in the order of publication.
#[derive(Clone, Debug)]
pub struct HeldCrate {
    /// The crate.
    pub id: CrateId,
    /// Its name as published.
    pub name: CrateName,
    /// Its versions.
    pub versions: Vec<HeldVersion>,
}

impl TenantTx {
    /// The canonical name of a crate: its place in the order of [`TenantTx::list_contents`].
    pub async fn find_place_in_contents(
        &mut self,
        registry: RegistryId,
        krate: CrateId,
    ) -> Result<Option<String>, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            "select canonical from crate where org_id = $1 and registry_id = $2 and crate_id = $3",
            org,
            registry.0,
            krate.0
        )
        .fetch_optional(self.connection())
        .await?)
    }

    /// At most `limit` crates whose canonical name comes after `after`, in the order of the bytes of that name.
    pub async fn list_contents(
        &mut self,
        registry: RegistryId,
        narrowing: &Narrowing,
        after: &str,
        limit: i64,
        with_lines: bool,
    ) -> Result<Vec<HeldCrate>, StoreError> {
        let org = self.org().0;
        // `offset 0` keeps the planner from reading every version of the org for each piece: crate by crate, by key.
        let rows = sqlx::query!(
            r#"select c.crate_id, c.name, v.version_id as "version_id?", v.number as "number?",
                      v.published_at as "published_at?", v.yanked as "yanked?", l.line as "line?"
               from (select crate_id, name, canonical from crate
                     where org_id = $1 and registry_id = $2 and canonical ~>~ $3
                       and (canonical = any($4) or canonical like any($5))
                     order by canonical using ~<~
                     limit $6) c
               left join lateral (
                   select version_id, number, published_at, yanked from version
                   where org_id = $1 and crate_id = c.crate_id offset 0) v on true
               left join lateral (
                   select line from index_line
                   where $7 and org_id = $1 and version_id = v.version_id offset 0) l on true
               order by c.canonical using ~<~, v.published_at, v.number collate "C" "#,
            org,
            registry.0,
            after,
            &narrowing.names,
            &narrowing.prefixes,
            limit,
            with_lines
        )
        .fetch_all(self.connection())
        .await?;
        let mut crates: Vec<HeldCrate> = Vec::new();
        let mut last = None;
        for row in rows {
            if last != Some(row.crate_id) {
                last = Some(row.crate_id);
                let name = CrateName::parse(&row.name)
                    .map_err(|error| StoreError::corrupt(format!("crate.name of {}", row.crate_id), error))?;
                crates.push(HeldCrate { id: CrateId(row.crate_id), name, versions: Vec::new() });
            }
            let (Some(id), Some(number), Some(published_at), Some(krate)) =
                (row.version_id, row.number, row.published_at, crates.last_mut())
            else {
                continue;
            };
            let number = CrateVersion::parse(&number)
                .map_err(|error| StoreError::corrupt(format!("version.number of {id}"), error))?;
            krate.versions.push(HeldVersion {
                number,
                published_at: Timestamp::new(published_at),
                yanked: row.yanked.unwrap_or(false),
                line: row.line,
            });
        }
        Ok(crates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::view::Rule;

    #[test]
    fn narrowing_takes_names_and_prefixes_once() {
        let rule = |texts: &[&str]| Rule {
            allow: texts.iter().map(|text| CratePattern::parse(text).unwrap()).collect(),
            ..Rule::default()
        };
        let (one, other) = (View::new([rule(&["A_b*", "x"])]), View::new([rule(&["a-b*", "y"])]));
        let narrowing = Narrowing::of_views([&one, &other]);
        assert_eq!(narrowing.names, ["x", "y"]);
        assert_eq!(narrowing.prefixes, ["a-b%"]);
        assert!(Narrowing::of_views([&View::default()]).is_empty());
    }
}
