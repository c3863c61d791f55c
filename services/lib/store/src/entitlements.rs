//! Entitlements and the tokens that stand for them.

use crate::{StoreError, TenantTx};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use time::{Date, OffsetDateTime};
use uuid::Uuid;
use wharf_domain::entitlement::{Limit, Rights, Terms, Window};
use wharf_domain::token::TokenDigest;
use wharf_domain::view::Rule;
use wharf_domain::{EntitlementId, RegistryId, Slug, Timestamp, TokenId, UserId, ViewId};

/// Who uses an entitlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// A member of the org.
    Member {
        /// Which one.
        user: UserId,
        /// The member's name in the org.
        login: Slug,
    },
    /// Someone outside, by the name the org gives them.
    Outside(String),
}

/// A stored entitlement, without its tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Its identity.
    pub id: EntitlementId,
    /// The one registry it speaks of.
    pub registry: RegistryId,
    /// Its name, unique in the registry.
    pub name: String,
    /// A text for people.
    pub note: String,
    /// A JSON object for the org's own programs.
    pub metadata: serde_json::Map<String, Value>,
    /// Who uses it, if that is known.
    pub holder: Option<Holder>,
    /// What its holder sees and does.
    pub terms: Terms,
    /// When, from where and whether it holds.
    pub window: Window,
    /// What is counted against it.
    pub limits: Vec<Limit>,
    /// The identity of the view the terms give.
    pub view: ViewId,
    /// When it was granted.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A new secret of an entitlement: all that is stored of it.
#[derive(Clone, Debug)]
pub struct NewEntitlementToken {
    /// Its identity.
    pub id: TokenId,
    /// The entitlement it opens.
    pub entitlement: EntitlementId,
    /// What it is called in lists of tokens.
    pub name: String,
    /// The version of the pepper, and the digest under it.
    pub digest: (i16, TokenDigest),
    /// By which the holder recognises it.
    pub hint: String,
    /// The member who issued it.
    pub created_by_user: Option<UserId>,
    /// The token it was issued with; none for the operator's own commands.
    pub created_by_token: Option<TokenId>,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// A secret of an entitlement as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementToken {
    /// Its identity.
    pub id: TokenId,
    /// The entitlement it opens.
    pub entitlement: EntitlementId,
    /// By which the holder recognises it.
    pub hint: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// The day it was last used, UTC.
    pub last_used_on: Option<Date>,
}

struct Row {
    entitlement_id: Uuid,
    registry_id: Uuid,
    name: String,
    note: String,
    metadata: Value,
    holder_user_id: Option<Uuid>,
    holder_login: Option<String>,
    holder_label: Option<String>,
    rights: Value,
    rules: Value,
    view_id: Vec<u8>,
    limits: Value,
    sources: Vec<String>,
    not_before: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    enabled: bool,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Entitlement {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = row.entitlement_id;
        let place = |column: &str| format!("entitlement.{column} of {id}");
        let holder = match (row.holder_user_id, row.holder_login, row.holder_label) {
            (Some(user), Some(login), _) => Some(Holder::Member {
                user: UserId(user),
                login: Slug::parse(&login).map_err(|error| StoreError::corrupt(place("holder_user_id"), error))?,
            }),
            (_, _, label) => label.map(Holder::Outside),
        };
        let rights: Rights =
            serde_json::from_value(row.rights).map_err(|error| StoreError::corrupt(place("rights"), error))?;
        let rules: Vec<Rule> =
            serde_json::from_value(row.rules).map_err(|error| StoreError::corrupt(place("rules"), error))?;
        let sources = row
            .sources
            .iter()
            .map(|text| text.parse::<IpNet>().map_err(|error| StoreError::corrupt(place("sources"), error)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            id: EntitlementId(id),
            registry: RegistryId(row.registry_id),
            name: row.name,
            note: row.note,
            metadata: serde_json::from_value(row.metadata)
                .map_err(|error| StoreError::corrupt(place("metadata"), error))?,
            holder,
            terms: Terms { rights, rules },
            window: Window {
                not_before: row.not_before.map(Timestamp::new),
                expires_at: row.expires_at.map(Timestamp::new),
                sources,
                enabled: row.enabled,
            },
            limits: serde_json::from_value(row.limits).map_err(|error| StoreError::corrupt(place("limits"), error))?,
            view: row
                .view_id
                .try_into()
                .map(ViewId)
                .map_err(|_| StoreError::corrupt(place("view_id"), "not 32 bytes long"))?,
            created_at: Timestamp::new(row.created_at),
            updated_at: Timestamp::new(row.updated_at),
        })
    }
}

fn texts(sources: &[IpNet]) -> Vec<String> {
    sources.iter().map(ToString::to_string).collect()
}

