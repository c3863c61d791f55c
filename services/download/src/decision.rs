//! Credential, view, version: a redirect to a ticket, or the one answer for hidden and absent.
//!
//! The credential stands in the `Authorization` header, or, for cargo before 1.74, in the address itself.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;
use wharf_chassis::client_address::ClientAddress;
use wharf_chassis::faces::PlainFault;
use wharf_chassis::reader::Reader;
use wharf_domain::{Secret, View};
use wharf_registry::catalog::RegistryEntry;
use wharf_registry::{Error, Site};

/// Answers 302 with the address of the file.
pub(crate) async fn resolve(
    request: HttpRequest,
    path: Path<(String, String, String, String)>,
    site: Data<Site>,
) -> Result<HttpResponse, PlainFault> {
    let (org, registry, name, number) = path.into_inner();
    let site = site.into_inner();
    let (entry, reader) = Reader::of(&request, &site, &org, &registry).await?;
    wharf_trial::mutant!(HeadBeyondView {
        if request.method() == actix_web::http::Method::HEAD {
            return redirect(&site, &entry, &View::everything(), &name, &number).await;
        }
    });
    redirect(&site, &entry, &reader.view, &name, &number).await
}

/// The same where the address carries the credential; an `Authorization` header has no part in it.
pub(crate) async fn resolve_legacy(
    ClientAddress(address): ClientAddress,
    path: Path<(String, String, String, String, String)>,
    site: Data<Site>,
) -> Result<HttpResponse, PlainFault> {
    let (org, registry, credential, name, number) = path.into_inner();
    let (credential, site) = (Secret::new(credential), site.into_inner());
    let (entry, view) = site.open_legacy_download(&org, &registry, credential.expose(), address).await?;
    redirect(&site, &entry, &view, &name, &number).await
}

async fn redirect(
    site: &Arc<Site>,
    entry: &RegistryEntry,
    view: &View,
    name: &str,
    number: &str,
) -> Result<HttpResponse, PlainFault> {
    let ticket = site.resolve_download(entry, view, name, number).await?.ok_or_else(Error::not_found)?;
    Ok(HttpResponse::Found()
        .insert_header((header::LOCATION, ticket))
        // The answer was made for this caller; only what the ticket opens may be shared.
        .insert_header((
            header::CACHE_CONTROL,
            HeaderValue::from_static(wharf_trial::mutant!(AnswersCachedForAll => "public"; "private, no-store")),
        ))
        .insert_header((header::VARY, HeaderValue::from_static("Authorization")))
        .finish())
}
