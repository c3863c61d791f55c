//! Makes a registry.

use super::{RegistryView, VisibilityView};
use crate::frame::{Body, Caller, Reply, reply};
use actix_web::web::Path;
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::Slug;
use wharf_registry::Error;
use wharf_registry::registries::SettingsChange;

/// A registry to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRegistry {
    /// Its name in addresses and scopes: 2 to 40 of a-z, 0-9 and `-`.
    slug: String,
    /// Private when absent.
    visibility: Option<VisibilityView>,
    /// Whether crates in it may depend on crates.io; yes when absent.
    crates_io_allowed: Option<bool>,
    /// The indexes of other registries on which crates in it may depend, as cargo's configuration writes them.
    allowed_registries: Option<Vec<String>>,
    /// Whether its git index takes the tokens of members besides those of entitlements; no when absent.
    git_personal_keys: Option<bool>,
    /// Whether its git index holds, for each reader, a download address with a credential in it, for cargo before 1.74;
    /// no when absent. Read the notice in the answer.
    legacy_git_downloads: Option<bool>,
    /// Most bytes of a crate file; 10485760 when absent.
    #[schema(minimum = 1024, maximum = 104_857_600)]
    max_crate_bytes: Option<i64>,
}

/// Make a registry
#[utoipa::path(post, path = "/api/v1/orgs/{org}/registries", operation_id = "create_registry", tag = "registries",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("Idempotency-Key" = Option<String>, Header, description = "makes it safe to send again")),
    request_body = CreateRegistry, responses((status = 201, body = RegistryView)))]
pub(crate) async fn create_registry(caller: Caller, path: Path<String>, body: Body<CreateRegistry>) -> Reply {
    let once = caller.once(&body.bytes)?;
    let Body { value, .. } = body;
    let settings = SettingsChange {
        visibility: value.visibility.map(Into::into),
        crates_io_allowed: value.crates_io_allowed,
        allowed_registries: value.allowed_registries,
        git_personal_keys: value.git_personal_keys,
        legacy_git_downloads: value.legacy_git_downloads,
        max_crate_bytes: value.max_crate_bytes,
    };
    let made = caller.site.create_registry(&caller.actor, &path, &value.slug, settings, once.as_ref()).await?;
    let org = Slug::parse(&path).map_err(|_| Error::not_found())?;
    let location = format!("/api/v1/orgs/{org}/registries/{}", made.slug);
    reply::created(location, &RegistryView::new(made, &org, caller.site.addresses()))
}
