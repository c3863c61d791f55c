//! Replaces a token.

use super::SecretView;
use crate::frame::{Body, Caller, Reply, reply};
use actix_web::web::Path;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;
use wharf_domain::Slug;
use wharf_registry::Error;

/// How to replace a token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateToken {
    /// For how many seconds the old token goes on; 0 ends it at once.
    #[schema(maximum = 604_800, default = 3_600)]
    overlap_s: Option<u64>,
}

/// Replace a token
///
/// The new one has the same rights and the same end; its text is in this answer only. The old one goes on for the
/// overlap.
#[utoipa::path(post, path = "/api/v1/orgs/{org}/tokens/{id}/rotate", operation_id = "rotate_token", tag = "tokens",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("id" = String, Path, description = "the token's id"),
           ("Idempotency-Key" = Option<String>, Header, description = "makes it safe to send again")),
    request_body = RotateToken, responses((status = 201, body = SecretView)))]
pub(crate) async fn rotate_token(caller: Caller, path: Path<(String, String)>, body: Body<RotateToken>) -> Reply {
    let once = caller.once(&body.bytes)?;
    let (org, id) = path.into_inner();
    let overlap = body.value.overlap_s.map(Duration::from_secs);
    let issued = caller.site.rotate_token(&caller.actor, &org, &id, overlap, once.as_ref()).await?;
    let org = Slug::parse(&org).map_err(|_| Error::not_found())?;
    let location = format!("/api/v1/orgs/{org}/tokens/{}", issued.token.id);
    reply::created(location, &SecretView::new(&issued, &caller.site, &org))
}
