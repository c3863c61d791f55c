//! Puts members into teams and takes them out.

use crate::frame::{Caller, Reply, reply};
use actix_web::web::Path;

/// Put a member into a team
#[utoipa::path(put, path = "/api/v1/orgs/{org}/teams/{team}/members/{login}", operation_id = "add_team_member",
    tag = "teams",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("team" = String, Path, description = "the team's name in addresses"),
           ("login" = String, Path, description = "the member's login")),
    responses((status = 204, description = "the member is in the team")))]
pub(crate) async fn add_team_member(caller: Caller, path: Path<(String, String, String)>) -> Reply {
    let (org, team, login) = path.into_inner();
    caller.site.add_team_member(&caller.actor, &org, &team, &login).await?;
    reply::gone()
}

/// Take a member out of a team
#[utoipa::path(delete, path = "/api/v1/orgs/{org}/teams/{team}/members/{login}", operation_id = "remove_team_member",
    tag = "teams",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("team" = String, Path, description = "the team's name in addresses"),
           ("login" = String, Path, description = "the member's login")),
    responses((status = 204, description = "the member is not in the team")))]
pub(crate) async fn remove_team_member(caller: Caller, path: Path<(String, String, String)>) -> Reply {
    let (org, team, login) = path.into_inner();
    caller.site.remove_team_member(&caller.actor, &org, &team, &login).await?;
    reply::gone()
}
