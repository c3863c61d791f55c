//! The front page: what this is, and where to go from here.

use askama::Template;

/// The page at `/`.
#[derive(Debug, Template)]
#[template(path = "front.html")]
pub struct FrontPage<'a> {
    app: &'a str,
}

impl<'a> FrontPage<'a> {
    /// The page of the installation with this base address.
    #[must_use]
    pub fn new(app: &'a str) -> Self {
        Self { app }
    }

    /// The page as HTML.
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }
}
