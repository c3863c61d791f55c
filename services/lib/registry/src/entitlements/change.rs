//! Changes an entitlement, switches it on and off, and withdraws it.

use super::{Draft, Entitlement, Granted, holder, name_taken, object};
use crate::catalog::RegistryEntry;
use crate::{Actor, Error, Result, Site};
use serde_json::json;
use wharf_domain::entitlement::Window;
use wharf_domain::{EntitlementId, Verb};
use wharf_store::{Change, TenantTx};

impl Site {
    /// Changes an entitlement to what `edit` makes of it. Its tokens see the new terms at their next request.
    pub async fn change_entitlement(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        id: EntitlementId,
        edit: impl FnOnce(Draft) -> Result<Draft>,
    ) -> Result<Granted> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementWrite)?;
        let (mut transaction, former) = self.take(&entry, id).await?;
        let before = Draft::of(&former);
        let after = edit(before.clone())?;
        if after == before {
            return self.unchanged(transaction, former).await;
        }
        after.check()?;
        let entitlement = Entitlement {
            holder: if after.holder == before.holder {
                former.holder.clone()
            } else {
                holder(&mut transaction, after.holder.as_ref()).await?
            },
            ..applied(&entry, &former, &after, self.clock.now())
        };
        self.save(actor, &entry, transaction, "entitlement.change", (before, after), entitlement).await
    }

    /// Switches an entitlement on or off. Off, its tokens open nothing, and nothing else is lost.
    pub async fn switch_entitlement(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        id: EntitlementId,
        enabled: bool,
    ) -> Result<Granted> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementWrite)?;
        let (transaction, former) = self.take(&entry, id).await?;
        if former.window.enabled == enabled {
            return self.unchanged(transaction, former).await;
        }
        let before = Draft::of(&former);
        let after = Draft { enabled, ..before.clone() };
        let entitlement =
            Entitlement { holder: former.holder.clone(), ..applied(&entry, &former, &after, self.clock.now()) };
        let action = if enabled { "entitlement.enable" } else { "entitlement.disable" };
        self.save(actor, &entry, transaction, action, (before, after), entitlement).await
    }

    /// Withdraws an entitlement: it and its tokens are gone; the audit keeps what it was.
    pub async fn withdraw_entitlement(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        id: EntitlementId,
    ) -> Result<()> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementWrite)?;
        let (mut transaction, former) = self.take(&entry, id).await?;
        let now = self.clock.now();
        let tokens = transaction.list_entitlement_tokens(&[id], now).await?;
        transaction.delete_entitlement(entry.address.registry, id).await?;
        wharf_trial::moment!("entitlement: withdrawn");
        transaction.announce(&Change::Entitlement(id), now).await?;
        let tokens: Vec<_> = tokens.iter().map(|token| token.id).collect();
        let record = actor.entry(
            self,
            "entitlement.withdraw",
            object(&entry, id, &former.name),
            json!({ "before": Draft::of(&former).record(), "tokens": tokens }),
        );
        transaction.record(&record).await?;
        self.settle(transaction).await?;
        Ok(())
    }

    /// An entitlement that nobody else changes meanwhile.
    async fn take(&self, entry: &RegistryEntry, id: EntitlementId) -> Result<(TenantTx, Entitlement)> {
        let mut transaction = self.begin(entry.address.org).await?;
        let found = transaction.find_entitlement_for_change(entry.address.registry, id).await?;
        Ok((transaction, found.ok_or_else(Error::not_found)?))
    }

    async fn unchanged(&self, mut transaction: TenantTx, entitlement: Entitlement) -> Result<Granted> {
        let now = self.clock.now();
        let tokens = transaction.list_entitlement_tokens(&[entitlement.id], now).await?;
        // Announced again: whoever changed it may have died before the replicas knew, and this answer promises it too.
        transaction.announce(&Change::Entitlement(entitlement.id), now).await?;
        self.settle(transaction).await?;
        Ok(Granted { entitlement, tokens })
    }

    async fn save(
        &self,
        actor: &Actor,
        entry: &RegistryEntry,
        mut transaction: TenantTx,
        action: &str,
        (before, after): (Draft, Draft),
        entitlement: Entitlement,
    ) -> Result<Granted> {
        transaction.update_entitlement(&entitlement).await.map_err(name_taken)?;
        wharf_trial::moment!("entitlement: saved");
        transaction.announce(&Change::Entitlement(entitlement.id), entitlement.updated_at).await?;
        let record = actor.entry(
            self,
            action,
            object(entry, entitlement.id, &entitlement.name),
            json!({ "before": before.record(), "after": after.record(), "view": entitlement.view.to_string() }),
        );
        transaction.record(&record).await?;
        let tokens = transaction.list_entitlement_tokens(&[entitlement.id], entitlement.updated_at).await?;
        self.settle(transaction).await?;
        Ok(Granted { entitlement, tokens })
    }
}

/// The entitlement as the draft wants it; the holder is the caller's to find.
fn applied(entry: &RegistryEntry, former: &Entitlement, draft: &Draft, now: wharf_domain::Timestamp) -> Entitlement {
    Entitlement {
        id: former.id,
        registry: former.registry,
        name: draft.name.clone(),
        note: draft.note.clone(),
        metadata: draft.metadata.clone(),
        holder: None,
        terms: draft.terms.clone(),
        window: Window {
            not_before: draft.not_before,
            expires_at: draft.expires_at,
            sources: draft.sources.clone(),
            enabled: draft.enabled,
        },
        limits: draft.limits.clone(),
        view: draft.terms.view_id(entry.address.registry),
        created_at: former.created_at,
        updated_at: now,
    }
}
