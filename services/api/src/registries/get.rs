//! Shows a registry.

use super::RegistryView;
use crate::frame::{Caller, Reply, reply};
use actix_web::web::Path;
use wharf_domain::Slug;
use wharf_registry::Error;

/// Show a registry
#[utoipa::path(get, path = "/api/v1/orgs/{org}/registries/{registry}", operation_id = "get_registry", tag = "registries",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("registry" = String, Path, description = "the registry's name in addresses")),
    responses((status = 200, body = RegistryView)))]
pub(crate) async fn get_registry(caller: Caller, path: Path<(String, String)>) -> Reply {
    let (org, registry) = path.into_inner();
    let registry = caller.site.get_registry(&caller.actor, &org, &registry).await?;
    let org = Slug::parse(&org).map_err(|_| Error::not_found())?;
    reply::ok(&RegistryView::new(registry, &org, caller.site.addresses()))
}
