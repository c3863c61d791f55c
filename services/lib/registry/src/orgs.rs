//! Orgs: founding one, looking at one's own, and asking who one is.

use crate::idempotency::Once;
use crate::tokens::{self, Issued, Kept, StoredToken};
use crate::{Actor, Error, Result, Site, label};
use serde::{Deserialize, Serialize};
use serde_json::json;
use wharf_domain::entitlement::Rights;
use wharf_domain::principal::Grant;
use wharf_domain::{CratePattern, EntitlementId, OrgId, Role, Scope, Slug, Token, TokenId, TokenKind, Verb};
use wharf_store::TenantTx;
use wharf_store::members::{Member, MemberKind};
pub use wharf_store::orgs::Org;

/// An org somebody wants.
#[derive(Clone, Debug)]
pub struct NewOrg {
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people; the slug when none.
    pub name: Option<String>,
}

/// An org just made.
#[derive(Debug)]
pub struct Founded {
    /// The org.
    pub org: Org,
    /// Its first owner.
    pub owner: Member,
    /// The owner's first token in it.
    pub issued: Issued,
}

#[derive(Serialize, Deserialize)]
struct KeptFounded {
    org: Org,
    owner: Member,
    issued: Kept,
}

/// What a credential is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The org it belongs to.
    pub org: Org,
    /// The token.
    pub token: TokenId,
    /// Its kind.
    pub kind: TokenKind,
    /// What is behind it.
    pub bearer: IdentityBearer,
}

/// What is behind a credential.
#[derive(Clone, Debug)]
pub enum IdentityBearer {
    /// A member, and what the token may do.
    Member {
        /// The member.
        member: Member,
        /// The token.
        token: Box<StoredToken>,
    },
    /// An entitlement.
    Entitlement {
        /// Which one.
        id: EntitlementId,
        /// The registry it speaks of.
        registry: Slug,
        /// What its holder may do.
        rights: Rights,
    },
}

impl Site {
    /// Founds an org, with the caller as its owner and a first token that may do everything in it.
    ///
    /// The caller needs a personal token that may issue tokens, and an account that may make orgs.
    pub async fn create_org(&self, actor: &Actor, new: NewOrg, once: Option<&Once>) -> Result<Founded> {
        let founder = self.founder(actor).await?;
        let now = self.clock.now();
        let id = once.map_or_else(|| OrgId::random(&*self.entropy), Once::org);
        let mut tx = self.begin(id).await?;
        if let Some(kept) = Once::earlier::<KeptFounded>(once, &mut tx).await? {
            return Ok(Founded { org: kept.org, owner: kept.owner, issued: kept.issued.issued()? });
        }
        let slug = Slug::parse_new(&new.slug).map_err(|error| Error::invalid("slug_invalid", error.to_string()))?;
        let name = label::name(new.name.as_deref().unwrap_or(slug.as_str()))?;
        tx.insert_org(&slug, &name, now).await.map_err(|error| {
            if error.is_constraint("org_slug_key") {
                Error::conflict("slug_taken", "this name is taken; choose another")
            } else if error.is_constraint("org_pkey") {
                Once::reused()
            } else {
                error.into()
            }
        })?;
        let owner = Member {
            role: Role::Owner,
            owner_number: self.free_owner_number(&mut tx).await?,
            created_at: now,
            ..founder.member
        };
        tx.insert_member(&owner).await?;
        let life = now.plus(tokens::life(TokenKind::Personal));
        let end = founder.parent.expires_at.map_or(life, |own| own.min(life));
        let secret = Token::generate(TokenKind::Personal, &*self.entropy);
        let token = StoredToken {
            id: TokenId::random(&*self.entropy),
            kind: TokenKind::Personal,
            name: "first owner token".to_owned(),
            hint: secret.hint(),
            user: owner.user,
            login: owner.login.clone(),
            scopes: everything(),
            sources: founder.parent.sources,
            created_by_token: Some(actor.principal.token),
            created_at: now,
            expires_at: Some(end),
            last_used_on: None,
            revoked_at: None,
        };
        let issued = Issued { token, secret };
        self.store_token(actor, &mut tx, &issued).await?;
        let org = Org { id, slug, name, created_at: now };
        let object = json!({ "org": org.slug });
        let detail = json!({ "name": org.name, "owner": owner.login, "token": issued.token.id });
        tx.record(&actor.entry(self, "org.create", object, detail)).await?;
        let kept = KeptFounded { org: org.clone(), owner: owner.clone(), issued: Kept::of(&issued) };
        Once::keep(once, &mut tx, &*self.entropy, now, &kept).await?;
        self.settle(tx).await?;
        Ok(Founded { org, owner, issued })
    }

