//! `cargo owner --list`, `--add` and `--remove`.

use super::call::{Call, refuse};
use super::upload::read_small;
use crate::frame::body;
use actix_web::{HttpRequest, HttpResponse, web};
use wharf_cargo_wire::reply::{Owner, Owners, OwnersChanged, OwnersRequest};
use wharf_chassis::CargoFault;
use wharf_registry::Error;

/// Longest list of logins, in bytes.
const BODY_MAX: usize = 64 * 1024;

type Path = web::Path<(String, String, String)>;

pub(super) async fn list(request: HttpRequest, path: Path) -> Result<HttpResponse, CargoFault> {
    listed(&request, path).await.map_err(|error| refuse(&request, error))
}

pub(super) async fn add(request: HttpRequest, path: Path, body: web::Payload) -> Result<HttpResponse, CargoFault> {
    changed(&request, path, body, true).await.map_err(|error| refuse(&request, error))
}

pub(super) async fn remove(request: HttpRequest, path: Path, body: web::Payload) -> Result<HttpResponse, CargoFault> {
    changed(&request, path, body, false).await.map_err(|error| refuse(&request, error))
}

async fn listed(request: &HttpRequest, path: Path) -> Result<HttpResponse, Error> {
    let call = Call::of(request).await?;
    let (_, _, name) = path.into_inner();
    let owners = call.site.list_owners(call.principal(), &call.entry, &call.reader.view, &name).await?;
    let users = owners.into_iter().map(|owner| Owner { id: owner.number, login: owner.login, name: owner.name });
    Ok(HttpResponse::Ok().json(Owners { users: users.collect() }))
}

async fn changed(request: &HttpRequest, path: Path, mut body: web::Payload, add: bool) -> Result<HttpResponse, Error> {
    let call = Call::of(request).await?;
    let actor = call.actor()?;
    let body = read_small(&mut body, BODY_MAX).await?;
    let wanted: OwnersRequest = body::read(&body)?;
    let (_, _, name) = path.into_inner();
    let (entry, view) = (&call.entry, &call.reader.view);
    let said = if add {
        call.site.add_owners(&actor, entry, view, &name, &wanted.users).await?
    } else {
        call.site.remove_owners(&actor, entry, view, &name, &wanted.users).await?
    };
    Ok(HttpResponse::Ok().json(OwnersChanged::new(said)))
}
