//! `cargo yank` and `cargo yank --undo`.

use super::call::{Call, refuse};
use actix_web::{HttpRequest, HttpResponse, web};
use wharf_cargo_wire::reply::Done;
use wharf_chassis::CargoFault;
use wharf_registry::Error;

/// Names and numbers are read by the verb, so that what is malformed is absent like anything else. `+` may come as
/// itself or as `%2B`.
type Path = web::Path<(String, String, String, String)>;

pub(super) async fn yank(request: HttpRequest, path: Path) -> Result<HttpResponse, CargoFault> {
    set(&request, path, true).await.map_err(|error| refuse(&request, error))
}

pub(super) async fn unyank(request: HttpRequest, path: Path) -> Result<HttpResponse, CargoFault> {
    set(&request, path, false).await.map_err(|error| refuse(&request, error))
}

async fn set(request: &HttpRequest, path: Path, yanked: bool) -> Result<HttpResponse, Error> {
    let call = Call::of(request).await?;
    let actor = call.actor()?;
    let (_, _, name, version) = path.into_inner();
    call.site.set_yanked(&actor, &call.entry, &call.reader.view, &name, &version, yanked).await?;
    Ok(HttpResponse::Ok().json(Done::new()))
}
