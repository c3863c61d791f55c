//! Grants an entitlement, with its first token.

use super::{Draft, Entitlement, Granted, Issued, holder, issue, name_taken, object};
use crate::idempotency::Once;
use crate::{Actor, Error, Result, Site};
use serde_json::json;
use wharf_domain::entitlement::Window;
use wharf_domain::{EntitlementId, Verb};
use wharf_store::Change;

/// Most entitlements of one registry.
pub const ENTITLEMENTS_MAX: i64 = 50_000;

impl Site {
    /// Grants an entitlement in a registry and issues its first token.
    pub async fn grant_entitlement(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        draft: Draft,
        once: Option<&Once>,
    ) -> Result<Issued> {
        let entry = self.entitlement_registry(actor, org, registry, Verb::EntitlementWrite)?;
        let mut transaction = self.begin(entry.address.org).await?;
        if let Some(issued) = Issued::earlier(once, &mut transaction).await? {
            return Ok(issued);
        }
        let now = self.clock.now();
        draft.check_new(now)?;
        if transaction.count_entitlements(entry.address.registry).await? >= ENTITLEMENTS_MAX {
            return Err(Error::conflict(
                "entitlements_too_many",
                format!("a registry has at most {ENTITLEMENTS_MAX} entitlements; withdraw those no longer in use"),
            ));
        }
        let record = draft.record();
        let entitlement = Entitlement {
            id: EntitlementId::random(self.entropy.as_ref()),
            registry: entry.address.registry,
            holder: holder(&mut transaction, draft.holder.as_ref()).await?,
            view: draft.terms.view_id(entry.address.registry),
            name: draft.name,
            note: draft.note,
            metadata: draft.metadata,
            terms: draft.terms,
            window: Window {
                not_before: draft.not_before,
                expires_at: draft.expires_at,
                sources: draft.sources,
                enabled: draft.enabled,
            },
            limits: draft.limits,
            created_at: now,
            updated_at: now,
        };
        transaction.insert_entitlement(&entitlement).await.map_err(name_taken)?;
        wharf_trial::moment!("entitlement: granted");
        let (token, secret) = issue(self, actor, &mut transaction, &entitlement).await?;
        transaction.announce(&Change::Entitlement(entitlement.id), now).await?;
        let record = actor.entry(
            self,
            "entitlement.grant",
            object(&entry, entitlement.id, &entitlement.name),
            json!({ "after": record, "view": entitlement.view.to_string(), "token": token }),
        );
        transaction.record(&record).await?;
        let tokens = transaction.list_entitlement_tokens(&[entitlement.id], now).await?;
        let issued = Issued { granted: Granted { entitlement, tokens }, secret };
        issued.keep(self, once, &mut transaction).await?;
        self.settle(transaction).await?;
        Ok(issued)
    }
}
