//! How an error of the registry looks to whom: three types, so that a handler's signature says who is spoken to, over
//! one status table. What a 404 says is a constant, and a mistake of ours shows nothing but the request id.

use crate::request_id::RequestId;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{JsonConfig, PathConfig};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde_json::json;
use std::fmt;
use wharf_registry::{Error, Kind};

/// What cargo is told to wait when something is away; it tries three times by itself.
const RETRY_AFTER_S: &str = "2";

/// For cargo's web API: `{"errors":[{"detail":"…"}]}`, which cargo shows.
#[derive(Debug)]
pub struct CargoFault(Fault);

/// For the JSON API: `application/problem+json` with a stable `code`.
#[derive(Debug)]
pub struct ApiFault(Fault);

/// For index and download, where cargo shows the body as it is.
#[derive(Debug)]
pub struct PlainFault(Fault);

#[derive(Debug)]
struct Fault {
    error: Error,
    challenges: Vec<HeaderValue>,
}

fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Limited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Fault {
    fn detail(&self) -> String {
        match self.error.kind() {
            // Whatever a verb wrote: absent and hidden must read the same, and no name may come back.
            Kind::NotFound => {
                wharf_trial::mutant!(NotFoundSaysMore { return self.error.message().to_owned(); });
                Error::not_found().message().to_owned()
            }
            Kind::Internal => match RequestId::current() {
                Some(id) => format!("something went wrong in the registry; tell its operator the request id {id}"),
                None => "something went wrong in the registry".to_owned(),
            },
            _ => crate::telemetry::redact_tokens(self.error.message().to_owned()),
        }
    }

    fn code(&self) -> &'static str {
        match self.error.kind() {
            Kind::NotFound => "not_found",
            Kind::Internal => "internal",
            _ => self.error.code(),
        }
    }

    fn answer(&self, status: StatusCode) -> HttpResponseBuilder {
        let mut answer = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S)));
        }
        if status == StatusCode::UNAUTHORIZED {
            for challenge in &self.challenges {
                answer.append_header((header::WWW_AUTHENTICATE, challenge.clone()));
            }
        }
        answer
    }
}

macro_rules! faces {
    ($($face:ident),*) => {$(
        impl From<Error> for $face {
            fn from(error: Error) -> Self {
                Self(Fault { error, challenges: Vec::new() })
            }
        }

        impl $face {
            /// The error behind the face.
            #[must_use]
            pub fn error(&self) -> &Error {
                &self.0.error
            }

            /// What the caller may read.
            #[must_use]
            pub fn text(&self) -> String {
                self.0.detail()
            }

            /// Makes a 401 say where to log in: `cargo login` shows the address.
            ///
            /// The address comes from configuration and well-formed names; one that no header can hold is left out.
            #[must_use]
            pub fn challenge_cargo(mut self, login_url: &str) -> Self {
                self.0.challenges.extend(HeaderValue::from_str(&format!("Cargo login_url=\"{login_url}\"")));
                self
            }

            /// Makes a 401 ask for a user and password, which is all that git understands.
            #[must_use]
            pub fn challenge_basic(mut self) -> Self {
                self.0.challenges.push(HeaderValue::from_static("Basic realm=\"wharf\", charset=\"UTF-8\""));
                self
            }

            /// Makes a 401 ask for a bearer token, which is what programs send.
            #[must_use]
            pub fn challenge_bearer(mut self) -> Self {
                self.0.challenges.push(HeaderValue::from_static("Bearer realm=\"wharf\""));
                self
            }
        }

        impl fmt::Display for $face {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.error.fmt(f)
            }
        }
    )*};
}

faces!(CargoFault, ApiFault, PlainFault);

impl ResponseError for CargoFault {
    fn status_code(&self) -> StatusCode {
        // Cargo's web API answers a bad credential with 403 and a missing one with 401.
        match self.0.error.kind() {
            Kind::Unauthenticated if self.0.error.code() == Error::bad_credential().code() => StatusCode::FORBIDDEN,
            kind => status(kind),
        }
    }

    fn error_response(&self) -> HttpResponse {
        self.0.answer(self.status_code()).json(json!({ "errors": [{ "detail": self.0.detail() }] }))
    }
}

impl ResponseError for ApiFault {
    fn status_code(&self) -> StatusCode {
        status(self.0.error.kind())
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = (self.status_code(), self.0.code());
        let mut problem = json!({
            "type": format!("urn:wharf:problem:{code}"),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": code,
            "detail": self.0.detail(),
        });
        // A 404 is the same bytes every time; its request id stands in the header alone.
        if status != StatusCode::NOT_FOUND
            && let Some(id) = RequestId::current()
        {
            problem["request_id"] = id.as_str().into();
        }
        self.0.answer(status).content_type("application/problem+json").body(problem.to_string())
    }
}

impl ResponseError for PlainFault {
    fn status_code(&self) -> StatusCode {
        status(self.0.error.kind())
    }

    fn error_response(&self) -> HttpResponse {
        // A content type even on 401: without one libgit2 loses its place on the connection.
        self.0
            .answer(self.status_code())
            .content_type("text/plain; charset=utf-8")
            .body(format!("{}\n", self.0.detail()))
    }
}

