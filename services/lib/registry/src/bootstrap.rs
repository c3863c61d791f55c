//! Makes an org from outside: the operator's command, before anyone can sign in.
//!
//! Works as the owner of the database, not as a service, and may be repeated: what exists stays as it is, what is missing
//! is added. So a run that was killed half-way, or whose secrets were lost before they were written down, is mended by
//! the next. A caller that wants the same secrets each time makes them itself, writes them down first, and hands them in.

use crate::{Error, Result, label, orgs, registries};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use serde_json::{Value, json};
use wharf_domain::entitlement::{Terms, Window};
use wharf_domain::token::Peppers;
use wharf_domain::{
    Clock, EntitlementId, Entropy, OrgId, RegistryId, Role, Scope, Secret, Slug, Timestamp, Token, TokenId, TokenKind,
    UserId,
};
use wharf_store::entitlements::{Entitlement, NewEntitlementToken};
use wharf_store::members::{Member, MemberKind};
use wharf_store::registries::Registry;
use wharf_store::tokens::StoredToken;
use wharf_store::{AuditEntry, Change, Database, TenantTx};

/// Memory one hash takes: 64 MiB.
const MEMORY_KIB: u32 = 64 * 1024;
/// Passes over that memory.
const PASSES: u32 = 3;

/// Shortest password.
pub const PASSWORD_MIN: usize = 12;
/// Longest password, in bytes.
pub const PASSWORD_MAX: usize = 256;

/// What shall exist.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The org.
    pub org: Slug,
    /// Its name for people.
    pub name: String,
    /// Its registry, private.
    pub registry: Slug,
    /// The people and service accounts in it; at least one person who owns it.
    pub members: Vec<SpecMember>,
    /// Entitlements of the registry.
    pub entitlements: Vec<SpecEntitlement>,
}

/// A member that shall exist.
#[derive(Clone, Debug)]
pub struct SpecMember {
    /// Its login within the org.
    pub login: Slug,
    /// The e-mail address of a person; none for a service account.
    pub email: Option<String>,
    /// The password of a person; one that exists stays.
    pub password: Option<Secret>,
    /// Whether the person may make orgs.
    pub may_create_orgs: bool,
    /// The part it plays.
    pub role: Role,
    /// Its tokens.
    pub tokens: Vec<SpecToken>,
}

/// A token that shall exist.
#[derive(Clone, Debug)]
pub struct SpecToken {
    /// What it is called. Without a secret, a live token of this name is as good.
    pub name: String,
    /// What it is for.
    pub kind: TokenKind,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Until when it holds; for ever when none.
    pub expires_at: Option<Timestamp>,
    /// The token itself; made when none.
    pub secret: Option<Token>,
}

/// An entitlement that shall exist.
#[derive(Clone, Debug)]
pub struct SpecEntitlement {
    /// Its name. An entitlement of this name is left as it is.
    pub name: String,
    /// What its holder sees and does.
    pub terms: Terms,
    /// Its token; made when none, if the entitlement has no live one.
    pub secret: Option<Token>,
}

/// What exists now.
#[derive(Debug)]
pub struct Made {
    /// The org.
    pub org: OrgId,
    /// The registry.
    pub registry: RegistryId,
    /// The members, as in the spec.
    pub members: Vec<MadeMember>,
    /// The entitlements, as in the spec.
    pub entitlements: Vec<MadeEntitlement>,
    /// Whether this run made the org.
    pub is_new: bool,
}

/// A member that exists.
#[derive(Debug)]
pub struct MadeMember {
    /// The account behind it.
    pub user: UserId,
    /// Its tokens, as in the spec; none where one existed whose secret is not known.
    pub tokens: Vec<Option<Token>>,
}

/// An entitlement that exists.
#[derive(Debug)]
pub struct MadeEntitlement {
    /// Its identity.
    pub id: EntitlementId,
    /// Its token; none where one existed whose secret is not known.
    pub token: Option<Token>,
}

/// Makes whatever of `spec` is missing, all or nothing.
pub async fn org(
    owner: &Database,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    peppers: &Peppers,
    spec: Spec,
) -> Result<Made> {
    if !spec.members.iter().any(|member| member.role == Role::Owner && member.email.is_some()) {
        return Err(Error::invalid("owner_missing", "an org needs a person who owns it"));
    }
    let found = wharf_store::orgs::find_by_slug_any_org(owner, &spec.org).await?;
    let id = found.unwrap_or_else(|| OrgId::random(entropy));
    let tx = TenantTx::begin(owner, id).await?;
    let mut maker = Maker { tx, entropy, peppers, now: clock.now() };
    if found.is_none() {
        let name = label::name(&spec.name)?;
        maker.tx.insert_org(&spec.org, &name, maker.now).await?;
        wharf_trial::moment!("bootstrap: org made");
        maker.record("org.create", json!({ "org": spec.org }), json!({ "name": name })).await?;
    }
    let registry = maker.registry(&spec.registry).await?;
    let mut members = Vec::new();
    for member in spec.members {
        members.push(maker.member(member).await?);
        wharf_trial::moment!("bootstrap: member made");
    }
    let mut entitlements = Vec::new();
    for entitlement in spec.entitlements {
        entitlements.push(maker.entitlement(registry, &spec.registry, entitlement).await?);
        wharf_trial::moment!("bootstrap: entitlement made");
    }
    maker.tx.commit().await?;
    wharf_trial::moment!("bootstrap: committed");
    Ok(Made { org: id, registry, members, entitlements, is_new: found.is_none() })
}

