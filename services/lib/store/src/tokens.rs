//! Tokens of members. What is stored of a token opens nothing.

use crate::{StoreError, TenantTx};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;
use wharf_domain::token::TokenDigest;
use wharf_domain::{Scope, Slug, Timestamp, TokenId, TokenKind, UserId};

/// A member's token as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// Its identity.
    pub id: TokenId,
    /// What it is for.
    pub kind: TokenKind,
    /// What its holder calls it.
    pub name: String,
    /// By which the holder recognises it.
    pub hint: String,
    /// Whose it is.
    pub user: UserId,
    /// The login of that member.
    pub login: Slug,
    /// What it may do, within the member's role.
    pub scopes: Vec<Scope>,
    /// From where it may be used; from anywhere when empty.
    pub sources: Vec<IpNet>,
    /// The token with which it was issued; none for the operator's own commands.
    pub created_by_token: Option<TokenId>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// The day it was last used, UTC.
    pub last_used_on: Option<Date>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

struct Row {
    token_id: Uuid,
    kind: String,
    name: String,
    hint: String,
    user_id: Uuid,
    login: String,
    scopes: Vec<String>,
    sources: Vec<String>,
    created_by_token: Option<Uuid>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    last_used_on: Option<Date>,
    revoked_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for StoredToken {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let place = |column: &str| format!("token.{column} of {}", row.token_id);
        Ok(Self {
            id: TokenId(row.token_id),
            kind: TokenKind::parse(&row.kind).ok_or_else(|| StoreError::corrupt(place("kind"), &row.kind))?,
            login: Slug::parse(&row.login).map_err(|error| StoreError::corrupt(place("user_id"), error))?,
            scopes: row
                .scopes
                .iter()
                .map(|text| Scope::parse(text).map_err(|error| StoreError::corrupt(place("scopes"), error)))
                .collect::<Result<_, _>>()?,
            sources: row
                .sources
                .iter()
                .map(|text| text.parse().map_err(|error| StoreError::corrupt(place("sources"), error)))
                .collect::<Result<_, _>>()?,
            name: row.name,
            hint: row.hint,
            user: UserId(row.user_id),
            created_by_token: row.created_by_token.map(TokenId),
            created_at: Timestamp::new(row.created_at),
            expires_at: row.expires_at.map(Timestamp::new),
            last_used_on: row.last_used_on,
            revoked_at: row.revoked_at.map(Timestamp::new),
        })
    }
}

