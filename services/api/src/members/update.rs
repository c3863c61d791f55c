//! Changes a member.

use super::{MemberView, RoleView};
use crate::frame::{Body, Caller, Reply, reply};
use actix_web::web::Path;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change of a member; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateMember {
    role: Option<RoleView>,
    /// The name to show.
    name: Option<String>,
}

/// Change a member's role or name
///
/// A change of role is in force for all of the member's tokens when this answers. Only owners make and unmake owners,
/// and the last one stays.
#[utoipa::path(patch, path = "/api/v1/orgs/{org}/members/{login}", operation_id = "update_member", tag = "members",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("login" = String, Path, description = "the member's login")),
    request_body = UpdateMember, responses((status = 200, body = MemberView)))]
pub(crate) async fn update_member(caller: Caller, path: Path<(String, String)>, body: Body<UpdateMember>) -> Reply {
    let (org, login) = path.into_inner();
    let UpdateMember { role, name } = body.value;
    let role = role.map(Into::into);
    let changed = caller.site.change_member(&caller.actor, &org, &login, role, name.as_deref()).await?;
    reply::ok(&MemberView::from(changed))
}
