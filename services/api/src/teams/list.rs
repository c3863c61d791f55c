//! Lists teams.

use super::TeamView;
use crate::frame::{Caller, List, PageQuery, Query, Reply, reply};
use actix_web::web::Path;

/// List teams
#[utoipa::path(get, path = "/api/v1/orgs/{org}/teams", operation_id = "list_teams", tag = "teams",
    params(("org" = String, Path, description = "the org's name in addresses"), PageQuery),
    responses((status = 200, body = List<TeamView>)))]
pub(crate) async fn list_teams(caller: Caller, path: Path<String>, Query(query): Query<PageQuery>) -> Reply {
    let list = format!("orgs/{path}/teams");
    let slice = query.slice(&caller, &list)?;
    let page = caller.site.list_teams(&caller.actor, &path, slice).await?;
    reply::ok(&List::of(page, &caller, &list, TeamView::from))
}
