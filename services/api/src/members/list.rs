//! Lists members.

use super::MemberView;
use crate::frame::{Caller, List, PageQuery, Query, Reply, reply};
use actix_web::web::Path;

/// List members
#[utoipa::path(get, path = "/api/v1/orgs/{org}/members", operation_id = "list_members", tag = "members",
    params(("org" = String, Path, description = "the org's name in addresses"), PageQuery),
    responses((status = 200, body = List<MemberView>)))]
pub(crate) async fn list_members(caller: Caller, path: Path<String>, Query(query): Query<PageQuery>) -> Reply {
    let list = format!("orgs/{path}/members");
    let slice = query.slice(&caller, &list)?;
    let page = caller.site.list_members(&caller.actor, &path, slice).await?;
    reply::ok(&List::of(page, &caller, &list, MemberView::from))
}