struct Maker<'a> {
    tx: TenantTx,
    entropy: &'a dyn Entropy,
    peppers: &'a Peppers,
    now: Timestamp,
}

impl Maker<'_> {
    async fn record(&mut self, action: &str, object: Value, detail: Value) -> Result<()> {
        let entry = AuditEntry {
            id: self.entropy.uuid(),
            at: self.now,
            actor_token: None,
            actor_user: None,
            action: action.to_owned(),
            object,
            detail,
            request_id: "bootstrap".to_owned(),
            source: None,
        };
        Ok(self.tx.record(&entry).await?)
    }

    async fn registry(&mut self, slug: &Slug) -> Result<RegistryId> {
        if let Some(found) = self.tx.find_registry(slug).await? {
            return Ok(found.id);
        }
        let id = RegistryId::random(self.entropy);
        let settings = registries::default_settings();
        let registry = Registry { id, slug: slug.clone(), settings, created_at: self.now };
        self.tx.insert_registry(&registry).await?;
        self.tx.announce(&Change::Registry(id), self.now).await?;
        self.record("registry.create", json!({ "registry": slug }), json!({ "settings": registry.settings })).await?;
        Ok(id)
    }

    async fn member(&mut self, spec: SpecMember) -> Result<MadeMember> {
        let by_login = self.tx.find_member_by_login(&spec.login).await?;
        let account = match &spec.email {
            Some(email) => {
                let email = label::email(email)?;
                let user = self.tx.account_for_email(&email, UserId::random(self.entropy), self.now).await?;
                if spec.may_create_orgs || spec.password.is_some() {
                    self.empower(user, &spec).await?;
                }
                Some(user)
            }
            None => None,
        };
        let member = match (account, by_login) {
            (None, Some(found)) => found,
            (Some(user), Some(found)) if found.user == user => found,
            (Some(_), Some(_)) => {
                return Err(Error::conflict(
                    "login_taken",
                    format!("the login `{}` belongs to another person", spec.login),
                ));
            }
            (account, None) => match self.find(account).await? {
                Some(found) => found,
                None => self.join(account, &spec).await?,
            },
        };
        let mut tokens = Vec::new();
        for token in spec.tokens {
            tokens.push(self.token(&member, token).await?);
        }
        Ok(MadeMember { user: member.user, tokens })
    }

    async fn find(&mut self, account: Option<UserId>) -> Result<Option<Member>> {
        match account {
            Some(user) => Ok(self.tx.find_member(user).await?),
            None => Ok(None),
        }
    }

    async fn join(&mut self, account: Option<UserId>, spec: &SpecMember) -> Result<Member> {
        let (user, kind) = match account {
            Some(user) => (user, MemberKind::Person),
            None => {
                let user = UserId::random(self.entropy);
                self.tx.create_service_account(user, self.now).await?;
                (user, MemberKind::Service)
            }
        };
        let member = Member {
            user,
            login: spec.login.clone(),
            name: None,
            kind,
            role: spec.role,
            owner_number: orgs::free_owner_number(self.entropy, &mut self.tx).await?,
            created_at: self.now,
        };
        self.tx.insert_member(&member).await?;
        let object = json!({ "member": member.login, "user": member.user });
        self.record("member.add", object, json!({ "kind": kind, "role": spec.role })).await?;
        Ok(member)
    }

    async fn empower(&mut self, user: UserId, spec: &SpecMember) -> Result<()> {
        let hash = match &spec.password {
            Some(password) => Some(hash(password, self.entropy).await?),
            None => None,
        };
        Ok(self.tx.empower_account(user, spec.may_create_orgs, hash.as_ref()).await?)
    }

    async fn token(&mut self, member: &Member, spec: SpecToken) -> Result<Option<Token>> {
        let secret = match spec.secret {
            Some(given) if given.kind() != spec.kind => {
                return Err(Error::invalid("kind_invalid", "a given token is of another kind than the spec says"));
            }
            Some(given) => {
                if self.exists(&given).await? {
                    return Ok(Some(given));
                }
                given
            }
            None => {
                if self.tx.has_live_token(member.user, &spec.name, self.now).await? {
                    return Ok(None);
                }
                Token::generate(spec.kind, self.entropy)
            }
        };
        let token = StoredToken {
            id: TokenId::random(self.entropy),
            kind: spec.kind,
            name: label::name(&spec.name)?,
            hint: secret.hint(),
            user: member.user,
            login: member.login.clone(),
            scopes: spec.scopes,
            sources: Vec::new(),
            created_by_token: None,
            created_at: self.now,
            expires_at: spec.expires_at,
            last_used_on: None,
            revoked_at: None,
        };
        self.tx.insert_token(&token, self.peppers.digest(&secret), None).await?;
        self.tx.announce(&Change::Token(token.id), self.now).await?;
        let object = json!({ "token": token.id, "name": token.name, "member": token.login });
        let detail = json!({ "kind": token.kind, "scopes": token.scopes, "expires_at": token.expires_at });
        self.record("token.issue", object, detail).await?;
        Ok(Some(secret))
    }

    async fn exists(&mut self, token: &Token) -> Result<bool> {
        let digests: Vec<_> = self.peppers.digests(token).collect();
        Ok(self.tx.token_exists(&digests).await?)
    }

    async fn entitlement(
        &mut self,
        registry: RegistryId,
        slug: &Slug,
        spec: SpecEntitlement,
    ) -> Result<MadeEntitlement> {
        let name = label::name(&spec.name)?;
        let object = |id: EntitlementId| json!({ "registry": slug, "entitlement": id, "name": name });
        // The org of a bootstrap is small, or it was never one; were it not, the unique name would refuse a second one.
        let known = self.tx.list_entitlements(registry, None, 1_000).await?;
        let id = match known.into_iter().find(|entitlement| entitlement.name == name) {
            Some(found) => found.id,
            None => {
                spec.terms.check().map_err(|error| Error::invalid("terms_invalid", error.to_string()))?;
                let id = EntitlementId::random(self.entropy);
                let view = spec.terms.view_id(registry);
                let detail = json!({ "terms": spec.terms, "view": view.to_string() });
                let entitlement = Entitlement {
                    id,
                    registry,
                    name: name.clone(),
                    note: String::new(),
                    metadata: serde_json::Map::new(),
                    holder: None,
                    terms: spec.terms,
                    window: Window { not_before: None, expires_at: None, sources: Vec::new(), enabled: true },
                    limits: Vec::new(),
                    view,
                    created_at: self.now,
                    updated_at: self.now,
                };
                self.tx.insert_entitlement(&entitlement).await?;
                self.tx.announce(&Change::Entitlement(id), self.now).await?;
                self.record("entitlement.grant", object(id), detail).await?;
                id
            }
        };
        let secret = match spec.secret {
            Some(given) if given.kind() != TokenKind::Entitlement => {
                return Err(Error::invalid("kind_invalid", "the token given for an entitlement is of another kind"));
            }
            Some(given) => {
                if self.exists(&given).await? {
                    return Ok(MadeEntitlement { id, token: Some(given) });
                }
                given
            }
            None => {
                if !self.tx.list_entitlement_tokens(&[id], self.now).await?.is_empty() {
                    return Ok(MadeEntitlement { id, token: None });
                }
                Token::generate(TokenKind::Entitlement, self.entropy)
            }
        };
        let token = TokenId::random(self.entropy);
        self.tx
            .insert_entitlement_token(&NewEntitlementToken {
                id: token,
                entitlement: id,
                name: name.clone(),
                digest: self.peppers.digest(&secret),
                hint: secret.hint(),
                created_by_user: None,
                created_by_token: None,
                created_at: self.now,
            })
            .await?;
        self.tx.announce(&Change::Token(token), self.now).await?;
        self.record("token.issue", object(id), json!({ "token": token, "kind": "entitlement" })).await?;
        Ok(MadeEntitlement { id, token: Some(secret) })
    }
}

