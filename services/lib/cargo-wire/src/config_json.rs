//! `config.json`, the first file cargo reads of an index.
//!
//! Nothing short-lived may stand in it: clients keep it on disk and read it again only when they update the index.

use serde::Serialize;

/// The content of `config.json`. Not to be printed: its download address may carry a credential.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ConfigJson<'a> {
    /// Download address, with or without cargo's markers.
    dl: &'a str,
    /// Base of the web API; absent when the registry takes no API commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'a str>,
    /// Whether index reads, downloads and searches need a token (cargo 1.74 and later).
    ///
    /// Left out when false: git clients of cargo 1.67 refuse the mere key.
    #[serde(rename = "auth-required", skip_serializing_if = "std::ops::Not::not")]
    auth_required: bool,
}

impl<'a> ConfigJson<'a> {
    /// Describes a registry; a trailing slash of `api` is dropped, because cargo would ask for `//api/v1` (cargo#16831).
    #[must_use]
    pub fn new(dl: &'a str, api: Option<&'a str>, auth_required: bool) -> Self {
        Self { dl, api: api.map(|api| api.trim_end_matches('/')), auth_required }
    }

    /// The bytes to serve; the same for the same values.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and a flag always serialise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes() {
        let closed =
            ConfigJson::new("https://dl.test/acme/private", Some("https://app.test/cargo/acme/private/"), true);
        assert_eq!(
            String::from_utf8(closed.render()).unwrap(),
            r#"{"dl":"https://dl.test/acme/private","api":"https://app.test/cargo/acme/private","auth-required":true}"#
        );
        let open = ConfigJson::new("https://dl.test/{crate}?v={version}", None, false);
        assert_eq!(String::from_utf8(open.render()).unwrap(), r#"{"dl":"https://dl.test/{crate}?v={version}"}"#);
    }

    #[test]
    fn the_client_reads_it() {
        let bytes = ConfigJson::new("https://dl.test/d", Some("https://app.test/cargo"), true).render();
        let read: crates_index::IndexConfig = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read.dl, "https://dl.test/d");
        assert_eq!(read.api.as_deref(), Some("https://app.test/cargo"));
        assert_eq!(read.download_url("Foo", "1.0.0").as_deref(), Some("https://dl.test/d/Foo/1.0.0/download"));
    }
}
