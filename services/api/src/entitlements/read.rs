//! Reading entitlements and what they hold.

use super::{EntitlementJson, One, Place, PreviewJson, QuestionJson, ShownCrateJson, base, id};
use crate::frame::reply::{self, Reply};
use crate::frame::{Body, Caller, List, PageQuery, Query};

/// List the entitlements of a registry
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements",
    operation_id = "list_entitlements",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        PageQuery,
    ),
    responses((status = 200, body = List<EntitlementJson>)),
)]
pub async fn list_entitlements(caller: Caller, place: Place, Query(query): Query<PageQuery>) -> Reply {
    let (org, registry) = place.into_inner();
    let path = base(&org, &registry);
    let slice = query.slice(&caller, &path)?;
    let page = caller.site.list_entitlements(&caller.actor, &org, &registry, slice).await?;
    reply::ok(&List::of(page, &caller, &path, EntitlementJson::from))
}

/// Get an entitlement
///
/// Its tokens are described, never shown.
#[utoipa::path(
    get,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}",
    operation_id = "get_entitlement",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        ("id" = String, Path, description = "The entitlement"),
    ),
    responses((status = 200, body = EntitlementJson)),
)]
pub async fn get_entitlement(caller: Caller, one: One) -> Reply {
    let (org, registry, entitlement) = one.into_inner();
    let granted = caller.site.get_entitlement(&caller.actor, &org, &registry, id(&entitlement)?).await?;
    reply::ok(&EntitlementJson::from(granted))
}

/// List what an entitlement shows
///
/// The crates and versions its view holds right now, in the order of names, whether or not it is in force.
#[utoipa::path(
    get,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/view",
    operation_id = "list_entitlement_view",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        ("id" = String, Path, description = "The entitlement"),
        PageQuery,
    ),
    responses((status = 200, body = List<ShownCrateJson>)),
)]
pub async fn list_entitlement_view(caller: Caller, one: One, Query(query): Query<PageQuery>) -> Reply {
    let (org, registry, entitlement) = one.into_inner();
    let id = id(&entitlement)?;
    let path = format!("{}/{id}/view", base(&org, &registry));
    let slice = query.slice(&caller, &path)?;
    let page = caller.site.list_entitlement_view(&caller.actor, &org, &registry, id, slice).await?;
    reply::ok(&List::of(page, &caller, &path, ShownCrateJson::from))
}

/// Preview terms
///
/// What the view would hold, gain, lose and lack, and why a crate is in it or not. Changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements/preview",
    operation_id = "preview_entitlement",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
    ),
    request_body = QuestionJson,
    responses((status = 200, body = PreviewJson)),
)]
pub async fn preview_entitlement(caller: Caller, place: Place, body: Body<QuestionJson>) -> Reply {
    let (org, registry) = place.into_inner();
    let (question, asked) = body.value.read()?;
    let preview = caller.site.preview_entitlement(&caller.actor, &org, &registry, question).await?;
    reply::ok(&PreviewJson::new(preview, asked))
}
