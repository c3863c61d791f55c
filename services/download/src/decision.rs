//! Credential, view, version: a redirect to a ticket, or the one answer for hidden and absent.

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use wharf_chassis::faces::PlainFault;
use wharf_chassis::reader::Reader;
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
    let ticket = site.resolve_download(&entry, &reader.view, &name, &number).await?.ok_or_else(Error::not_found)?;
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
