//! Which backend to use, and where it is.

use std::path::PathBuf;

use serde::Deserialize;

/// The `blob` section of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum BlobConfig {
    /// A directory on a local disk, for one machine.
    Directory {
        /// Where; `wharf migrate` makes it for a new database.
        path: PathBuf,
    },
    /// A bucket of S3 or of a server that speaks its protocol.
    S3(S3Config),
}

/// Where a bucket is and with which keys it opens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// Address of the server, `http://` or `https://`; that of the region at Amazon when absent.
    pub endpoint: Option<String>,
    /// Region of the bucket.
    pub region: String,
    /// Name of the bucket, which must exist.
    pub bucket: String,
    /// What all keys begin with; empty or ending in `/`.
    #[serde(default)]
    pub prefix: String,
    /// File that holds the access key id.
    pub access_key_file: PathBuf,
    /// File that holds the secret access key.
    pub secret_key_file: PathBuf,
    /// Whether the bucket stands in the path and not in the host name. Most servers other than Amazon's need this.
    #[serde(default)]
    pub path_style: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_and_refuses_unknown_keys() {
        let directory: BlobConfig = toml::from_str("kind = \"directory\"\npath = \"/var/lib/wharf\"").unwrap();
        assert_eq!(directory, BlobConfig::Directory { path: "/var/lib/wharf".into() });

        let s3 = "kind = \"s3\"\nregion = \"r\"\nbucket = \"crates\"\naccess_key_file = \"a\"\nsecret_key_file = \"s\"";
        let BlobConfig::S3(config) = toml::from_str(s3).unwrap() else { panic!("not S3") };
        assert!(config.endpoint.is_none() && config.prefix.is_empty() && !config.path_style);

        for bad in [
            "kind = \"directory\"".to_owned(),
            "kind = \"directory\"\npath = \"x\"\nbucket = \"b\"".to_owned(),
            "kind = \"memory\"".to_owned(),
            "path = \"x\"".to_owned(),
            format!("{s3}\nsecret_key = \"oops\""),
            format!("{s3}\npath = \"x\""),
        ] {
            assert!(toml::from_str::<BlobConfig>(&bad).is_err(), "{bad}");
        }
    }
}
