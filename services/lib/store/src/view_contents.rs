//! What a registry holds, crate by crate, for showing and comparing views. Narrows by tenant and by name only: whether a
//! crate or a version is seen is for `wharf_domain::View` to say.

use crate::{StoreError, TenantTx};
use wharf_domain::view::View;
use wharf_domain::{CanonicalName, CrateId, CrateName, CratePattern, CrateVersion, RegistryId, Timestamp, VersionId};

/// Which crates to read, as ranges of canonical names that do not overlap.
///
/// Names in between are not read at all, by the order of the index: how many there are, and what they are, must not be told
/// by the time that reading takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Where each range begins; that name is in it.
    from: Vec<String>,
    /// Where each range ends; that name is not in it.
    to: Vec<String>,
}

impl Narrowing {
    /// Every crate that one of these views might show.
    pub fn of_views<'a>(views: impl IntoIterator<Item = &'a View>) -> Self {
        let allowed = views.into_iter().flat_map(View::rules).flat_map(|rule| &rule.allow);
        Self::of_ranges(allowed.map(|pattern| match pattern {
            CratePattern::Name(name) => one_name(name.as_str()),
            CratePattern::Prefix(prefix) => (prefix.to_string(), format!("{prefix}~")),
        }))
    }

    /// The crates of these names.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a CanonicalName>) -> Self {
        Self::of_ranges(names.into_iter().map(|name| one_name(name.as_str())))
    }

    fn of_ranges(ranges: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut ranges: Vec<(String, String)> = ranges.into_iter().collect();
        ranges.sort_unstable();
        let mut narrowing = Self::default();
        for (from, to) in ranges {
            match narrowing.to.last_mut() {
                Some(end) if from < *end => *end = to.max(std::mem::take(end)),
                _ => {
                    narrowing.from.push(from);
                    narrowing.to.push(to);
                }
            }
        }
        narrowing
    }

    /// Whether no crate can be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from.is_empty()
    }
}

/// The range that holds one name. Names are made of `-`, digits and lower-case letters: `!` comes before all of these, `~`
/// after.
fn one_name(name: &str) -> (String, String) {
    (name.to_owned(), format!("{name}!"))
}

/// A version of a crate.
#[derive(Clone, Debug)]
pub struct HeldVersion {
    /// The version.
    pub id: VersionId,
    /// The number as published.
    pub number: CrateVersion,
    /// When it was published.
    pub published_at: Timestamp,
    /// Whether it is yanked.
    pub yanked: bool,
    /// Its index line, when [`TenantTx::read_lines`] has read it.
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
    ) -> Result<Vec<HeldCrate>, StoreError> {
        let org = self.org().0;
        // `offset 0` keeps the planner from reading every version of the org for each piece: crate by crate, by key.
        let rows = sqlx::query!(
            r#"select c.crate_id, c.name, v.version_id as "version_id?", v.number as "number?",
                      v.published_at as "published_at?", v.yanked as "yanked?"
               from (select c.crate_id, c.name, c.canonical
                     from unnest($4::text[], $5::text[]) as allowed (low, high)
                     cross join lateral (
                         select crate_id, name, canonical from crate
                         where org_id = $1 and registry_id = $2 and canonical ~>~ $3
                           and canonical ~>=~ allowed.low and canonical ~<~ allowed.high
                         order by canonical using ~<~
                         limit $6) c
                     order by c.canonical using ~<~
                     limit $6) c
               left join lateral (
                   select version_id, number, published_at, yanked from version
                   where org_id = $1 and crate_id = c.crate_id offset 0) v on true
               order by c.canonical using ~<~, v.published_at, v.number collate "C" "#,
            org,
            registry.0,
            after,
            &narrowing.from,
            &narrowing.to,
            limit
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
                id: VersionId(id),
                number,
                published_at: Timestamp::new(published_at),
                yanked: row.yanked.unwrap_or(false),
                line: None,
            });
        }
        Ok(crates)
    }

    /// Reads the index lines of these versions, from the first on for as long as all of them together are no longer than
    /// `bytes`.
    pub async fn read_lines(&mut self, versions: Vec<&mut HeldVersion>, bytes: i64) -> Result<(), StoreError> {
        if versions.is_empty() {
            return Ok(());
        }
        let org = self.org().0;
        let wanted: Vec<uuid::Uuid> = versions.iter().map(|version| version.id.0).collect();
        // The lengths are summed up without reading the lines; what is too much never leaves the database.
        let lines = sqlx::query_scalar!(
            r#"select line as "line?"
               from (select wanted.place, l.line,
                            sum(coalesce(octet_length(l.line), 0)) over (order by wanted.place) as bytes
                     from unnest($2::uuid[]) with ordinality as wanted (version_id, place)
                     left join lateral (
                         select line from index_line where org_id = $1 and version_id = wanted.version_id offset 0) l
                         on true) lines
               where bytes <= $3
               order by place"#,
            org,
            &wanted,
            bytes
        )
        .fetch_all(self.connection())
        .await?;
        for (version, line) in versions.into_iter().zip(lines) {
            let id = version.id;
            version.line =
                Some(line.ok_or_else(|| StoreError::corrupt(format!("index_line.line of {id}"), "missing"))?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::view::Rule;

    #[test]
    fn a_narrowing_reads_each_name_once() {
        let rule = |texts: &[&str]| Rule {
            allow: texts.iter().map(|text| CratePattern::parse(text).unwrap()).collect(),
            ..Rule::default()
        };
        let ranges = |views: &[View]| {
            let Narrowing { from, to } = Narrowing::of_views(views);
            from.into_iter().zip(to).map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>()
        };
        let (one, other) =
            (View::new([rule(&["A_b*", "x"])]), View::new([rule(&["a-b*", "a-bc*", "a-b", "x-y", "y"])]));
        assert_eq!(ranges(&[one, other.clone()]), ["a-b a-b~", "x x!", "x-y x-y!", "y y!"]);
        assert_eq!(ranges(&[other, View::everything()]), [" ~"]);
        assert!(Narrowing::of_views([&View::default()]).is_empty());
    }
}
