//! Members' tokens: issued within what the issuing token allows, rotated with an overlap, revoked at once.
//!
//! A token can only give what it has: scopes within its own, no longer life, no other places. Entitlement tokens are the
//! matter of entitlements and do not occur here.

mod terms;

pub use terms::{LIFE_MAX, NewToken, OVERLAP_DEFAULT, OVERLAP_MAX};
pub(crate) use terms::{Parent, life};
pub use wharf_store::tokens::StoredToken;

use crate::idempotency::Once;
use crate::paging::{Page, Position, Slice};
use crate::{Actor, Error, Result, Site, label};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::time::Duration;
use wharf_domain::{Role, Slug, Timestamp, Token, TokenId, TokenKind, UserId, Verb};
use wharf_store::members::{Member, MemberKind};
use wharf_store::{Change, TenantTx};

/// Most tokens of one member that have not ended.
pub const LIVE_TOKENS_MAX: i64 = 1_000;

/// A token just made, with its text, which is shown this once.
pub struct Issued {
    /// What is stored of it.
    pub token: StoredToken,
    /// The token itself.
    pub secret: Token,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("token", &self.token.id).finish_non_exhaustive()
    }
}

/// The form in which [`Issued`] is sealed for a request sent again. Nothing else may write a secret down.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    token: StoredToken,
    secret: String,
}

impl Kept {
    pub(crate) fn of(issued: &Issued) -> Self {
        Self { token: issued.token.clone(), secret: issued.secret.secret().expose().to_owned() }
    }

    pub(crate) fn issued(self) -> Result<Issued> {
        let secret = Token::parse(&self.secret).map_err(Error::internal)?;
        Ok(Issued { token: self.token.clone(), secret })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
    }
}

