//! Accounts: the people and service accounts behind members. They belong to no org, so services reach them only through
//! the functions of `migrations/0006_walls.sql`; the owner of the database alone reads and writes them directly.

use crate::{StoreError, TenantTx};
use std::collections::HashMap;
use uuid::Uuid;
use wharf_domain::{Secret, Timestamp, UserId};

impl TenantTx {
    /// The account of an e-mail address, made when there is none. The answer does not tell which was the case.
    pub async fn account_for_email(&mut self, email: &str, fresh: UserId, at: Timestamp) -> Result<UserId, StoreError> {
        let id = sqlx::query_scalar!(r#"select account_for_email($1, $2, $3) as "id!""#, email, fresh.0, at.inner())
            .fetch_one(self.connection())
            .await?;
        Ok(UserId(id))
    }

    /// Makes an account for a machine.
    pub async fn create_service_account(&mut self, fresh: UserId, at: Timestamp) -> Result<(), StoreError> {
        sqlx::query!("select create_service_account($1, $2)", fresh.0, at.inner()).execute(self.connection()).await?;
        Ok(())
    }

    /// Whether an account may make orgs.
    pub async fn account_may_create_orgs(&mut self, account: UserId) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar!(r#"select account_may_create_orgs($1) as "may!""#, account.0)
            .fetch_one(self.connection())
            .await?)
    }

    /// The e-mail addresses of some of this org's members; service accounts have none.
    pub async fn member_emails(&mut self, members: &[UserId]) -> Result<HashMap<UserId, String>, StoreError> {
        let wanted: Vec<Uuid> = members.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"select user_id as "user_id!", email as "email!" from member_emails()
               where user_id = any ($1) and email is not null"#,
            &wanted
        )
        .fetch_all(self.connection())
        .await?;
        Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.email)).collect())
    }

    /// Lets an account make orgs, if it shall, and gives it a password, already hashed, unless it has one. Takes nothing
    /// away. Works for the owner of the database only: no service may touch accounts.
    pub async fn empower_account(
        &mut self,
        account: UserId,
        may_create_orgs: bool,
        password_hash: Option<&Secret>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update account
             set may_create_orgs = may_create_orgs or $2, password_hash = coalesce(password_hash, $3)
             where account_id = $1",
            account.0,
            may_create_orgs,
            password_hash.map(Secret::expose)
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
