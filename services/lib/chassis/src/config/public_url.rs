//! A base address that clients use.

use actix_web::http::Uri;
use serde::Deserialize;
use std::fmt;

/// `http(s)://host[:port]`: no path, query, user or trailing slash, so that `{base}/…` is always right.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(String);

/// A text that cannot be a public base address.
#[derive(Debug, thiserror::Error)]
#[error("a public address looks like https://host or http://host:port, in lower case and with nothing behind it")]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// The address, without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host in it, without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.0.split_once("://").map_or(self.0.as_str(), |(_, authority)| authority);
        let port = authority.rfind(':').filter(|at| authority.find(']').is_none_or(|end| end < *at));
        port.map_or(authority, |at| &authority[..at])
    }

    /// Whether clients speak TLS to it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = InvalidPublicUrl;

    fn try_from(text: String) -> Result<Self, InvalidPublicUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidPublicUrl)?;
        let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(InvalidPublicUrl);
        };
        // Written again from its parts it must be the same text: that leaves no room for a path, a query or a fragment.
        let host = authority.host();
        let rebuilt = match authority.port_u16() {
            Some(port) => format!("{}://{host}:{port}", uri.scheme_str().unwrap_or_default()),
            None => format!("{}://{host}", uri.scheme_str().unwrap_or_default()),
        };
        if host.is_empty() || rebuilt != text || text.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(InvalidPublicUrl);
        }
        Ok(Self(text))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_no_port() {
        for (text, host) in [
            ("http://127.0.0.1:7001", "127.0.0.1"),
            ("https://crates.example.com", "crates.example.com"),
            ("http://[::1]:80", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(PublicUrl::try_from(text.to_owned()).unwrap().host(), host);
        }
    }

    #[test]
    fn only_a_bare_base_is_accepted() {
        for right in ["http://127.0.0.1:7001", "https://crates.example.com", "http://[::1]:80"] {
            assert_eq!(PublicUrl::try_from(right.to_owned()).unwrap().as_str(), right);
        }
        for wrong in [
            "",
            "crates.example.com",
            "/x",
            "ftp://h",
            "https://",
            "https://:443",
            "https://h/",
            "https://h/x",
            "https://h?q",
            "https://h#f",
            "https://u@h",
            "https://u:p@h",
            "https://h:99999",
            "https://h:",
            "HTTPS://h",
            "https://H",
            " https://h",
            "https://h:0443",
            "https://h\"",
        ] {
            assert!(PublicUrl::try_from(wrong.to_owned()).is_err(), "accepted {wrong:?}");
        }
    }
}
