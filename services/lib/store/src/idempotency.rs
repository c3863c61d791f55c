//! Remembered answers of creates. What is stored is sealed by the caller of this module; nothing here can be read
//! without the token that asked.

use crate::{StoreError, TenantTx};
use wharf_domain::{Timestamp, TokenId};

/// A remembered answer.
#[derive(Clone, PartialEq, Eq)]
pub struct RememberedAnswer {
    /// Digest of the request it answered.
    pub request: [u8; 32],
    /// The answer, sealed.
    pub sealed: Vec<u8>,
}

impl TenantTx {
    /// Waits for other transactions with the same key, and holds them off until this one ends; `false` when another is
    /// ahead for longer than a few seconds. After that this transaction can only be dropped.
    pub async fn lock_idempotency(&mut self, key: &[u8; 32]) -> Result<bool, StoreError> {
        let [a, b, c, d, e, f, g, h, ..] = *key;
        let number = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
        sqlx::query!("set local lock_timeout = '5s'").execute(self.connection()).await?;
        match sqlx::query!(r#"select pg_advisory_xact_lock($1)::text as "locked""#, number)
            .fetch_one(self.connection())
            .await
        {
            Ok(_) => Ok(true),
            // lock_not_available
            Err(error) if error.as_database_error().and_then(|e| e.code()).as_deref() == Some("55P03") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The answer remembered under this key of this token.
    pub async fn find_answer(
        &mut self,
        token: TokenId,
        key: &[u8; 32],
    ) -> Result<Option<RememberedAnswer>, StoreError> {
        let org = self.org().0;
        let row = sqlx::query!(
            "select request_digest, sealed_body from idempotency
             where org_id = $1 and token_id = $2 and key_digest = $3",
            org,
            token.0,
            &key[..]
        )
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| {
            let request = row.request_digest.try_into().map_err(|_| {
                StoreError::corrupt(format!("idempotency.request_digest of token {token}"), "not 32 bytes")
            })?;
            Ok(RememberedAnswer { request, sealed: row.sealed_body })
        })
        .transpose()
    }

    /// Remembers an answer.
    pub async fn insert_answer(
        &mut self,
        token: TokenId,
        key: &[u8; 32],
        answer: &RememberedAnswer,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let org = self.org().0;
        // Only creates are remembered, and a create that is done answers 201.
        sqlx::query!(
            "insert into idempotency (org_id, token_id, key_digest, request_digest, status, sealed_body, at)
             values ($1, $2, $3, $4, 201, $5, $6)",
            org,
            token.0,
            &key[..],
            &answer.request[..],
            answer.sealed,
            at.inner()
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
