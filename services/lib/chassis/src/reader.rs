//! Who reads a registry, and what of it they see: the first step of every index, download and search request.

use crate::client_address::ClientAddress;
use crate::credential::Presented;
use actix_web::FromRequest;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use std::sync::Arc;
use wharf_domain::View;
use wharf_registry::catalog::RegistryEntry;
use wharf_registry::credentials::Bearer;
use wharf_registry::{Error, Result, Site};

/// A reader of one registry.
#[derive(Debug)]
pub struct Reader {
    /// The bearer of the credential; none reads a public registry without one.
    pub bearer: Option<Arc<Bearer>>,
    /// What is seen. Never empty.
    pub view: Arc<View>,
}

impl Reader {
    /// The registry at this address and what the request's credential sees of it.
    ///
    /// Errors: `Unauthenticated` without a credential for anything but a public registry, whether it exists or not, and for
    /// a credential that opens nothing; `NotFound` for a registry that is absent or of which nothing is seen.
    pub async fn of(
        request: &HttpRequest,
        site: &Arc<Site>,
        org: &str,
        registry: &str,
    ) -> Result<(Arc<RegistryEntry>, Self)> {
        wharf_trial::mutant!(LegacyTakenAsToken {
            let sent = request.headers().get(actix_web::http::header::AUTHORIZATION);
            if let Some(sent) = sent.and_then(|sent| sent.to_str().ok())
                && let Ok((entry, view)) = site.open_legacy_download(org, registry, sent, None).await
            {
                return Ok((entry, Self { bearer: None, view }));
            }
        });
        let Ok(presented) = Presented::from_request(request, &mut Payload::None).into_inner();
        let token = presented.token()?;
        // No look-up may tell an absent registry from one that is closed to the reader.
        let entry = site.place_or_nowhere(org, registry)?;
        let Some(token) = token else {
            if entry.address.is_public {
                site.require_hearing()?;
                return Ok((entry, Self { bearer: None, view: Arc::new(View::everything()) }));
            }
            wharf_trial::mutant!(AbsentRegistryTold {
                if !entry.exists() { return Err(Error::not_found()); }
            });
            return Err(Error::unauthenticated());
        };
        let Ok(ClientAddress(address)) = ClientAddress::from_request(request, &mut Payload::None).into_inner();
        let bearer = site.authenticate(&token, address).await?;
        let view = if entry.address.is_public { Arc::new(View::everything()) } else { bearer.view(entry.place()) };
        if view.is_empty() {
            return Err(Error::not_found());
        }
        Ok((entry, Self { bearer: Some(bearer), view }))
    }
}