impl TenantTx {
    /// Stores a token under its digest. Constraint `token_digest_key` refuses one that is stored already.
    pub async fn insert_token(
        &mut self,
        token: &StoredToken,
        (pepper, digest): (i16, TokenDigest),
        created_by_user: Option<UserId>,
    ) -> Result<(), StoreError> {
        let org = self.org().0;
        let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
        let sources: Vec<String> = token.sources.iter().map(ToString::to_string).collect();
        sqlx::query!(
            "insert into token
                 (org_id, token_id, kind, name, digest, pepper_version, hint, user_id, scopes, sources,
                  created_by_user, created_by_token, created_at, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            org,
            token.id.0,
            token.kind.as_str(),
            token.name,
            &digest.0[..],
            pepper,
            token.hint,
            token.user.0,
            &scopes,
            &sources,
            created_by_user.map(|id| id.0),
            token.created_by_token.map(|id| id.0),
            token.created_at.inner(),
            token.expires_at.map(Timestamp::inner),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// A page of members' tokens, oldest first: of one member, or of all.
    pub async fn list_tokens(
        &mut self,
        of: Option<UserId>,
        after: Option<(Timestamp, Uuid)>,
        limit: i64,
    ) -> Result<Vec<StoredToken>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            r#"select t.token_id, t.kind, t.name, t.hint, m.user_id, m.login, t.scopes, t.sources, t.created_by_token,
                      t.created_at, t.expires_at, t.last_used_on, t.revoked_at
               from token t
               join member m on m.org_id = t.org_id and m.user_id = t.user_id
               where t.org_id = $1
                 and ($2::uuid is null or t.user_id = $2)
                 and ($3::timestamptz is null or (t.created_at, t.token_id) > ($3, $4::uuid))
               order by t.created_at, t.token_id
               limit $5"#,
            org,
            of.map(|id| id.0),
            after.map(|(at, _)| at.inner()),
            after.map(|(_, id)| id),
            limit
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(StoredToken::try_from)
        .collect()
    }

    /// A member's token.
    pub async fn find_token(&mut self, token: TokenId) -> Result<Option<StoredToken>, StoreError> {
        let org = wharf_trial::mutant!(OrgForgotten =>
            sqlx::query_scalar("select org_id from token where token_id = $1").bind(token.0)
                .fetch_optional(self.connection()).await?.unwrap_or_default();
            self.org().0);
        sqlx::query_as!(
            Row,
            r#"select t.token_id, t.kind, t.name, t.hint, m.user_id, m.login, t.scopes, t.sources, t.created_by_token,
                      t.created_at, t.expires_at, t.last_used_on, t.revoked_at
               from token t
               join member m on m.org_id = t.org_id and m.user_id = t.user_id
               where t.org_id = $1 and t.token_id = $2"#,
            org,
            token.0
        )
        .fetch_optional(self.connection())
        .await?
        .map(StoredToken::try_from)
        .transpose()
    }

    /// The same, locked until the end of the transaction: nobody revokes it meanwhile.
    pub async fn find_token_for_change(&mut self, token: TokenId) -> Result<Option<StoredToken>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            r#"select t.token_id, t.kind, t.name, t.hint, m.user_id, m.login, t.scopes, t.sources, t.created_by_token,
                      t.created_at, t.expires_at, t.last_used_on, t.revoked_at
               from token t
               join member m on m.org_id = t.org_id and m.user_id = t.user_id
               where t.org_id = $1 and t.token_id = $2
               for update of t"#,
            org,
            token.0
        )
        .fetch_optional(self.connection())
        .await?
        .map(StoredToken::try_from)
        .transpose()
    }

    /// Whether a token with this digest is stored in the org.
    pub async fn token_exists(&mut self, digests: &[TokenDigest]) -> Result<bool, StoreError> {
        let org = self.org().0;
        let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.0.to_vec()).collect();
        Ok(sqlx::query_scalar!(
            r#"select exists (select 1 from token where org_id = $1 and digest = any ($2)) as "exists!""#,
            org,
            &digests
        )
        .fetch_one(self.connection())
        .await?)
    }

    /// Whether a member has a token of this name that has not ended.
    pub async fn has_live_token(&mut self, user: UserId, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            r#"select exists (
                   select 1 from token
                   where org_id = $1 and user_id = $2 and name = $3 and revoked_at is null
                     and (expires_at is null or expires_at > $4)
               ) as "has!""#,
            org,
            user.0,
            name,
            now.inner()
        )
        .fetch_one(self.connection())
        .await?)
    }

    /// How many tokens of a member have not ended.
    pub async fn count_live_tokens(&mut self, user: UserId, now: Timestamp) -> Result<i64, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            r#"select count(*) as "count!" from token
               where org_id = $1 and user_id = $2 and revoked_at is null and (expires_at is null or expires_at > $3)"#,
            org,
            user.0,
            now.inner()
        )
        .fetch_one(self.connection())
        .await?)
    }

    /// Whether a member has, or ever had, a token.
    pub async fn had_token(&mut self, user: UserId) -> Result<bool, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            r#"select exists (select 1 from token where org_id = $1 and user_id = $2) as "had!""#,
            org,
            user.0
        )
        .fetch_one(self.connection())
        .await?)
    }

    /// Revokes a token for good.
    pub async fn revoke_token(&mut self, token: TokenId, at: Timestamp, by: Option<TokenId>) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "update token set revoked_at = $3, revoked_by_token = $4
             where org_id = $1 and token_id = $2 and revoked_at is null",
            org,
            token.0,
            at.inner(),
            by.map(|id| id.0)
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Lets a token end at a moment, if it would not end earlier by itself.
    pub async fn shorten_token(&mut self, token: TokenId, until: Timestamp) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "update token set expires_at = least(expires_at, $3) where org_id = $1 and token_id = $2",
            org,
            token.0,
            until.inner()
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
