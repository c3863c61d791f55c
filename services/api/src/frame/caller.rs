//! Who calls: from the `Authorization` header to an actor, with the kinds of token the matched route accepts.

use super::Fault;
use crate::route;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest, web};
use futures::future::LocalBoxFuture;
use std::sync::Arc;
use wharf_chassis::{ClientAddress, Presented, RequestId};
use wharf_domain::Token;
use wharf_registry::idempotency::Once;
use wharf_registry::{Actor, Error, Request, Site};

/// The header that makes a create safe to send again.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An authenticated caller whose kind of token the route accepts.
#[derive(Clone)]
pub struct Caller {
    /// The installation.
    pub site: Arc<Site>,
    /// Who asks, in which request.
    pub actor: Actor,
    /// The token itself: cursors and remembered answers are sealed under keys made from it.
    pub token: Token,
    method: Method,
    path: String,
    key: Option<Result<String, ()>>,
}

impl Caller {
    /// What makes this create safe to send again, if the caller asked for that with an `Idempotency-Key`.
    pub fn once(&self, body: &[u8]) -> Result<Option<Once>, Fault> {
        let key = match &self.key {
            None => return Ok(None),
            Some(Ok(key)) => key,
            Some(Err(())) => {
                return Err(Error::invalid(
                    "idempotency_key_invalid",
                    "an Idempotency-Key has 1 to 255 visible ASCII characters, and is sent once; a random UUID is a good one",
                )
                .into());
            }
        };
        let request = [
            self.method.as_str().as_bytes(),
            self.path.as_bytes(),
            wharf_trial::mutant!(RepeatIgnoresBody => &[]; body),
        ];
        Ok(Some(Once::new(&self.token, self.actor.principal.token, key, &request)))
    }
}

impl FromRequest for Caller {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await })
    }
}

/// Authenticates a request and checks that its route accepts the kind of its token.
pub(super) async fn identify(request: &HttpRequest) -> Result<Caller, Fault> {
    read(request).await.map_err(|error| Fault::from(error).challenge_bearer())
}

async fn read(request: &HttpRequest) -> Result<Caller, Error> {
    let spec = route::matched(request).ok_or_else(|| Error::internal("a handler outside of the table of routes"))?;
    let Ok(presented) = Presented::from_request(request, &mut Payload::None).await;
    let token = presented.token()?.ok_or_else(Error::unauthenticated)?;
    let site = request
        .app_data::<web::Data<Site>>()
        .map(|data| Arc::clone(data))
        .ok_or_else(|| Error::internal("the app holds no site"))?;
    let context = context(request).await;
    let bearer = site.authenticate(&token, context.address).await?;
    let principal = bearer.principal().clone();
    if !spec.kinds.contains(&principal.kind) {
        // Within an org such a token sees nothing to be refused; elsewhere there is nothing to hide.
        return Err(if spec.template.contains("{org}") {
            Error::not_found()
        } else {
            Error::forbidden(format!("a token of kind {} cannot do this", principal.kind.as_str()))
        });
    }
    Ok(Caller {
        site,
        actor: Actor { principal, request: context },
        token,
        method: request.method().clone(),
        path: request.path().to_owned(),
        key: idempotency_key(request),
    })
}

/// What the audit says of a request.
async fn context(request: &HttpRequest) -> Request {
    let Ok(ClientAddress(address)) = ClientAddress::from_request(request, &mut Payload::None).await;
    Request { id: RequestId::current().map(|id| id.to_string()).unwrap_or_default(), address }
}

fn idempotency_key(request: &HttpRequest) -> Option<Result<String, ()>> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let first = values.next()?;
    let usable = |text: &&str| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    Some(match (first.to_str().ok().filter(usable), values.next()) {
        (Some(key), None) => Ok(key.to_owned()),
        _ => Err(()),
    })
}
