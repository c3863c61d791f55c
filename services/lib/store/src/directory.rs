//! Where every registry of the site is: what a request's address means, before anyone is known.

use crate::{Database, StoreError};
use wharf_domain::{OrgId, RegistryId, Slug};

/// A registry and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryAddress {
    /// The org it belongs to.
    pub org: OrgId,
    /// The org in addresses.
    pub org_slug: Slug,
    /// The registry.
    pub registry: RegistryId,
    /// The registry in addresses.
    pub registry_slug: Slug,
    /// Whether everyone sees everything in it, without a credential.
    pub is_public: bool,
    /// Whether its git index takes the tokens of members besides those of entitlements.
    pub git_personal_keys: bool,
    /// Whether its git index hands out download addresses that carry a credential of their own.
    pub legacy_git_downloads: bool,
}

/// All registries of the site.
pub async fn list_any_org(database: &Database) -> Result<Vec<RegistryAddress>, StoreError> {
    let rows = sqlx::query!(
        r#"select org_id as "org_id!", org_slug as "org_slug!", registry_id as "registry_id!",
                  registry_slug as "registry_slug!", visibility as "visibility!",
                  git_personal_keys as "git_personal_keys!", legacy_git_downloads as "legacy_git_downloads!"
           from registry_directory()"#
    )
    .fetch_all(&mut database.lend().await?)
    .await?;
    rows.into_iter()
        .map(|row| {
            let slug = |text: &str, column: &str| {
                Slug::parse(text)
                    .map_err(|error| StoreError::corrupt(format!("{column} of {}", row.registry_id), error))
            };
            Ok(RegistryAddress {
                org: OrgId(row.org_id),
                org_slug: slug(&row.org_slug, "org.slug")?,
                registry: RegistryId(row.registry_id),
                registry_slug: slug(&row.registry_slug, "registry.slug")?,
                is_public: row.visibility == "public",
                git_personal_keys: row.git_personal_keys,
                legacy_git_downloads: row.legacy_git_downloads,
            })
        })
        .collect()
}