/// Hashes a password with argon2id, on a thread where its tens of milliseconds hold nobody up.
async fn hash(password: &Secret, entropy: &dyn Entropy) -> Result<Secret> {
    let length = password.expose().len();
    if length > PASSWORD_MAX || password.expose().chars().count() < PASSWORD_MIN {
        return Err(Error::invalid(
            "password_invalid",
            format!("a password has at least {PASSWORD_MIN} characters and at most {PASSWORD_MAX} bytes"),
        ));
    }
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let password = password.clone();
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| Error::internal(error.to_string()))?;
    tokio::task::spawn_blocking(move || {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password_with_salt(password.expose().as_bytes(), &salt);
        hash.map(|hash| Secret::new(hash.to_string())).map_err(|error| Error::internal(error.to_string()))
    })
    .await
    .map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    struct Same;
    impl Entropy for Same {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(5);
        }
    }

    #[tokio::test]
    async fn passwords_are_hashed_with_argon2id_and_short_ones_refused() {
        let password = Secret::new("correct horse battery".to_owned());
        let hash = hash(&password, &Same).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{}", hash.expose());
        let parsed = PasswordHash::new(hash.expose()).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse battery", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"wrong horse battery", &parsed).is_err());
        for bad in ["short", &"x".repeat(257)] {
            let error = super::hash(&Secret::new(bad.to_owned()), &Same).await.unwrap_err();
            assert_eq!(error.code(), "password_invalid");
            assert!(!error.message().contains(bad));
        }
    }
}
