//! Changing, switching and withdrawing entitlements.

use super::{DraftJson, EntitlementJson, One, Patch, id};
use crate::frame::reply::{self, Reply};
use crate::frame::{Body, Caller};

/// Change an entitlement
///
/// A merge (RFC 7386): a field left out stays, `null` makes it what it is when left out at creation, lists and the holder
/// are replaced. Its tokens see the new terms at their next request.
#[utoipa::path(
    patch,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}",
    operation_id = "change_entitlement",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        ("id" = String, Path, description = "The entitlement"),
    ),
    request_body(content = DraftJson, description = "Any of these fields", content_type = "application/merge-patch+json"),
    responses((status = 200, body = EntitlementJson)),
)]
pub async fn change_entitlement(caller: Caller, one: One, body: Body<Patch>) -> Reply {
    let (org, registry, entitlement) = one.into_inner();
    let patch = body.value;
    let granted = caller
        .site
        .change_entitlement(&caller.actor, &org, &registry, id(&entitlement)?, |draft| patch.apply(&draft))
        .await?;
    reply::ok(&EntitlementJson::from(granted))
}

/// Switch an entitlement off
///
/// Its tokens open nothing until it is switched on again.
#[utoipa::path(
    post,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/disable",
    operation_id = "disable_entitlement",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        ("id" = String, Path, description = "The entitlement"),
    ),
    responses((status = 200, body = EntitlementJson)),
)]
pub async fn disable_entitlement(caller: Caller, one: One) -> Reply {
    switch(&caller, one, false).await
}

/// Switch an entitlement on
///
/// Its tokens open again what they opened before.
#[utoipa::path(
    post,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/enable",
    operation_id = "enable_entitlement",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        ("id" = String, Path, description = "The entitlement"),
    ),
    responses((status = 200, body = EntitlementJson)),
)]
pub async fn enable_entitlement(caller: Caller, one: One) -> Reply {
    switch(&caller, one, true).await
}

async fn switch(caller: &Caller, one: One, enabled: bool) -> Reply {
    let (org, registry, entitlement) = one.into_inner();
    let granted = caller.site.switch_entitlement(&caller.actor, &org, &registry, id(&entitlement)?, enabled).await?;
    reply::ok(&EntitlementJson::from(granted))
}

/// Withdraw an entitlement
///
/// It and its tokens are gone for good; the audit keeps what it was.
#[utoipa::path(
    delete,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}",
    operation_id = "withdraw_entitlement",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        ("id" = String, Path, description = "The entitlement"),
    ),
    responses((status = 204, description = "Withdrawn")),
)]
pub async fn withdraw_entitlement(caller: Caller, one: One) -> Reply {
    let (org, registry, entitlement) = one.into_inner();
    caller.site.withdraw_entitlement(&caller.actor, &org, &registry, id(&entitlement)?).await?;
    reply::gone()
}
