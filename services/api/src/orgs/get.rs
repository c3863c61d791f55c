//! The caller's org.

use super::OrgView;
use crate::frame::{Caller, Reply, reply};
use actix_web::web::Path;

/// Show an org
///
/// Only one's own org is there; every other is absent.
#[utoipa::path(get, path = "/api/v1/orgs/{org}", operation_id = "get_org", tag = "orgs",
    params(("org" = String, Path, description = "the org's name in addresses")),
    responses((status = 200, body = OrgView)))]
pub(crate) async fn get_org(caller: Caller, path: Path<String>) -> Reply {
    let org = caller.site.get_org(&caller.actor, &path).await?;
    reply::ok(&OrgView::from(org))
}
