//! Removes a member.

use crate::frame::{Caller, Reply, reply};
use actix_web::web::Path;

/// Remove a member
///
/// The member's tokens are refused everywhere when this answers. The last owner cannot be removed.
#[utoipa::path(delete, path = "/api/v1/orgs/{org}/members/{login}", operation_id = "remove_member", tag = "members",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("login" = String, Path, description = "the member's login")),
    responses((status = 204, description = "removed")))]
pub(crate) async fn remove_member(caller: Caller, path: Path<(String, String)>) -> Reply {
    let (org, login) = path.into_inner();
    caller.site.remove_member(&caller.actor, &org, &login).await?;
    reply::gone()
}
