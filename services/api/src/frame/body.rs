//! A JSON body, read with faults that name what is wrong: unknown fields are refused, never ignored, and an array is never
//! taken for an object.

use super::{Fault, caller, objects};
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use wharf_registry::{Error, Kind};

/// Longest JSON body, in bytes: an entitlement with every rule and pattern it may hold.
pub const BODY_MAX: usize = 1024 * 1024;

/// A JSON body and its bytes as sent.
#[derive(Debug)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// The bytes, to tell whether a request sent again is the same request.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let declared = request.headers().get(CONTENT_TYPE).map(|value| is_json(value.as_bytes()));
        let mut payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            // Extractors run side by side. Not a byte is read for a caller who is nobody, and such a caller is told so
            // whatever the body is.
            caller::identify(&request).await?;
            if declared == Some(false) {
                return Err(Error::invalid("content_type", "send JSON, with Content-Type: application/json").into());
            }
            let mut bytes = BytesMut::new();
            let mut payload = (&mut payload).await.map_err(|error| {
                Error::invalid("body_unreadable", "the body cannot be read").because(error.to_string())
            })?;
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|error| {
                    Error::invalid("body_unreadable", "the body ended early or cannot be read")
                        .because(error.to_string())
                })?;
                if bytes.len() + chunk.len() > BODY_MAX {
                    return Err(Error::new(
                        Kind::TooLarge,
                        "body_too_large",
                        format!("the body is longer than {BODY_MAX} bytes"),
                    )
                    .into());
                }
                bytes.extend_from_slice(&chunk);
            }
            let bytes = bytes.freeze();
            Ok(Self { value: read(&bytes)?, bytes })
        })
    }
}

/// Reads JSON that holds nothing else.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // No body is an empty object, so that a request whose every field is optional needs none.
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    objects::read(&mut reader).and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        let code = if error.is_data() { "body_invalid" } else { "body_not_json" };
        Error::invalid(code, format!("the body cannot be read: {error}"))
    })
}

/// `application/json` and `application/*+json`, with or without parameters.
fn is_json(value: &[u8]) -> bool {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || (essence.starts_with(b"application/") && essence.ends_with(b"+json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(default)]
        name: String,
    }

    #[test]
    fn faults_name_the_field() {
        let error = read::<Sample>(br#"{"name":"a","colour":"red"}"#).unwrap_err();
        assert_eq!(error.code(), "body_invalid");
        assert!(error.message().contains("`colour`"), "{}", error.message());
        assert_eq!(read::<Sample>(b"{").unwrap_err().code(), "body_not_json");
        assert_eq!(read::<Sample>(br#"{"name":1}"#).unwrap_err().code(), "body_invalid");
        assert_eq!(read::<Sample>(br#"{"name":"a"} x"#).unwrap_err().code(), "body_not_json");
        assert_eq!(read::<Sample>(b"").unwrap().name, "");
        for bad in [&b"[]"[..], br#"["a"]"#, b"null", b"1", b"\"a\""] {
            let error = read::<Sample>(bad).unwrap_err();
            assert_eq!(error.code(), "body_invalid");
            assert!(error.message().contains("expected an object"), "{}", error.message());
        }
    }

    #[test]
    fn media_types() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(is_json(good.as_bytes()), "{good}");
        }
        for bad in ["text/plain", "application/x-www-form-urlencoded", "json", "text/x+json"] {
            assert!(!is_json(bad.as_bytes()), "{bad}");
        }
    }
}
