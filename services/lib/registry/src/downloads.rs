//! From a version that a view holds to a ticket for its file, and from a ticket to the file.

use crate::catalog::RegistryEntry;
use crate::{Error, Kind, Result, Site};
use std::sync::Arc;
use wharf_domain::View;
use wharf_signed_url::{Tenant, TicketError, Verified, mint, verify};

/// Tickets of an org whose epoch was raised before this one are refused. Raising epochs comes with key rotation.
const EPOCH: u32 = 0;

impl Site {
    /// The address from which this version's file can be fetched for the next one or two minutes; `None` when the version
    /// is hidden or absent. Decided from memory: the same sight as the index, see [`Site::find_visible_version`].
    pub async fn resolve_download(
        self: &Arc<Self>,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
        number: &str,
    ) -> Result<Option<String>> {
        let Some(version) = self.find_visible_version(entry, view, name, number).await? else { return Ok(None) };
        let tenant = if entry.address.is_public { Tenant::Public } else { Tenant::Org(entry.address.org) };
        wharf_trial::moment!("download: decided");
        let ticket = mint(&self.tickets, self.download_host(), tenant, version.cksum, EPOCH, self.clock.now());
        Ok(Some(format!("{}{ticket}", self.addresses.download)))
    }

    /// What the ticket in an address opens. The host is the configured one, never the request's.
    ///
    /// Errors: `Forbidden` with one text for every reason; the reason is in the cause.
    pub fn check_ticket(&self, path: &str, raw_query: &str) -> Result<Verified> {
        verify(&self.tickets, self.download_host(), path, raw_query, self.clock.now(), |_| EPOCH).map_err(refuse)
    }

    fn download_host(&self) -> &str {
        let base = self.addresses.download.as_str();
        base.split_once("://").map_or(base, |(_, host)| host)
    }
}

fn refuse(reason: TicketError) -> Error {
    Error::new(
        Kind::Forbidden,
        "ticket_refused",
        "this download address is not valid (any more); run cargo again to be given a fresh one",
    )
    .because(reason)
}
