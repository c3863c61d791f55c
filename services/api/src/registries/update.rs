//! Changes a registry's settings.

use super::{RegistryView, UpdateRegistry};
use crate::frame::{Body, Caller, Reply, reply};
use actix_web::web::Path;
use wharf_domain::Slug;
use wharf_registry::Error;

/// Change a registry's settings
///
/// They are in force when this answers. `notices` says what the settings cost.
#[utoipa::path(patch, path = "/api/v1/orgs/{org}/registries/{registry}", operation_id = "update_registry",
    tag = "registries",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("registry" = String, Path, description = "the registry's name in addresses")),
    request_body = UpdateRegistry, responses((status = 200, body = RegistryView)))]
pub(crate) async fn update_registry(caller: Caller, path: Path<(String, String)>, body: Body<UpdateRegistry>) -> Reply {
    let (org, registry) = path.into_inner();
    let changed = caller.site.change_registry(&caller.actor, &org, &registry, body.value.into()).await?;
    let org = Slug::parse(&org).map_err(|_| Error::not_found())?;
    reply::ok(&RegistryView::new(changed, &org, caller.site.addresses()))
}
