//! The front page, the page `cargo login` points to, and the style sheet. No credential is looked at, and no page
//! depends on what is stored: the page of a registry that does not exist is the page of one that does.

use super::call::{site, slugs};
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use wharf_chassis::PlainFault;
use wharf_chassis::table::{Mounted, reading};
use wharf_registry::{Error, Site};
use wharf_web::{FrontPage, HEADERS, MePage, STYLE};

pub(super) const ROUTES: &[Mounted] = &[
    Mounted { method: "GET", template: "/", handler: || reading().to(front) },
    Mounted { method: "GET", template: "/cargo/{org}/{registry}/me", handler: || reading().to(me) },
    Mounted { method: "GET", template: "/static/wharf.css", handler: || reading().to(style) },
];

async fn front(request: HttpRequest) -> Result<HttpResponse, PlainFault> {
    let site = site(&request)?;
    page(&site, FrontPage::new(&site.addresses().app).render())
}

async fn me(request: HttpRequest) -> Result<HttpResponse, PlainFault> {
    let site = site(&request)?;
    let (org, registry) = slugs(&request).ok_or_else(Error::not_found)?;
    let addresses = site.addresses();
    let index = addresses.sparse_index(&org, &registry);
    page(&site, MePage::new(&addresses.app, &org, &registry, &index).render())
}

async fn style(request: HttpRequest) -> Result<HttpResponse, PlainFault> {
    let site = site(&request)?;
    Ok(guarded(&site)
        .content_type("text/css; charset=utf-8")
        .insert_header((CACHE_CONTROL, "public, max-age=600"))
        .body(STYLE))
}

fn page(site: &Site, html: Result<String, wharf_web::Error>) -> Result<HttpResponse, PlainFault> {
    let html = html.map_err(Error::internal)?;
    Ok(guarded(site).content_type(ContentType::html()).insert_header((CACHE_CONTROL, "no-store")).body(html))
}

/// An answer with everything that tells a browser what not to do.
fn guarded(site: &Site) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    for header in HEADERS {
        answer.insert_header(*header);
    }
    if site.addresses().app.starts_with("https://") {
        answer.insert_header(("strict-transport-security", "max-age=63072000"));
    }
    answer
}
