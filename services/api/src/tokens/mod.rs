//! Members' tokens over JSON.

mod get;
mod issue;
mod list;
mod revoke;
mod rotate;

use crate::route::{MANAGEMENT, RouteSpec};
use actix_web::web;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use wharf_domain::{Slug, Timestamp};
use wharf_registry::Site;
use wharf_registry::tokens::{Issued, StoredToken};

const COLLECTION: &str = "/api/v1/orgs/{org}/tokens";
const ITEM: &str = "/api/v1/orgs/{org}/tokens/{id}";

/// The routes of tokens.
pub const ROUTES: &[RouteSpec] = &[
    RouteSpec {
        method: "POST",
        template: COLLECTION,
        operation: "issue_token",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(issue::issue_token),
    },
    RouteSpec {
        method: "GET",
        template: COLLECTION,
        operation: "list_tokens",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(list::list_tokens),
    },
    RouteSpec {
        method: "GET",
        template: ITEM,
        operation: "get_token",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(get::get_token),
    },
    RouteSpec {
        method: "DELETE",
        template: ITEM,
        operation: "revoke_token",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::delete().to(revoke::revoke_token),
    },
    RouteSpec {
        method: "POST",
        template: "/api/v1/orgs/{org}/tokens/{id}/rotate",
        operation: "rotate_token",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(rotate::rotate_token),
    },
];

#[derive(OpenApi)]
#[openapi(paths(issue::issue_token, list::list_tokens, get::get_token, revoke::revoke_token, rotate::rotate_token))]
pub(crate) struct Doc;

/// A token, without its text.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenView {
    id: Uuid,
    /// personal, upload, download or service.
    kind: &'static str,
    name: String,
    /// The last four characters of its secret part.
    hint: String,
    /// The login of the member it stands for.
    member: String,
    /// What it may do, within what the member's role allows.
    scopes: Vec<String>,
    /// The networks from which it may be used; from anywhere when empty.
    sources: Vec<String>,
    /// The token with which it was issued.
    created_by_token: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The day, UTC.
    #[schema(format = Date)]
    last_used_on: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<StoredToken> for TokenView {
    fn from(token: StoredToken) -> Self {
        Self {
            id: token.id.0,
            kind: token.kind.as_str(),
            name: token.name,
            hint: token.hint,
            member: token.login.to_string(),
            scopes: token.scopes.iter().map(ToString::to_string).collect(),
            sources: token.sources.iter().map(ToString::to_string).collect(),
            created_by_token: token.created_by_token.map(|id| id.0),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_on: token.last_used_on.map(|day| day.to_string()),
            revoked_at: token.revoked_at,
        }
    }
}

/// A new token. This is the only answer that ever shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretView {
    token: TokenView,
    /// The token itself. Keep it in a secret store; it cannot be shown again.
    secret: String,
    usage: Usage,
}

/// Ready-made ways to use a token.
#[derive(Serialize, ToSchema)]
pub(crate) struct Usage {
    /// For programs that speak HTTP.
    authorization: String,
    /// For cargo, with the registry called `<name>` in cargo's configuration.
    cargo_environment: String,
    /// What to put into cargo's configuration; `<registry>` is the registry's name in addresses.
    cargo_index: String,
}

impl SecretView {
    pub(crate) fn new(issued: &Issued, site: &Site, org: &Slug) -> Self {
        let secret = issued.secret.secret().expose();
        Self {
            token: issued.token.clone().into(),
            secret: secret.to_owned(),
            usage: Usage {
                authorization: format!("Authorization: Bearer {secret}"),
                cargo_environment: format!("CARGO_REGISTRIES_<NAME>_TOKEN=\"Bearer {secret}\""),
                cargo_index: format!(
                    "[registries.<name>]\nindex = \"sparse+{}/{org}/<registry>/\"",
                    site.addresses().index
                ),
            },
        }
    }
}
