//! The two that answer with a secret: granting and rotating.

use super::{DraftJson, IssuedJson, One, Place, base, id, slug};
use crate::frame::reply::{self, Reply};
use crate::frame::{Body, Caller};
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;
use wharf_registry::entitlements::OVERLAP_DEFAULT;

/// Grant an entitlement
///
/// Its first token is issued with it; the text of the token is in this answer only.
#[utoipa::path(
    post,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements",
    operation_id = "grant_entitlement",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again"),
    ),
    request_body = DraftJson,
    responses((status = 201, body = IssuedJson)),
)]
pub async fn grant_entitlement(caller: Caller, place: Place, body: Body<DraftJson>) -> Reply {
    let (org, registry) = place.into_inner();
    let once = caller.once(&body.bytes)?;
    let issued =
        caller.site.grant_entitlement(&caller.actor, &org, &registry, body.value.into(), once.as_ref()).await?;
    let location = format!("{}/{}", base(&org, &registry), issued.granted.entitlement.id);
    let answer = IssuedJson::new(issued, caller.site.addresses(), &slug(&org)?, &slug(&registry)?);
    reply::created(location, &answer)
}

/// How to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementRotation)]
pub struct RotationJson {
    /// How long the old tokens still hold, in seconds; 0 ends them at once.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 604_800, default = 3600)]
    pub overlap_s: Option<u64>,
}

/// Rotate the secret of an entitlement
///
/// A new token is issued; its text is in this answer only. The old ones hold for the overlap.
#[utoipa::path(
    post,
    path = "/api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/rotate",
    operation_id = "rotate_entitlement",
    tag = "entitlements",
    params(
        ("org" = String, Path, description = "The org"),
        ("registry" = String, Path, description = "The registry"),
        ("id" = String, Path, description = "The entitlement"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again"),
    ),
    request_body = RotationJson,
    responses((status = 201, body = IssuedJson)),
)]
pub async fn rotate_entitlement(caller: Caller, one: One, body: Body<RotationJson>) -> Reply {
    let (org, registry, entitlement) = one.into_inner();
    let once = caller.once(&body.bytes)?;
    let overlap = body.value.overlap_s.map_or(OVERLAP_DEFAULT, Duration::from_secs);
    let issued = caller
        .site
        .rotate_entitlement(&caller.actor, &org, &registry, id(&entitlement)?, overlap, once.as_ref())
        .await?;
    let location = format!("{}/{}", base(&org, &registry), issued.granted.entitlement.id);
    let answer = IssuedJson::new(issued, caller.site.addresses(), &slug(&org)?, &slug(&registry)?);
    reply::created(location, &answer)
}
