//! `cargo search`.

use super::call::{Call, refuse};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use wharf_cargo_wire::reply::{SearchHit, SearchResults};
use wharf_chassis::CargoFault;
use wharf_registry::Error;

/// Crates on a page when none are asked for.
const PER_PAGE_DEFAULT: u32 = 10;

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    per_page: Option<u32>,
    page: Option<u32>,
}

pub(super) async fn search(request: HttpRequest) -> Result<HttpResponse, CargoFault> {
    found(&request).await.map_err(|error| refuse(&request, error))
}

async fn found(request: &HttpRequest) -> Result<HttpResponse, Error> {
    let call = Call::of(request).await?;
    let Wanted { q, per_page, page } = wanted(request.query_string())?;
    let (entry, view) = (&call.entry, &call.reader.view);
    let found = call.site.search(entry, view, &q, per_page.unwrap_or(PER_PAGE_DEFAULT), page.unwrap_or(1)).await?;
    let hits = found.hits.into_iter().map(|hit| SearchHit {
        name: hit.name.to_string(),
        max_version: hit.version.to_string(),
        description: hit.description,
    });
    let total = u32::try_from(found.total).unwrap_or(u32::MAX);
    Ok(HttpResponse::Ok().json(SearchResults::new(hits.collect(), total)))
}

fn wanted(query: &str) -> Result<Wanted, Error> {
    web::Query::<Wanted>::from_query(query)
        .map(web::Query::into_inner)
        .map_err(|_| Error::invalid("query_invalid", "the query is ?q=words&per_page=number&page=number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let all = wanted("q=foo%20bar+baz&per_page=5&page=2").unwrap();
        assert_eq!((all.q.as_str(), all.per_page, all.page), ("foo bar baz", Some(5), Some(2)));
        let none = wanted("").unwrap();
        assert_eq!((none.q.as_str(), none.per_page, none.page), ("", None, None));
        for bad in ["per_page=-1", "per_page=x", "page=99999999999"] {
            assert_eq!(wanted(bad).unwrap_err().code(), "query_invalid", "{bad}");
        }
    }
}