impl Site {
    /// Issues a token: to the actor, to a service account of the org, or, as an invitation, to a member who never had one.
    pub async fn issue_token(&self, actor: &Actor, org: &str, new: NewToken, once: Option<&Once>) -> Result<Issued> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::TokenWrite, None)?;
        if let Some(kept) = Once::earlier::<Kept>(once, &mut tx).await? {
            return kept.issued();
        }
        let now = self.clock.now();
        let parent = parent(actor, &mut tx, now).await?;
        let holder = holder(actor, &mut tx, &new).await?;
        check_room(&mut tx, holder.user, now).await?;
        let name = label::name(&new.name)?;
        let terms = parent.grant(&new, &actor.principal, now)?;
        let secret = Token::generate(new.kind, &*self.entropy);
        let token = StoredToken {
            id: TokenId::random(&*self.entropy),
            kind: new.kind,
            name,
            hint: secret.hint(),
            user: holder.user,
            login: holder.login,
            scopes: terms.scopes,
            sources: terms.sources,
            created_by_token: Some(actor.principal.token),
            created_at: now,
            expires_at: Some(terms.expires_at),
            last_used_on: None,
            revoked_at: None,
        };
        let issued = Issued { token, secret };
        self.store_token(actor, &mut tx, &issued).await?;
        wharf_trial::moment!("token: stored");
        let entry = actor.entry(self, "token.issue", object(&issued.token), described(&issued.token));
        tx.record(&entry).await?;
        Once::keep(once, &mut tx, &*self.entropy, now, &Kept::of(&issued)).await?;
        self.settle(tx).await?;
        Ok(issued)
    }

    pub(crate) async fn store_token(&self, actor: &Actor, tx: &mut TenantTx, issued: &Issued) -> Result<()> {
        let digest = self.peppers.digest(&issued.secret);
        Ok(tx.insert_token(&issued.token, digest, actor.principal.user()).await?)
    }

    /// A page of tokens: all members' for those who run the org, one's own for everyone else.
    pub async fn list_tokens(&self, actor: &Actor, org: &str, slice: Slice) -> Result<Page<StoredToken>> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::TokenWrite, None)?;
        let of = if administers(actor) { None } else { actor.principal.user() };
        let tokens = tx.list_tokens(of, slice.after(), slice.fetch()).await?;
        Ok(slice.page(tokens, |token| Position { at: token.created_at, id: token.id.0 }))
    }

    /// One token, without its secret.
    pub async fn get_token(&self, actor: &Actor, org: &str, id: &str) -> Result<StoredToken> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::TokenWrite, None)?;
        let id = parse_id(id)?;
        tx.find_token(id).await?.filter(|token| shows(actor, token)).ok_or_else(Error::not_found)
    }

    /// Revokes a token for good; it is refused everywhere when this returns. Once is as good as twice.
    pub async fn revoke_token(&self, actor: &Actor, org: &str, id: &str) -> Result<()> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::TokenWrite, None)?;
        let id = parse_id(id)?;
        let token = tx.find_token_for_change(id).await?.filter(|token| shows(actor, token));
        let token = token.ok_or_else(Error::not_found)?;
        let now = self.clock.now();
        if token.revoked_at.is_some() {
            // Announced again: whoever revoked it may have died before the replicas knew, and this answer promises it too.
            tx.announce(&Change::Token(id), now).await?;
            return Ok(self.settle(tx).await?);
        }
        tx.revoke_token(id, now, Some(actor.principal.token)).await?;
        wharf_trial::moment!("token: revoked");
        tx.announce(&Change::Token(id), now).await?;
        let entry = actor.entry(self, "token.revoke", object(&token), described(&token));
        wharf_trial::mutant!(AuditAfterwards {
            self.settle(std::mem::replace(&mut tx, self.begin(actor.principal.org).await?)).await?;
        });
        tx.record(&entry).await?;
        Ok(self.settle(tx).await?)
    }

    /// Replaces a token by a new one with the same rights and end. The old one goes on for `overlap`, so that its users
    /// can change over.
    pub async fn rotate_token(
        &self,
        actor: &Actor,
        org: &str,
        id: &str,
        overlap: Option<Duration>,
        once: Option<&Once>,
    ) -> Result<Issued> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::TokenWrite, None)?;
        let id = parse_id(id)?;
        if let Some(kept) = Once::earlier::<Kept>(once, &mut tx).await? {
            // Announced again: the first time may have ended before the replicas knew of the old token's end.
            tx.announce(&Change::Token(id), self.clock.now()).await?;
            self.settle(tx).await?;
            return kept.issued();
        }
        let overlap = overlap.unwrap_or(OVERLAP_DEFAULT);
        if overlap > OVERLAP_MAX {
            return Err(Error::invalid(
                "overlap_invalid",
                format!("overlap_s is at most {} (7 days)", OVERLAP_MAX.as_secs()),
            ));
        }
        let now = self.clock.now();
        let old = tx.find_token_for_change(id).await?.filter(|token| shows(actor, token));
        let old = old.ok_or_else(Error::not_found)?;
        if old.revoked_at.is_some() || old.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::conflict("token_ended", "this token has ended; issue a new one"));
        }
        // The answer holds a secret that acts as its member, so nobody gets another person's.
        let member = tx.find_member(old.user).await?.ok_or_else(Error::not_found)?;
        may_hold(actor, &member)?;
        let parent = parent(actor, &mut tx, now).await?;
        parent.admits(&old, &actor.principal)?;
        check_room(&mut tx, old.user, now).await?;
        let secret = Token::generate(old.kind, &*self.entropy);
        let token = StoredToken {
            id: TokenId::random(&*self.entropy),
            hint: secret.hint(),
            created_by_token: Some(actor.principal.token),
            created_at: now,
            last_used_on: None,
            ..old.clone()
        };
        let issued = Issued { token, secret };
        self.store_token(actor, &mut tx, &issued).await?;
        let until = now.plus(overlap);
        tx.shorten_token(old.id, until).await?;
        wharf_trial::moment!("token: replaced");
        tx.announce(&Change::Token(old.id), now).await?;
        let detail = json!({ "old": old.id, "old_until": until, "new": described(&issued.token) });
        let entry = actor.entry(self, "token.rotate", object(&issued.token), detail);
        tx.record(&entry).await?;
        Once::keep(once, &mut tx, &*self.entropy, now, &Kept::of(&issued)).await?;
        self.settle(tx).await?;
        Ok(issued)
    }
}

