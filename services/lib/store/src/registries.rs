//! Registries of an org and their settings.

use crate::{StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use wharf_domain::{RegistryId, Slug, Timestamp};

/// Who sees a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Those who are entitled to.
    Private,
    /// Everyone sees everything in it.
    Public,
}

impl Visibility {
    /// The word used in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }
}

/// What can be set on a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrySettings {
    /// Who sees it.
    pub visibility: Visibility,
    /// Whether crates in it may depend on crates.io.
    pub crates_io_allowed: bool,
    /// The indexes of other registries on which crates in it may depend.
    pub allowed_registries: Vec<String>,
    /// Whether its git index takes personal keys besides entitlement tokens.
    pub git_personal_keys: bool,
    /// Whether the git index hands clients that cannot authenticate downloads a download-only credential.
    pub legacy_git_downloads: bool,
    /// Most bytes of a crate file.
    pub max_crate_bytes: i64,
}

/// A stored registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Its identity.
    pub id: RegistryId,
    /// Its name in addresses and scopes.
    pub slug: Slug,
    /// What is set on it.
    pub settings: RegistrySettings,
    /// When it was made.
    pub created_at: Timestamp,
}

struct Row {
    registry_id: Uuid,
    slug: String,
    visibility: String,
    crates_io_allowed: bool,
    allowed_registries: Vec<String>,
    git_personal_keys: bool,
    legacy_git_downloads: bool,
    max_crate_bytes: i64,
    created_at: OffsetDateTime,
}

impl TryFrom<Row> for Registry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let place = |column: &str| format!("registry.{column} of {}", row.registry_id);
        let visibility = match row.visibility.as_str() {
            "private" => Visibility::Private,
            "public" => Visibility::Public,
            other => return Err(StoreError::corrupt(place("visibility"), other)),
        };
        Ok(Self {
            id: RegistryId(row.registry_id),
            slug: Slug::parse(&row.slug).map_err(|error| StoreError::corrupt(place("slug"), error))?,
            settings: RegistrySettings {
                visibility,
                crates_io_allowed: row.crates_io_allowed,
                allowed_registries: row.allowed_registries,
                git_personal_keys: row.git_personal_keys,
                legacy_git_downloads: row.legacy_git_downloads,
                max_crate_bytes: row.max_crate_bytes,
            },
            created_at: Timestamp::new(row.created_at),
        })
    }
}

impl TenantTx {
    /// Makes a registry. Constraint `registry_slug_key` refuses a slug that is taken.
    pub async fn insert_registry(&mut self, registry: &Registry) -> Result<(), StoreError> {
        let org = self.org().0;
        let settings = &registry.settings;
        sqlx::query!(
            "insert into registry
                 (org_id, registry_id, slug, visibility, crates_io_allowed, allowed_registries, git_personal_keys,
                  legacy_git_downloads, max_crate_bytes, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            org,
            registry.id.0,
            registry.slug.as_str(),
            settings.visibility.as_str(),
            settings.crates_io_allowed,
            &settings.allowed_registries,
            settings.git_personal_keys,
            settings.legacy_git_downloads,
            settings.max_crate_bytes,
            registry.created_at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Every registry of the org, oldest first. There are at most a few hundred, and which of them a caller sees is not
    /// for the database to decide.
    pub async fn list_registries(&mut self) -> Result<Vec<Registry>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            "select registry_id, slug, visibility, crates_io_allowed, allowed_registries, git_personal_keys,
                    legacy_git_downloads, max_crate_bytes, created_at
             from registry where org_id = $1 order by created_at, registry_id",
            org
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(Registry::try_from)
        .collect()
    }

    /// The registry with this slug.
    pub async fn find_registry(&mut self, slug: &Slug) -> Result<Option<Registry>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            "select registry_id, slug, visibility, crates_io_allowed, allowed_registries, git_personal_keys,
                    legacy_git_downloads, max_crate_bytes, created_at
             from registry where org_id = $1 and slug = $2",
            org,
            slug.as_str()
        )
        .fetch_optional(self.connection())
        .await?
        .map(Registry::try_from)
        .transpose()
    }

    /// The same, locked until the end of the transaction.
    pub async fn find_registry_for_change(&mut self, slug: &Slug) -> Result<Option<Registry>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            "select registry_id, slug, visibility, crates_io_allowed, allowed_registries, git_personal_keys,
                    legacy_git_downloads, max_crate_bytes, created_at
             from registry where org_id = $1 and slug = $2 for update",
            org,
            slug.as_str()
        )
        .fetch_optional(self.connection())
        .await?
        .map(Registry::try_from)
        .transpose()
    }

    /// Sets a registry's settings.
    pub async fn update_registry(
        &mut self,
        registry: RegistryId,
        settings: &RegistrySettings,
    ) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "update registry
             set visibility = $3, crates_io_allowed = $4, allowed_registries = $5, git_personal_keys = $6,
                 legacy_git_downloads = $7, max_crate_bytes = $8
             where org_id = $1 and registry_id = $2",
            org,
            registry.0,
            settings.visibility.as_str(),
            settings.crates_io_allowed,
            &settings.allowed_registries,
            settings.git_personal_keys,
            settings.legacy_git_downloads,
            settings.max_crate_bytes,
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
