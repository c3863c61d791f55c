//! Reads entitlements. Never their secrets: those are not stored.

use super::{Entitlement, EntitlementToken, Granted};
use crate::paging::{Page, Position, Slice};
use crate::{Actor, Error, Result, Site};
use std::collections::HashMap;
use wharf_domain::{EntitlementId, Verb};

impl Site {
    /// A page of a registry's entitlements, oldest first.
    pub async fn list_entitlements(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        slice: Slice,
    ) -> Result<Page<Granted>> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementRead)?;
        let mut transaction = self.begin(entry.address.org).await?;
        let after = slice.after().map(|(at, id)| (at, EntitlementId(id)));
        let found = transaction.list_entitlements(entry.address.registry, after, slice.fetch()).await?;
        let page = slice.page(found, |last| Position { at: last.created_at, id: last.id.0 });
        let ids: Vec<EntitlementId> = page.items.iter().map(|entitlement| entitlement.id).collect();
        let tokens = transaction.list_entitlement_tokens(&ids, self.clock.now()).await?;
        Ok(Page { items: join(page.items, tokens), next: page.next })
    }

    /// An entitlement.
    pub async fn get_entitlement(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        id: EntitlementId,
    ) -> Result<Granted> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementRead)?;
        let mut transaction = self.begin(entry.address.org).await?;
        let entitlement =
            transaction.find_entitlement(entry.address.registry, id).await?.ok_or_else(Error::not_found)?;
        let tokens = transaction.list_entitlement_tokens(&[id], self.clock.now()).await?;
        Ok(Granted { entitlement, tokens })
    }
}

fn join(entitlements: Vec<Entitlement>, tokens: Vec<EntitlementToken>) -> Vec<Granted> {
    let mut by_entitlement: HashMap<EntitlementId, Vec<EntitlementToken>> = HashMap::new();
    for token in tokens {
        by_entitlement.entry(token.entitlement).or_default().push(token);
    }
    entitlements
        .into_iter()
        .map(|entitlement| {
            let tokens = by_entitlement.remove(&entitlement.id).unwrap_or_default();
            Granted { entitlement, tokens }
        })
        .collect()
}