    async fn founder(&self, actor: &Actor) -> Result<Founder> {
        let refused = || {
            Error::forbidden(
                "making orgs needs a personal token with the scope token:write@*, of an account that may make orgs",
            )
        };
        let user =
            actor.principal.user().filter(|_| actor.principal.kind == TokenKind::Personal).ok_or_else(refused)?;
        if !actor.principal.may_manage(Verb::TokenWrite, None) {
            return Err(refused());
        }
        let mut tx = self.begin(actor.principal.org).await?;
        if !tx.account_may_create_orgs(user).await? {
            return Err(refused());
        }
        let member = tx.find_member(user).await?.filter(|member| member.kind == MemberKind::Person);
        let member = member.ok_or_else(refused)?;
        let parent = tokens::parent(actor, &mut tx, self.clock.now()).await?;
        Ok(Founder { member, parent })
    }

    /// The actor's own org.
    pub async fn get_org(&self, actor: &Actor, org: &str) -> Result<Org> {
        let (_, org) = self.enter_org(actor, org).await?;
        if actor.manages() { Ok(org) } else { Err(Error::not_found()) }
    }

    /// What the actor's credential is. Tells its holder nothing but what the holder was given.
    pub async fn whoami(&self, actor: &Actor) -> Result<Identity> {
        let mut tx = self.begin(actor.principal.org).await?;
        let org = tx.find_org().await?.ok_or_else(Error::bad_credential)?;
        let bearer = match &actor.principal.grant {
            Grant::Member { user, .. } => {
                let member = tx.find_member(*user).await?.ok_or_else(Error::bad_credential)?;
                let token = tx.find_token(actor.principal.token).await?.ok_or_else(Error::bad_credential)?;
                IdentityBearer::Member { member, token: Box::new(token) }
            }
            Grant::Entitled { entitlement, registry, rights, .. } => {
                let registries = tx.list_registries().await?;
                let registry = registries.into_iter().find(|row| row.id == *registry);
                let registry = registry.ok_or_else(Error::bad_credential)?.slug;
                IdentityBearer::Entitlement { id: *entitlement, registry, rights: rights.clone() }
            }
        };
        Ok(Identity { org, token: actor.principal.token, kind: actor.principal.kind, bearer })
    }

    /// A number by which cargo will know a member or team, borne by no other of the org. Random, so that it tells
    /// nothing of how many there are.
    pub(crate) async fn free_owner_number(&self, tx: &mut TenantTx) -> Result<u32> {
        free_owner_number(&*self.entropy, tx).await
    }
}

struct Founder {
    member: Member,
    parent: tokens::Parent,
}

pub(crate) async fn free_owner_number(entropy: &dyn wharf_domain::Entropy, tx: &mut TenantTx) -> Result<u32> {
    wharf_trial::mutant!(OwnerNumbersCount {
        for number in 1.. {
            if !tx.owner_number_taken(number).await? { return Ok(number); }
        }
    });
    // Even with a million members one draw in 4,000 is taken; ten in a row means that the randomness is none.
    for _ in 0..10 {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        let number = u32::from_be_bytes(bytes);
        if number != 0 && !tx.owner_number_taken(number).await? {
            return Ok(number);
        }
    }
    Err(Error::internal("no free owner number in ten draws"))
}

/// Every scope there is, everywhere: what the first token of an owner holds.
#[must_use]
pub fn everything() -> Vec<Scope> {
    Verb::ALL
        .into_iter()
        // The same right as index:read.
        .filter(|verb| *verb != Verb::Download)
        .map(|verb| Scope { verb, registry: None, pattern: CratePattern::all() })
        .collect()
}
