//! The page that `cargo login` sends people to: what to paste, and where.
//!
//! It is a function of its own address and of the configuration. It does not know whether the registry exists, so it
//! cannot tell.

use askama::Template;
use wharf_domain::Slug;

/// The page at `/cargo/{org}/{registry}/me`.
#[derive(Debug, Template)]
#[template(path = "me.html")]
pub struct MePage<'a> {
    app: &'a str,
    org: &'a Slug,
    registry: &'a Slug,
    index: &'a str,
    /// A name for cargo's configuration. Both slugs, so that registries of several orgs do not collide.
    name: String,
    /// That name as it stands in environment variables.
    variable: String,
}

impl<'a> MePage<'a> {
    /// The page of a registry; `index` is its address in cargo's configuration.
    #[must_use]
    pub fn new(app: &'a str, org: &'a Slug, registry: &'a Slug, index: &'a str) -> Self {
        let name = format!("{org}-{registry}");
        let variable = name.to_ascii_uppercase().replace('-', "_");
        Self { app, org, registry, index, name, variable }
    }

    /// The page as HTML.
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_to_paste_is_there() {
        let (org, registry) = (Slug::parse("acme").unwrap(), Slug::parse("our-crates").unwrap());
        let index = "sparse+https://index.test/acme/our-crates/";
        let page = MePage::new("https://app.test", &org, &registry, index).render().unwrap();
        for needed in [
            "[registries.acme-our-crates]",
            "index = \"sparse+https://index.test/acme/our-crates/\"",
            "credential-provider = [\"cargo:token\"]",
            "cargo login --registry acme-our-crates",
            "CARGO_REGISTRIES_ACME_OUR_CRATES_TOKEN",
            "CARGO_REGISTRIES_ACME_OUR_CRATES_INDEX=sparse+https://index.test/acme/our-crates/",
            "https://app.test/api/v1/orgs/acme/tokens",
            "https://app.test/api/v1/orgs/acme/registries/our-crates/entitlements",
        ] {
            assert!(page.contains(needed), "{needed}");
        }
    }

    #[test]
    fn what_it_is_given_is_escaped() {
        let slug = Slug::parse("acme").unwrap();
        let page = MePage::new("\"><script>", &slug, &slug, "<b>").render().unwrap();
        assert!(!page.contains("<script>") && !page.contains("<b>"));
    }
}
