//! Revokes a token.

use crate::frame::{Caller, Reply, reply};
use actix_web::web::Path;

/// Revoke a token
///
/// For good; it is refused everywhere when this answers.
#[utoipa::path(delete, path = "/api/v1/orgs/{org}/tokens/{id}", operation_id = "revoke_token", tag = "tokens",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("id" = String, Path, description = "the token's id")),
    responses((status = 204, description = "revoked")))]
pub(crate) async fn revoke_token(caller: Caller, path: Path<(String, String)>) -> Reply {
    let (org, id) = path.into_inner();
    caller.site.revoke_token(&caller.actor, &org, &id).await?;
    reply::gone()
}
