//! The first step of every call: which registry, who asks, and what they see.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use std::sync::Arc;
use wharf_chassis::reader::Reader;
use wharf_chassis::{CargoFault, ClientAddress, RequestId};
use wharf_domain::{Principal, Slug};
use wharf_registry::catalog::RegistryEntry;
use wharf_registry::{Actor, Error, Request, Site};

/// A call to the web API of one registry, by someone who sees something of it.
pub(super) struct Call {
    pub(super) site: Arc<Site>,
    pub(super) entry: Arc<RegistryEntry>,
    pub(super) reader: Reader,
    request: Request,
}

impl Call {
    /// Errors: as [`Reader::of`]; and `Forbidden` when the route does not take tokens of this kind.
    pub(super) async fn of(request: &HttpRequest) -> Result<Self, Error> {
        let spec =
            super::matched(request).ok_or_else(|| Error::internal("a handler outside of the table of routes"))?;
        let site = site(request)?;
        let (org, registry) = address(request);
        let (entry, reader) = Reader::of(request, &site, org, registry).await?;
        if let Some(principal) = reader.bearer.as_ref().map(|bearer| bearer.principal())
            && wharf_trial::mutant!(WrongKindAccepted => false; !spec.kinds.contains(&principal.kind))
        {
            return Err(Error::forbidden(format!(
                "a token of kind {} cannot change crates; use a personal, upload or service token, or an entitlement \
                 with that right",
                principal.kind.as_str()
            )));
        }
        let Ok(ClientAddress(address)) = ClientAddress::from_request(request, &mut Payload::None).into_inner();
        let id = RequestId::current().map(|id| id.to_string()).unwrap_or_default();
        Ok(Self { site, entry, reader, request: Request { id, address } })
    }

    /// Who asks, if anyone.
    pub(super) fn principal(&self) -> Option<&Principal> {
        self.reader.bearer.as_ref().map(|bearer| bearer.principal())
    }

    /// Who asks, for what nobody may do without a credential, not even in a public registry.
    pub(super) fn actor(&self) -> Result<Actor, Error> {
        let principal = self.principal().cloned().ok_or_else(Error::unauthenticated)?;
        Ok(Actor { principal, request: self.request.clone() })
    }
}

pub(super) fn site(request: &HttpRequest) -> Result<Arc<Site>, Error> {
    let data = request.app_data::<web::Data<Site>>().ok_or_else(|| Error::internal("the app holds no site"))?;
    Ok(Arc::clone(data))
}

fn address(request: &HttpRequest) -> (&str, &str) {
    let path = request.match_info();
    (path.get("org").unwrap_or_default(), path.get("registry").unwrap_or_default())
}

/// The slugs in the address, if they can be slugs at all.
pub(super) fn slugs(request: &HttpRequest) -> Option<(Slug, Slug)> {
    let (org, registry) = address(request);
    Some((Slug::parse(org).ok()?, Slug::parse(registry).ok()?))
}

/// An error in the form cargo reads; a 401 says where to log in.
pub(super) fn refuse(request: &HttpRequest, error: Error) -> CargoFault {
    let fault = CargoFault::from(error);
    match (site(request), slugs(request)) {
        (Ok(site), Some((org, registry))) => fault.challenge_cargo(&site.addresses().me(&org, &registry)),
        _ => fault,
    }
}
