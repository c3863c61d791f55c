//! Pages: view models, templates, and the files they refer to.
//!
//! Templates are compiled in and escape everything they are given. No page holds inline script or style, and none refers
//! to another origin, which is what lets [`HEADERS`] be as strict as they are. Nothing here knows requests, rights or
//! the database.

pub mod front;
pub mod me;

pub use askama::Error;
pub use front::FrontPage;
pub use me::MePage;

/// The style sheet of all pages, served at `/static/wharf.css`.
pub const STYLE: &str = include_str!("../static/wharf.css");

/// What every page is sent with.
pub const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
         require-trusted-types-for 'script'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", ""),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::Slug;

    fn pages() -> [String; 2] {
        let (org, registry) = (Slug::parse("acme").unwrap(), Slug::parse("private").unwrap());
        let index = "sparse+https://index.test/acme/private/";
        [
            FrontPage::new("https://app.test").render().unwrap(),
            MePage::new("https://app.test", &org, &registry, index).render().unwrap(),
        ]
    }

    #[test]
    fn no_page_needs_what_the_policy_forbids() {
        for page in pages() {
            for forbidden in ["<script", "<style", " style=", " onclick", "javascript:", "src=\"http", "href=\"http"] {
                assert!(!page.contains(forbidden), "{forbidden}");
            }
            assert!(page.contains("href=\"/static/wharf.css\"") && page.contains("name=\"viewport\""));
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        assert!(STYLE.contains("prefers-color-scheme: dark"));
    }
}