fn holder_columns(holder: Option<&Holder>) -> (Option<Uuid>, Option<&str>) {
    match holder {
        Some(Holder::Member { user, .. }) => (Some(user.0), None),
        Some(Holder::Outside(label)) => (None, Some(label)),
        None => (None, None),
    }
}

impl TenantTx {
    /// Adds an entitlement. A name that is taken fails with `entitlement_name_key`.
    pub async fn insert_entitlement(&mut self, entitlement: &Entitlement) -> Result<(), StoreError> {
        let org = self.org().0;
        let (user, label) = holder_columns(entitlement.holder.as_ref());
        sqlx::query!(
            "insert into entitlement
                 (org_id, registry_id, entitlement_id, name, note, metadata, holder_user_id, holder_label,
                  rights, rules, view_id, limits, sources, not_before, expires_at, enabled, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
            org,
            entitlement.registry.0,
            entitlement.id.0,
            entitlement.name,
            entitlement.note,
            Json(&entitlement.metadata) as _,
            user,
            label,
            Json(&entitlement.terms.rights) as _,
            Json(&entitlement.terms.rules) as _,
            &entitlement.view.0[..],
            Json(&entitlement.limits) as _,
            &texts(&entitlement.window.sources),
            entitlement.window.not_before.map(Timestamp::inner),
            entitlement.window.expires_at.map(Timestamp::inner),
            entitlement.window.enabled,
            entitlement.created_at.inner(),
            entitlement.updated_at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Writes everything of an entitlement that can change. A name that is taken fails with `entitlement_name_key`.
    pub async fn update_entitlement(&mut self, entitlement: &Entitlement) -> Result<(), StoreError> {
        let org = self.org().0;
        let (user, label) = holder_columns(entitlement.holder.as_ref());
        sqlx::query!(
            "update entitlement
             set name = $4, note = $5, metadata = $6, holder_user_id = $7, holder_label = $8, rights = $9, rules = $10,
                 view_id = $11, limits = $12, sources = $13, not_before = $14, expires_at = $15, enabled = $16,
                 updated_at = $17
             where org_id = $1 and registry_id = $2 and entitlement_id = $3",
            org,
            entitlement.registry.0,
            entitlement.id.0,
            entitlement.name,
            entitlement.note,
            Json(&entitlement.metadata) as _,
            user,
            label,
            Json(&entitlement.terms.rights) as _,
            Json(&entitlement.terms.rules) as _,
            &entitlement.view.0[..],
            Json(&entitlement.limits) as _,
            &texts(&entitlement.window.sources),
            entitlement.window.not_before.map(Timestamp::inner),
            entitlement.window.expires_at.map(Timestamp::inner),
            entitlement.window.enabled,
            entitlement.updated_at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes an entitlement out, and its tokens with it.
    pub async fn delete_entitlement(
        &mut self,
        registry: RegistryId,
        entitlement: EntitlementId,
    ) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "delete from entitlement where org_id = $1 and registry_id = $2 and entitlement_id = $3",
            org,
            registry.0,
            entitlement.0
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// An entitlement of a registry.
    pub async fn find_entitlement(
        &mut self,
        registry: RegistryId,
        entitlement: EntitlementId,
    ) -> Result<Option<Entitlement>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            r#"select e.entitlement_id, e.registry_id, e.name, e.note, e.metadata, e.holder_user_id,
                      m.login as "holder_login?", e.holder_label, e.rights, e.rules, e.view_id, e.limits, e.sources,
                      e.not_before, e.expires_at, e.enabled, e.created_at, e.updated_at
               from entitlement e
               left join member m on m.org_id = e.org_id and m.user_id = e.holder_user_id
               where e.org_id = $1 and e.registry_id = $2 and e.entitlement_id = $3"#,
            org,
            registry.0,
            entitlement.0
        )
        .fetch_optional(self.connection())
        .await?
        .map(Entitlement::try_from)
        .transpose()
    }

    /// An entitlement that nobody else can change until this transaction ends.
    pub async fn find_entitlement_for_change(
        &mut self,
        registry: RegistryId,
        entitlement: EntitlementId,
    ) -> Result<Option<Entitlement>, StoreError> {
        let org = self.org().0;
        let locked = sqlx::query_scalar!(
            "select entitlement_id from entitlement
             where org_id = $1 and registry_id = $2 and entitlement_id = $3 for update",
            org,
            registry.0,
            entitlement.0
        )
        .fetch_optional(self.connection())
        .await?;
        match locked {
            // Read after the lock was got, so that a change that was waited for is seen.
            Some(_) => self.find_entitlement(registry, entitlement).await,
            None => Ok(None),
        }
    }

    /// How many entitlements a registry has.
    pub async fn count_entitlements(&mut self, registry: RegistryId) -> Result<i64, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            r#"select count(*) as "count!" from entitlement where org_id = $1 and registry_id = $2"#,
            org,
            registry.0
        )
        .fetch_one(self.connection())
        .await?)
    }

