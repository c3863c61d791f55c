//! Lists registries.

use super::RegistryView;
use crate::frame::{Caller, List, PageQuery, Query, Reply, reply};
use actix_web::web::Path;
use wharf_domain::Slug;
use wharf_registry::Error;

/// List registries
///
/// Those that exist for the caller, oldest first.
#[utoipa::path(get, path = "/api/v1/orgs/{org}/registries", operation_id = "list_registries", tag = "registries",
    params(("org" = String, Path, description = "the org's name in addresses"), PageQuery),
    responses((status = 200, body = List<RegistryView>)))]
pub(crate) async fn list_registries(caller: Caller, path: Path<String>, Query(query): Query<PageQuery>) -> Reply {
    let list = format!("orgs/{path}/registries");
    let slice = query.slice(&caller, &list)?;
    let page = caller.site.list_registries(&caller.actor, &path, slice).await?;
    let org = Slug::parse(&path).map_err(|_| Error::not_found())?;
    let render = |registry| RegistryView::new(registry, &org, caller.site.addresses());
    reply::ok(&List::of(page, &caller, &list, render))
}
