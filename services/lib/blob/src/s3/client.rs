//! The S3 client, built by hand: every setting comes from our configuration, none from the environment, from files in
//! a home directory, or from a metadata service.

use std::fs;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls;
use wharf_domain::Secret;

use crate::config::S3Config;
use crate::error::OpenError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Attempts at one operation; only failures that may pass are tried again, with growing pauses.
const ATTEMPTS: u32 = 3;

/// Each attempt of a request without a body of ours, up to the head of the answer.
const QUICK_ATTEMPT: Duration = Duration::from_secs(10);

/// Each attempt of an upload: the greatest crate file at 2 MB/s.
const UPLOAD_ATTEMPT: Duration = Duration::from_secs(60);

/// The clients for uploads and for everything else. They share their connections.
pub(super) fn build(config: &S3Config) -> Result<(Client, Client), OpenError> {
    let access_key = secret("access_key_file", &config.access_key_file)?;
    let secret_key = secret("secret_key_file", &config.secret_key_file)?;
    let credentials = Credentials::new(access_key.expose(), secret_key.expose(), None, None, "wharf configuration");
    for (key, value) in [("region", &config.region), ("bucket", &config.bucket)] {
        if value.is_empty() {
            return Err(OpenError::Setting { key, detail: "must not be empty".to_owned() });
        }
    }
    let mut builder = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(config.region.clone()))
        .credentials_provider(credentials)
        .http_client(http_client(config.endpoint.as_deref())?)
        .force_path_style(config.path_style)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        // We send SHA-256 ourselves, and check it ourselves on the way back; other servers stumble over more.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // Its measure is throughput, and a slow reader of ours would look like a slow server. Bodies have our own limit.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    builder.set_endpoint_url(config.endpoint.clone());
    let client = |attempt| Client::from_conf(builder.clone().timeout_config(timeouts(attempt)).build());
    Ok((client(UPLOAD_ATTEMPT), client(QUICK_ATTEMPT)))
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // This one covers the sending of the request, too.
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * 2)
        .build()
}

fn http_client(endpoint: Option<&str>) -> Result<SharedHttpClient, OpenError> {
    match endpoint {
        // Without TLS the certificates of the machine are not loaded: there may be none.
        Some(endpoint) if endpoint.starts_with("http://") => Ok(HttpClientBuilder::new().build_http()),
        Some(endpoint) if !endpoint.starts_with("https://") => {
            let detail = "begins with `http://` or `https://`".to_owned();
            Err(OpenError::Setting { key: "endpoint", detail })
        }
        _ => Ok(HttpClientBuilder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https()),
    }
}

fn secret(key: &'static str, path: &Path) -> Result<Secret, OpenError> {
    let text = fs::read_to_string(path).map(Secret::new);
    let text = text.map_err(|source| OpenError::File { key, path: path.to_owned(), source })?;
    let text = Secret::new(text.expose().trim().to_owned());
    if text.expose().is_empty() {
        return Err(OpenError::Setting { key, detail: format!("{} is empty", path.display()) });
    }
    Ok(text)
}