    /// A page of a registry's entitlements, oldest first, from just after a place in that order.
    pub async fn list_entitlements(
        &mut self,
        registry: RegistryId,
        after: Option<(Timestamp, EntitlementId)>,
        limit: i64,
    ) -> Result<Vec<Entitlement>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            r#"select e.entitlement_id, e.registry_id, e.name, e.note, e.metadata, e.holder_user_id,
                      m.login as "holder_login?", e.holder_label, e.rights, e.rules, e.view_id, e.limits, e.sources,
                      e.not_before, e.expires_at, e.enabled, e.created_at, e.updated_at
               from entitlement e
               left join member m on m.org_id = e.org_id and m.user_id = e.holder_user_id
               where e.org_id = $1 and e.registry_id = $2
                 and ($3::timestamptz is null or (e.created_at, e.entitlement_id) > ($3, $4))
               order by e.created_at, e.entitlement_id
               limit $5"#,
            org,
            registry.0,
            after.map(|(at, _)| at.inner()),
            after.map(|(_, id)| id.0),
            limit
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(Entitlement::try_from)
        .collect()
    }

    /// The member of this login, as a holder.
    pub async fn find_holder(&mut self, login: &Slug) -> Result<Option<Holder>, StoreError> {
        let org = self.org().0;
        let user =
            sqlx::query_scalar!("select user_id from member where org_id = $1 and login = $2", org, login.as_str())
                .fetch_optional(self.connection())
                .await?;
        Ok(user.map(|user| Holder::Member { user: UserId(user), login: login.clone() }))
    }

    /// Stores a new token of an entitlement.
    pub async fn insert_entitlement_token(&mut self, token: &NewEntitlementToken) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "insert into token
                 (org_id, token_id, kind, name, digest, pepper_version, hint, entitlement_id, created_by_user,
                  created_by_token, created_at)
             values ($1, $2, 'entitlement', $3, $4, $5, $6, $7, $8, $9, $10)",
            org,
            token.id.0,
            token.name,
            &token.digest.1.0[..],
            token.digest.0,
            token.hint,
            token.entitlement.0,
            token.created_by_user.map(|id| id.0),
            token.created_by_token.map(|id| id.0),
            token.created_at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The tokens of these entitlements that still open something, or will when their entitlement does.
    pub async fn list_entitlement_tokens(
        &mut self,
        entitlements: &[EntitlementId],
        now: Timestamp,
    ) -> Result<Vec<EntitlementToken>, StoreError> {
        let org = self.org().0;
        let wanted: Vec<Uuid> = entitlements.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"select token_id, entitlement_id as "entitlement_id!", hint, created_at, expires_at, last_used_on
               from token
               where org_id = $1 and entitlement_id = any($2) and revoked_at is null
                 and (expires_at is null or expires_at > $3)
               order by created_at, token_id"#,
            org,
            &wanted,
            now.inner()
        )
        .fetch_all(self.connection())
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| EntitlementToken {
                id: TokenId(row.token_id),
                entitlement: EntitlementId(row.entitlement_id),
                hint: row.hint,
                created_at: Timestamp::new(row.created_at),
                expires_at: row.expires_at.map(Timestamp::new),
                last_used_on: row.last_used_on,
            })
            .collect())
    }

    /// Lets the live tokens of an entitlement end at a moment, unless they end before it; names them.
    pub async fn expire_entitlement_tokens(
        &mut self,
        entitlement: EntitlementId,
        now: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError> {
        let org = self.org().0;
        let ids = sqlx::query_scalar!(
            "update token
             set expires_at = least(expires_at, $4)
             where org_id = $1 and entitlement_id = $2 and revoked_at is null and (expires_at is null or expires_at > $3)
             returning token_id",
            org,
            entitlement.0,
            now.inner(),
            at.inner()
        )
        .fetch_all(self.connection())
        .await?;
        Ok(ids.into_iter().map(TokenId).collect())
    }

    /// Revokes the live tokens of an entitlement; names them. Unlike an end in the past, this asks no clock.
    pub async fn revoke_entitlement_tokens(
        &mut self,
        entitlement: EntitlementId,
        now: Timestamp,
        by: TokenId,
    ) -> Result<Vec<TokenId>, StoreError> {
        let org = self.org().0;
        let ids = sqlx::query_scalar!(
            "update token
             set revoked_at = $3, revoked_by_token = $4
             where org_id = $1 and entitlement_id = $2 and revoked_at is null and (expires_at is null or expires_at > $3)
             returning token_id",
            org,
            entitlement.0,
            now.inner(),
            by.0
        )
        .fetch_all(self.connection())
        .await?;
        Ok(ids.into_iter().map(TokenId).collect())
    }
}
