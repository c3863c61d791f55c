//! Makes a team.

use super::TeamView;
use crate::frame::{Body, Caller, Reply, reply};
use actix_web::web::Path;
use serde::Deserialize;
use utoipa::ToSchema;

/// A team to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTeam {
    /// Its name in addresses: 2 to 40 of a-z, 0-9 and `-`.
    slug: String,
    /// Its name for people; the slug when absent.
    name: Option<String>,
}

/// Make a team
///
/// Without members; put them in one by one.
#[utoipa::path(post, path = "/api/v1/orgs/{org}/teams", operation_id = "create_team", tag = "teams",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("Idempotency-Key" = Option<String>, Header, description = "makes it safe to send again")),
    request_body = CreateTeam, responses((status = 201, body = TeamView)))]
pub(crate) async fn create_team(caller: Caller, path: Path<String>, body: Body<CreateTeam>) -> Reply {
    let once = caller.once(&body.bytes)?;
    let CreateTeam { slug, name } = &body.value;
    let team = caller.site.create_team(&caller.actor, &path, slug, name.as_deref(), once.as_ref()).await?;
    reply::created(format!("/api/v1/orgs/{path}/teams"), &TeamView::from(team))
}
