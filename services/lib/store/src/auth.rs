//! What a token stands for. The one look-up that precedes knowing the org, and its sister for a token that is named.

use crate::{Database, StoreError, TenantTx};
use ipnet::IpNet;
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;
use wharf_domain::entitlement::{Terms, Window};
use wharf_domain::principal::Grant;
use wharf_domain::token::TokenDigest;
use wharf_domain::{EntitlementId, OrgId, Principal, RegistryId, Role, Scope, Timestamp, TokenId, TokenKind, UserId};

/// A stored token: who it stands for, and when and from where it holds.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who it stands for.
    pub principal: Principal,
    /// When and from where the token holds.
    pub token: Window,
    /// When, from where and whether the entitlement behind it holds.
    pub entitlement: Option<Window>,
}

struct Row {
    org_id: Uuid,
    token_id: Uuid,
    kind: String,
    scopes: Vec<String>,
    token_sources: Vec<String>,
    token_expires_at: Option<OffsetDateTime>,
    user_id: Option<Uuid>,
    role: Option<String>,
    entitlement_id: Option<Uuid>,
    registry_id: Option<Uuid>,
    rights: Option<Value>,
    rules: Option<Value>,
    sources: Option<Vec<String>>,
    not_before: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    enabled: Option<bool>,
}

/// Finds the token stored under one of these digests; `None` when there is none or it was revoked.
pub async fn find_by_digest_any_org(
    database: &Database,
    digests: &[TokenDigest],
) -> Result<Option<Standing>, StoreError> {
    let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.0.to_vec()).collect();
    let row = sqlx::query_as!(
        Row,
        r#"select org_id as "org_id!", token_id as "token_id!", kind as "kind!", scopes as "scopes!",
                  token_sources as "token_sources!", token_expires_at, user_id, role,
                  entitlement_id, registry_id, rights, rules, sources, not_before, expires_at, enabled
           from auth_lookup($1)"#,
        &digests
    )
    .fetch_optional(&mut database.lend().await?)
    .await?;
    row.map_or(Ok(None), standing)
}

/// Finds a token of an org by its identity; `None` when there is none or it was revoked. Whoever asks has to have
/// checked that the identity was not merely guessed: it is no secret.
pub async fn find_named(database: &Database, org: OrgId, token: TokenId) -> Result<Option<Standing>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select org_id as "org_id!", token_id as "token_id!", kind as "kind!", scopes as "scopes!",
                  token_sources as "token_sources!", token_expires_at, user_id, role,
                  entitlement_id, registry_id, rights, rules, sources, not_before, expires_at, enabled
           from auth_lookup_named($1, $2)"#,
        org.0,
        token.0
    )
    .fetch_optional(&mut database.lend().await?)
    .await?;
    row.map_or(Ok(None), standing)
}

/// `None` for a token whose member left: it has nobody to stand for.
fn standing(row: Row) -> Result<Option<Standing>, StoreError> {
    let place = |column: &str| format!("token.{column} of {}", row.token_id);
    let kind = TokenKind::parse(&row.kind).ok_or_else(|| StoreError::corrupt(place("kind"), &row.kind))?;
    let networks = |sources: &[String], column: &str| -> Result<Vec<IpNet>, StoreError> {
        sources.iter().map(|text| text.parse().map_err(|error| StoreError::corrupt(place(column), error))).collect()
    };
    let token = Window {
        not_before: None,
        expires_at: row.token_expires_at.map(Timestamp::new),
        sources: wharf_trial::mutant!(TokenNetworksIgnored => Vec::new(); networks(&row.token_sources, "sources")?),
        enabled: true,
    };
    let (grant, entitlement) = match (row.entitlement_id, row.registry_id, row.rights, row.rules) {
        (Some(entitlement), Some(registry), Some(rights), Some(rules)) => {
            let terms = Terms {
                rights: serde_json::from_value(rights).map_err(|e| StoreError::corrupt(place("rights"), e))?,
                rules: serde_json::from_value(rules).map_err(|e| StoreError::corrupt(place("rules"), e))?,
            };
            let window = Window {
                not_before: row.not_before.map(Timestamp::new),
                expires_at: row.expires_at.map(Timestamp::new),
                sources: networks(row.sources.as_deref().unwrap_or_default(), "entitlement.sources")?,
                enabled: row.enabled.unwrap_or(false),
            };
            let view = Arc::new(terms.view());
            let grant = Grant::Entitled {
                entitlement: EntitlementId(entitlement),
                registry: RegistryId(registry),
                rights: terms.rights,
                view,
            };
            (grant, Some(window))
        }
        _ => {
            let (Some(user), Some(role)) = (row.user_id, row.role.as_deref()) else { return Ok(None) };
            let role = Role::parse(role).ok_or_else(|| StoreError::corrupt(place("role"), role))?;
            let given: Vec<Scope> = row
                .scopes
                .iter()
                .map(|text| Scope::parse(text).map_err(|error| StoreError::corrupt(place("scopes"), error)))
                .collect::<Result<_, _>>()?;
            let scopes = wharf_trial::mutant!(EmptyScopesMeanAll =>
                if given.is_empty() { wharf_domain::Verb::ALL.map(Scope::everywhere).to_vec() } else { given };
                given);
            (Grant::Member { user: UserId(user), role, scopes }, None)
        }
    };
    let principal = Principal { org: OrgId(row.org_id), token: TokenId(row.token_id), kind, grant };
    Ok(Some(Standing { principal, token, entitlement }))
}

impl TenantTx {
    /// Notes the day on which tokens were last used. Days, not moments: enough to find forgotten tokens, too little to
    /// follow a person.
    pub async fn touch_tokens(&mut self, tokens: &[TokenId], now: Timestamp) -> Result<(), StoreError> {
        let org = self.org().0;
        let tokens: Vec<uuid::Uuid> = tokens.iter().map(|id| id.0).collect();
        sqlx::query!(
            "update token set last_used_on = $3
             where org_id = $1 and token_id = any ($2) and (last_used_on is null or last_used_on < $3)",
            org,
            &tokens,
            now.inner().date(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