/// Reads JSON bodies of up to `limit` bytes for the JSON API, and refuses others with its face.
pub fn json_config(limit: usize) -> JsonConfig {
    use actix_web::error::JsonPayloadError as Json;
    JsonConfig::default().limit(limit).error_handler(move |error, _| {
        let refusal = match &error {
            Json::Overflow { .. } | Json::OverflowKnownLength { .. } => {
                Error::new(Kind::TooLarge, "body_too_large", format!("the body is larger than {limit} bytes"))
            }
            Json::ContentType => Error::invalid("content_type", "send the body as Content-Type: application/json"),
            // What serde says names fields and types of the caller's own body.
            Json::Deserialize(problem) => Error::invalid("body_invalid", format!("the body does not fit: {problem}")),
            _ => Error::invalid("body_unreadable", "the body could not be read"),
        };
        ApiFault::from(refusal).into()
    })
}

/// Answers a path that cannot name anything like one that names nothing, with the face of the JSON API.
pub fn path_config() -> PathConfig {
    PathConfig::default().error_handler(|_, _| ApiFault::from(Error::not_found()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    async fn seen(fault: &dyn ResponseError) -> (u16, String, String) {
        let answer = fault.error_response();
        let kind = answer.headers().get(header::CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
        let status = answer.status().as_u16();
        (status, kind, String::from_utf8(to_bytes(answer.into_body()).await.unwrap().to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn each_face_has_its_form() {
        let error = || Error::conflict("version_exists", "this version is already published");
        assert_eq!(
            seen(&CargoFault::from(error())).await,
            (409, "application/json".into(), r#"{"errors":[{"detail":"this version is already published"}]}"#.into())
        );
        assert_eq!(
            seen(&PlainFault::from(error())).await,
            (409, "text/plain; charset=utf-8".into(), "this version is already published\n".into())
        );
        let (status, kind, body) = seen(&ApiFault::from(error())).await;
        assert_eq!((status, kind.as_str()), (409, "application/problem+json"));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "urn:wharf:problem:version_exists", "title": "Conflict", "status": 409, "code": "version_exists",
                "detail": "this version is already published",
            })
        );
    }

    #[actix_web::test]
    async fn one_status_table() {
        for (kind, expected) in [
            (Kind::Unauthenticated, 401),
            (Kind::NotFound, 404),
            (Kind::Forbidden, 403),
            (Kind::Invalid, 400),
            (Kind::Conflict, 409),
            (Kind::TooLarge, 413),
            (Kind::Limited, 429),
            (Kind::Unavailable, 503),
            (Kind::Internal, 500),
        ] {
            let error = || Error::new(kind, "x", "y");
            let statuses = [
                CargoFault::from(error()).status_code(),
                ApiFault::from(error()).status_code(),
                PlainFault::from(error()).status_code(),
            ];
            assert_eq!(statuses.map(|status| status.as_u16()), [expected; 3], "{kind:?}");
        }
        assert_eq!(CargoFault::from(Error::unauthenticated()).status_code().as_u16(), 401);
        assert_eq!(CargoFault::from(Error::bad_credential()).status_code().as_u16(), 403);
        assert_eq!(ApiFault::from(Error::bad_credential()).status_code().as_u16(), 401);
        assert_eq!(PlainFault::from(Error::bad_credential()).status_code().as_u16(), 401);
        let answer = PlainFault::from(Error::unavailable("x")).error_response();
        assert_eq!(answer.headers().get(header::RETRY_AFTER).unwrap(), "2");
    }

    #[actix_web::test]
    async fn absent_and_hidden_read_the_same_and_mistakes_show_nothing() {
        let named =
            || Error::new(Kind::NotFound, "crate_hidden", "crate `secret-project` is hidden").because("its view");
        let (cargo, api, plain) = (CargoFault::from(named()), ApiFault::from(named()), PlainFault::from(named()));
        let plainly = (
            CargoFault::from(Error::not_found()),
            ApiFault::from(Error::not_found()),
            PlainFault::from(Error::not_found()),
        );
        let id = RequestId::random(&crate::ambient::OsEntropy);
        assert_eq!(id.scope(seen(&api)).await, seen(&plainly.1).await);
        assert_eq!(seen(&cargo).await, seen(&plainly.0).await);
        assert_eq!(seen(&plain).await, seen(&plainly.2).await);

        let broken = || Error::internal("relation crates does not exist");
        for face in
            [&CargoFault::from(broken()) as &dyn ResponseError, &ApiFault::from(broken()), &PlainFault::from(broken())]
        {
            let (status, _, body) = id.scope(seen(face)).await;
            assert_eq!(status, 500);
            assert!(body.contains(id.as_str()) && !body.contains("relation"), "{body}");
        }
    }

    #[actix_web::test]
    async fn a_401_says_how_to_log_in() {
        let challenges = |fault: PlainFault| -> Vec<String> {
            let answer = fault.challenge_cargo("https://app.example.com/me").challenge_basic().error_response();
            answer.headers().get_all(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(
            challenges(PlainFault::from(Error::unauthenticated())),
            ["Cargo login_url=\"https://app.example.com/me\"", "Basic realm=\"wharf\", charset=\"UTF-8\""]
        );
        assert!(challenges(PlainFault::from(Error::not_found())).is_empty());
    }
}
