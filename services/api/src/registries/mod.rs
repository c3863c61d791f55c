//! Registries over JSON.

mod create;
mod get;
mod list;
mod update;

use crate::route::{MANAGEMENT, RouteSpec};
use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use wharf_domain::{Slug, Timestamp};
use wharf_registry::Addresses;
use wharf_registry::registries::{Registry, RegistrySettings, SettingsChange, Visibility};

const COLLECTION: &str = "/api/v1/orgs/{org}/registries";
const ITEM: &str = "/api/v1/orgs/{org}/registries/{registry}";

/// The routes of registries.
pub const ROUTES: &[RouteSpec] = &[
    RouteSpec {
        method: "POST",
        template: COLLECTION,
        operation: "create_registry",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(create::create_registry),
    },
    RouteSpec {
        method: "GET",
        template: COLLECTION,
        operation: "list_registries",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(list::list_registries),
    },
    RouteSpec {
        method: "GET",
        template: ITEM,
        operation: "get_registry",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(get::get_registry),
    },
    RouteSpec {
        method: "PATCH",
        template: ITEM,
        operation: "update_registry",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::patch().to(update::update_registry),
    },
];

#[derive(OpenApi)]
#[openapi(paths(create::create_registry, list::list_registries, get::get_registry, update::update_registry))]
pub(crate) struct Doc;

/// Who sees a registry.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Visibility)]
pub(crate) enum VisibilityView {
    /// Those who are entitled to.
    Private,
    /// Everyone, without a token, sees everything in it.
    Public,
}

impl From<VisibilityView> for Visibility {
    fn from(view: VisibilityView) -> Self {
        match view {
            VisibilityView::Private => Self::Private,
            VisibilityView::Public => Self::Public,
        }
    }
}

/// A registry.
#[derive(Serialize, ToSchema)]
#[schema(as = Registry)]
pub(crate) struct RegistryView {
    id: Uuid,
    /// Its name in addresses and scopes.
    slug: String,
    visibility: VisibilityView,
    /// Whether crates in it may depend on crates.io.
    crates_io_allowed: bool,
    /// The indexes of other registries on which crates in it may depend.
    allowed_registries: Vec<String>,
    /// Whether its git index takes the tokens of members besides those of entitlements.
    git_personal_keys: bool,
    /// Whether its git index holds, for each reader, a download address with a credential in it, for cargo before 1.74.
    legacy_git_downloads: bool,
    /// Most bytes of a crate file.
    max_crate_bytes: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    addresses: RegistryAddresses,
    /// What whoever runs the registry should know of its settings.
    notices: Vec<Notice>,
}

/// What a setting costs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Notice {
    /// The setting it is about.
    setting: &'static str,
    /// For people.
    text: &'static str,
}

/// Said for as long as the switch is on, first of all in the answer that switches it on.
const LEGACY_DOWNLOADS: Notice = Notice {
    setting: "legacy_git_downloads",
    text: "Every reader's git index now contains a download credential: a secret that downloads whatever that reader \
           sees, from wherever that reader may, without the reader's token. Whoever copies the index, a Cargo home, a \
           cached build image or a mirror of it holds that secret, and cargo prints it when a download fails. It cannot \
           read an index, search or publish. It ends when the token it was made for is revoked, rotated out or \
           expires, when the entitlement is disabled, or when you switch this off. Switch it off as soon as nobody \
           builds with cargo before 1.74 any more.",
};

/// Where a registry is.
#[derive(Serialize, ToSchema)]
pub(crate) struct RegistryAddresses {
    /// For cargo's configuration: `registries.<name>.index`.
    sparse_index: String,
    /// The same registry as a git index.
    git_index: String,
    /// The page that tells a person how to sign in with cargo.
    me: String,
}

impl RegistryView {
    fn new(registry: Registry, org: &Slug, addresses: &Addresses) -> Self {
        let settings = registry.settings;
        let notices = notices(&settings);
        Self {
            id: registry.id.0,
            notices,
            addresses: RegistryAddresses {
                sparse_index: addresses.sparse_index(org, &registry.slug),
                git_index: addresses.git_index(org, &registry.slug),
                me: addresses.me(org, &registry.slug),
            },
            slug: registry.slug.to_string(),
            visibility: match settings.visibility {
                Visibility::Private => VisibilityView::Private,
                Visibility::Public => VisibilityView::Public,
            },
            crates_io_allowed: settings.crates_io_allowed,
            allowed_registries: settings.allowed_registries,
            git_personal_keys: settings.git_personal_keys,
            legacy_git_downloads: settings.legacy_git_downloads,
            max_crate_bytes: settings.max_crate_bytes,
            created_at: registry.created_at,
        }
    }
}

/// A public registry has no download credentials to lose.
fn notices(settings: &RegistrySettings) -> Vec<Notice> {
    let hands_out = settings.legacy_git_downloads && settings.visibility == Visibility::Private;
    if hands_out { vec![LEGACY_DOWNLOADS] } else { Vec::new() }
}

/// Settings of a registry; those that are absent stay as they are, or as a new registry has them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateRegistry {
    /// New: private.
    visibility: Option<VisibilityView>,
    /// Whether crates in it may depend on crates.io. New: yes.
    crates_io_allowed: Option<bool>,
    /// The indexes of other registries on which crates in it may depend, as cargo's configuration writes them.
    allowed_registries: Option<Vec<String>>,
    /// Whether its git index takes the tokens of members besides those of entitlements. New: no.
    git_personal_keys: Option<bool>,
    /// Whether its git index holds, for each reader, a download address with a credential in it, for cargo before 1.74;
    /// read the notice in the answer. New: no.
    legacy_git_downloads: Option<bool>,
    /// Most bytes of a crate file. New: 10485760.
    #[schema(minimum = 1024, maximum = 104_857_600)]
    max_crate_bytes: Option<i64>,
}

impl From<UpdateRegistry> for SettingsChange {
    fn from(wanted: UpdateRegistry) -> Self {
        Self {
            visibility: wanted.visibility.map(Into::into),
            crates_io_allowed: wanted.crates_io_allowed,
            allowed_registries: wanted.allowed_registries,
            git_personal_keys: wanted.git_personal_keys,
            legacy_git_downloads: wanted.legacy_git_downloads,
            max_crate_bytes: wanted.max_crate_bytes,
        }
    }
}