/// The token the actor came with, as it is stored now; nobody revokes it before this transaction ends.
pub(crate) async fn parent(actor: &Actor, tx: &mut TenantTx, now: Timestamp) -> Result<Parent> {
    let stored = tx.find_token_for_change(actor.principal.token).await?.ok_or_else(Error::bad_credential)?;
    if stored.revoked_at.is_some() || stored.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::bad_credential());
    }
    Ok(Parent { expires_at: stored.expires_at, sources: stored.sources })
}

/// Refuses one token more for a member who has all there may be.
async fn check_room(tx: &mut TenantTx, user: UserId, now: Timestamp) -> Result<()> {
    if tx.count_live_tokens(user, now).await? < LIVE_TOKENS_MAX {
        return Ok(());
    }
    Err(Error::conflict(
        "tokens_too_many",
        format!("a member has at most {LIVE_TOKENS_MAX} tokens that have not ended; revoke those no longer in use"),
    ))
}

/// Whose the new token will be.
async fn holder(actor: &Actor, tx: &mut TenantTx, new: &NewToken) -> Result<Member> {
    let own = actor.principal.user().ok_or_else(Error::not_found)?;
    let unknown = || {
        Error::invalid(
            "member_unknown",
            "there is no member with this login for whom you may issue a token: name a service account, or a member who \
             has not had a token yet",
        )
    };
    let member = match &new.member {
        None => tx.find_member(own).await?.ok_or_else(Error::bad_credential)?,
        Some(login) => {
            let login = Slug::parse(login).map_err(|_| unknown())?;
            let found = tx.find_member_by_login(&login).await?.ok_or_else(unknown)?;
            let invited = may_invite(actor, &found) && !tx.had_token(found.user).await?;
            if !invited && may_hold(actor, &found).is_err() {
                return Err(unknown());
            }
            found
        }
    };
    let fits = match new.kind {
        TokenKind::Personal => member.kind == MemberKind::Person,
        TokenKind::Service => member.kind == MemberKind::Service,
        TokenKind::Upload | TokenKind::Download => true,
        TokenKind::Entitlement | TokenKind::Ci => {
            return Err(Error::invalid(
                "kind_invalid",
                "kind is personal, upload, download or service; entitlement tokens are made with their entitlement",
            ));
        }
    };
    if !fits {
        return Err(Error::invalid(
            "kind_invalid",
            "a personal token is for a person, a service token for a service account: name it in `member`",
        ));
    }
    Ok(member)
}

/// Whether the actor may hand a person their first token. It is how someone new gets in without single sign-on; from then
/// on only they themselves make more. The audit names who issued it.
fn may_invite(actor: &Actor, member: &Member) -> bool {
    member.kind == MemberKind::Person && runs(actor, member) && actor.principal.may_manage(Verb::MemberWrite, None)
}

/// Whether the actor runs the org, and this member with it.
fn runs(actor: &Actor, member: &Member) -> bool {
    match member.role {
        Role::Owner => actor.principal.role() == Some(Role::Owner),
        _ => administers(actor),
    }
}

/// Whether the actor may hold a secret that acts as this member: itself, or a service account of an org it runs. Only
/// owners may act as a service account that is an owner.
fn may_hold(actor: &Actor, member: &Member) -> Result<()> {
    if actor.principal.user() == Some(member.user) {
        return Ok(());
    }
    if member.kind == MemberKind::Service && runs(actor, member) {
        Ok(())
    } else {
        Err(Error::forbidden("a token is replaced by the member it belongs to; you may revoke it"))
    }
}

fn administers(actor: &Actor) -> bool {
    actor.principal.role().is_some_and(Role::administers)
}

fn shows(actor: &Actor, token: &StoredToken) -> bool {
    administers(actor) || actor.principal.user() == Some(token.user)
}

fn parse_id(text: &str) -> Result<TokenId> {
    text.parse().map_err(|_| Error::not_found())
}

fn object(token: &StoredToken) -> serde_json::Value {
    json!({ "token": token.id, "name": token.name, "member": token.login })
}

fn described(token: &StoredToken) -> serde_json::Value {
    json!({ "kind": token.kind, "scopes": token.scopes, "sources": token.sources, "expires_at": token.expires_at })
}
