//! The only way to tenant rows: a transaction that has told the database whose rows it may see.

use crate::index_change::Unnumbered;
use crate::loan::Loan;
use crate::{Database, StoreError};
use sqlx::postgres::{PgDatabaseError, PgSeverity};
use sqlx::{AssertSqlSafe, SqlSafeStr};
use wharf_domain::OrgId;

/// A transaction within one org. Row-level security shows it that org's rows and no others; dropping it rolls back.
#[derive(Debug)]
pub struct TenantTx {
    org: OrgId,
    loan: Loan,
    announced: bool,
    unnumbered: Vec<Unnumbered>,
}

impl TenantTx {
    /// Begins a transaction within `org`, in one round trip. The setting is local: it ends with the transaction, so
    /// neither a pooled connection nor a transaction-pooling proxy can carry it to another request.
    pub async fn begin(database: &Database, org: OrgId) -> Result<Self, StoreError> {
        Self::begin_with(database, org, "begin").await
    }

    /// Begins a transaction that only reads, and all of whose queries see one moment.
    pub async fn begin_snapshot(database: &Database, org: OrgId) -> Result<Self, StoreError> {
        Self::begin_with(database, org, "begin isolation level repeatable read read only").await
    }

    async fn begin_with(database: &Database, org: OrgId, begin: &'static str) -> Result<Self, StoreError> {
        // The id is a UUID by type; nothing else is ever interpolated into SQL.
        let local = wharf_trial::mutant!(SettingOutlivesTransaction => "false"; "true");
        // A server, database or role that is set to answer commits before they are on disk must not make us do so.
        let durable = wharf_trial::mutant!(CommitNotOnDisk => "off"; "on");
        let begin = format!(
            "{begin}; select set_config('app.org_id', '{}', {local}),
                             case current_setting('synchronous_commit')
                                 when 'off' then set_config('synchronous_commit', '{durable}', true) end",
            org.0
        );
        let mut loan = database.lend().await?;
        loan.begin_with(AssertSqlSafe(begin).into_sql_str()).await?;
        Ok(Self { org, loan, announced: false, unnumbered: Vec::new() })
    }

    /// The org whose rows this transaction sees.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The connection, for the queries of this crate.
    pub(crate) fn connection(&mut self) -> &mut Loan {
        &mut self.loan
    }

    pub(crate) fn mark_announced(&mut self) {
        self.announced = true;
    }

    pub(crate) fn has_announced(&self) -> bool {
        self.announced
    }

    pub(crate) fn unnumbered(&mut self) -> &mut Vec<Unnumbered> {
        &mut self.unnumbered
    }

    /// Makes everything durable. When the connection breaks or falls silent on the way the outcome is [`StoreError::CommitUnknown`].
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.number_changes().await?;
        wharf_trial::moment!("commit: changes numbered");
        self.loan.commit().await.map_err(|error| {
            if is_refusal(&error) { StoreError::from(error) } else { StoreError::CommitUnknown(error) }
        })
    }
}

/// Whether the server itself says that it did not commit. A server that ends the connection (FATAL: it is shut down, or an
/// administrator ended the session) may do so between committing and saying so.
fn is_refusal(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|error| !matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}
