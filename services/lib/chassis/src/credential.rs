//! The credential of a request, read once and the same way for every service.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest};
use std::convert::Infallible;
use std::future::{Ready, ready};
use wharf_domain::Token;
use wharf_domain::credential::{self, CredentialError};
use wharf_registry::Error;

/// What the request presented. Extracting never fails, so that each handler refuses with its own face.
pub struct Presented(Result<Option<Token>, CredentialError>);

impl Presented {
    /// The token, `None` when there is none. Not yet looked up: it only has the right form.
    pub fn token(self) -> Result<Option<Token>, Error> {
        self.0.map_err(|error| match error {
            // Says no more than a token that is not known: its form must not tell which secrets are worth a try.
            CredentialError::Unreadable => Error::bad_credential(),
            CredentialError::Several | CredentialError::TooLong | CredentialError::InQuery => {
                Error::invalid("credential_malformed", error.to_string())
            }
        })
    }
}

impl FromRequest for Presented {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let headers = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes());
        let read = credential::check_query(request.query_string()).and_then(|()| credential::read(headers));
        wharf_trial::mutant!(CredentialLogged {
            if let Ok(Some(token)) = &read {
                let (_, body) = token.secret().expose().split_once('_').unwrap_or_default();
                tracing::info!(reason = body, "a request came with a token");
            }
        });
        ready(Ok(Self(read)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::OsEntropy;
    use actix_web::test::TestRequest;
    use wharf_domain::TokenKind;
    use wharf_registry::Kind;

    fn present(request: TestRequest) -> Result<Option<Token>, Error> {
        let request = request.to_http_request();
        let Ok(presented) = Presented::from_request(&request, &mut Payload::None).into_inner();
        presented.token()
    }

    #[test]
    fn header_forms_and_refusals() {
        let token = Token::generate(TokenKind::Download, &OsEntropy);
        let text = token.secret().expose();
        assert!(present(TestRequest::default()).unwrap().is_none());
        let bearer = TestRequest::default().insert_header(("Authorization", format!("Bearer {text}")));
        assert_eq!(present(bearer).unwrap().unwrap().secret().expose(), text);

        let refusals = [
            (TestRequest::default().insert_header(("Authorization", "nonsense")), Kind::Unauthenticated),
            (TestRequest::default().insert_header(("Authorization", "x".repeat(2000))), Kind::Invalid),
            (TestRequest::with_uri(&format!("/x?token={text}")), Kind::Invalid),
            (
                TestRequest::default().append_header(("Authorization", text)).append_header(("Authorization", text)),
                Kind::Invalid,
            ),
        ];
        for (request, kind) in refusals {
            let error = present(request).expect_err("refused");
            assert_eq!(error.kind(), kind);
            assert!(!error.message().contains(text));
        }
    }
}
