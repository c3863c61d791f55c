//! Entitlements: granted, changed, rotated, switched and withdrawn; read; and previewed before they are saved.
//!
//! Whoever manages the entitlements of a registry may hand out all of it, so these verbs ask for no right on single
//! crates; a token narrowed to some crates cannot manage any. What a view holds is only ever computed by
//! `wharf_domain::View`.

mod change;
mod closure;
mod comparison;
mod draft;
mod explanation;
mod grant;
mod holdings;
mod preview;
mod read;
mod rotate;
mod survey;
mod universe;

pub use closure::{Lack, MISSING_MAX, Missing};
pub use comparison::{Comparison, Count, LISTED_MAX, Side};
pub use draft::{Draft, DraftHolder};
pub use explanation::{Effect, Explanation};
pub use grant::ENTITLEMENTS_MAX;
pub use holdings::{SHOWN_VERSIONS_MAX, ShownCrate, ShownVersion};
pub use preview::{Preview, Question, Subject};
pub use rotate::{LIVE_TOKENS_MAX, OVERLAP_DEFAULT, OVERLAP_MAX};
pub use universe::Need;
pub use wharf_store::entitlements::{Entitlement, EntitlementToken, Holder};

use crate::catalog::RegistryEntry;
use crate::idempotency::Once;
use crate::{Actor, Error, Result, Site};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use wharf_domain::{EntitlementId, Secret, Token, TokenId, TokenKind, Verb};
use wharf_store::entitlements::NewEntitlementToken;
use wharf_store::{Change, StoreError, TenantTx};
use zeroize::Zeroize;

/// An entitlement and its tokens that have not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Granted {
    /// The entitlement.
    pub entitlement: Entitlement,
    /// Its tokens, oldest first.
    pub tokens: Vec<EntitlementToken>,
}

/// An entitlement with the secret just made for it, which can never be read again.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The entitlement and its tokens, the new one included.
    pub granted: Granted,
    /// The text of the new token.
    pub secret: Secret,
}

impl Site {
    /// The registry at an address, for one who may `verb` its entitlements.
    ///
    /// Errors: `NotFound` for one to whom the registry does not exist, `Forbidden` for one who sees it.
    pub(crate) fn entitlement_registry(
        &self,
        actor: &Actor,
        org: &str,
        registry: &str,
        verb: Verb,
    ) -> Result<Arc<RegistryEntry>> {
        let entry = self.place(org, registry)?.ok_or_else(Error::not_found)?;
        let principal = &actor.principal;
        if entry.address.org != principal.org || !actor.manages() {
            return Err(Error::not_found());
        }
        let slug = &entry.address.registry_slug;
        if principal.may_manage(verb, Some(slug)) {
            return Ok(entry);
        }
        Err(if entry.address.is_public || actor.shows_registry(slug) {
            Error::forbidden(format!(
                "this needs the right `{}` on the whole registry: ask an admin of your org, or use a token with that scope",
                verb.as_str()
            ))
        } else {
            Error::not_found()
        })
    }
}

/// What an audit entry is about.
fn object(entry: &RegistryEntry, id: EntitlementId, name: &str) -> Value {
    json!({ "registry": entry.address.registry_slug, "entitlement": id, "name": name })
}

/// Recognises a name that is taken.
fn name_taken(error: StoreError) -> Error {
    if error.is_constraint("entitlement_name_key") {
        Error::conflict(
            "entitlement_exists",
            "the registry has an entitlement of this name already; choose another name",
        )
    } else {
        error.into()
    }
}

/// The stored holder a draft means.
async fn holder(transaction: &mut TenantTx, wanted: Option<&DraftHolder>) -> Result<Option<Holder>> {
    match wanted {
        None => Ok(None),
        Some(DraftHolder::Outside(label)) => Ok(Some(Holder::Outside(label.clone()))),
        Some(DraftHolder::Member(login)) => match transaction.find_holder(login).await? {
            Some(holder) => Ok(Some(holder)),
            None => Err(Error::invalid(
                "holder_unknown",
                "the org has no member of this login; invite them first, or write the holder as {\"label\": \"…\"}",
            )),
        },
    }
}

/// An [`Issued`] as a remembered answer holds it: sealed, for the one who asked.
#[derive(Serialize, Deserialize)]
struct Remembered {
    granted: Granted,
    secret: String,
}

impl Issued {
    /// The answer given to this request before, if it was done already.
    async fn earlier(once: Option<&Once>, transaction: &mut TenantTx) -> Result<Option<Self>> {
        let earlier: Option<Remembered> = Once::earlier(once, transaction).await?;
        Ok(earlier.map(|answer| Self { granted: answer.granted, secret: Secret::new(answer.secret) }))
    }

    /// Remembers this answer, if it was asked for.
    async fn keep(&self, site: &Site, once: Option<&Once>, transaction: &mut TenantTx) -> Result<()> {
        if once.is_none() {
            return Ok(());
        }
        let secret = self.secret.expose().to_owned();
        let mut answer = Remembered { granted: self.granted.clone(), secret };
        let kept = Once::keep(once, transaction, site.entropy.as_ref(), site.clock.now(), &answer).await;
        answer.secret.zeroize();
        kept
    }
}

/// Makes a token, stores its digest and announces it.
async fn issue(
    site: &Site,
    actor: &Actor,
    transaction: &mut TenantTx,
    entitlement: &Entitlement,
) -> Result<(TokenId, Secret)> {
    let token = Token::generate(TokenKind::Entitlement, site.entropy.as_ref());
    let id = TokenId::random(site.entropy.as_ref());
    let now = site.clock.now();
    transaction
        .insert_entitlement_token(&NewEntitlementToken {
            id,
            entitlement: entitlement.id,
            name: entitlement.name.clone(),
            digest: site.peppers.digest(&token),
            hint: token.hint(),
            created_by_user: actor.principal.user(),
            created_by_token: Some(actor.principal.token),
            created_at: now,
        })
        .await?;
    wharf_trial::moment!("entitlement: token stored");
    transaction.announce(&Change::Token(id), now).await?;
    Ok((id, token.secret().clone()))
}
