//! `cargo publish`.

use super::call::{Call, refuse};
use super::upload;
use actix_web::{HttpRequest, HttpResponse, web};
use wharf_cargo_wire::reply::Published;
use wharf_chassis::CargoFault;
use wharf_registry::Error;

pub(super) async fn publish(request: HttpRequest, mut body: web::Payload) -> Result<HttpResponse, CargoFault> {
    match accept(&request, &mut body).await {
        Ok(warnings) => Ok(HttpResponse::Ok().json(Published::with_warnings(warnings))),
        Err(error) => {
            upload::drain(&mut body).await;
            Err(refuse(&request, error))
        }
    }
}

async fn accept(request: &HttpRequest, body: &mut web::Payload) -> Result<Vec<String>, Error> {
    let call = Call::of(request).await?;
    let actor = call.actor()?;
    let limits = call.site.upload_limits(&call.entry).await?;
    let upload = upload::read(request.headers(), body, &limits).await?;
    call.site.publish(&actor, &call.entry, upload.bytes.clone()).await
}
