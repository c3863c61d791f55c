//! What can go wrong with the database, sorted by what a caller can do about it.

use crate::tls::Distrust;

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or refuses work; trying again later may help.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The database is there, and is not the one that its address demands. Trying again does not help.
    #[error(transparent)]
    Distrusted(#[from] Distrust),
    /// A constraint of the schema refused the write.
    #[error("constraint {name} refused the write")]
    Constraint {
        /// The name of the constraint, as the migrations give it.
        name: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The connection broke or fell silent during COMMIT: the transaction may or may not have happened. Read back before answering.
    #[error("the outcome of the commit is unknown")]
    CommitUnknown(#[source] sqlx::Error),
    /// A stored value cannot be read as what it should be.
    #[error("unreadable value in {place}: {reason}")]
    Corrupt {
        /// Table, column and key.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A mistake of ours: a query that does not fit the schema, a missing grant.
    #[error("the database refused a query")]
    Query(#[source] sqlx::Error),
}

impl StoreError {
    /// A stored value that cannot be read.
    pub fn corrupt(place: impl Into<String>, reason: impl ToString) -> Self {
        Self::Corrupt { place: place.into(), reason: reason.to_string() }
    }

    /// Whether this is the refusal of a named constraint.
    #[must_use]
    pub fn is_constraint(&self, wanted: &str) -> bool {
        matches!(self, Self::Constraint { name, .. } if name == wanted)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(database) = error.as_database_error() {
            if let Some(name) = database.constraint() {
                return Self::Constraint { name: name.to_owned(), source: error };
            }
            let code = database.code().unwrap_or_default();
            // Classes 08 (connection), 40 (rollback), 53 (resources), 57 (operator intervention, shutdown), 58 (system); and
            // what a server says that takes no connections: 28 (login), 3D (no such database), 55 (not in that state).
            return if ["08", "28", "3D", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class)) {
                Self::Unavailable(error)
            } else {
                Self::Query(error)
            };
        }
        if let Some(distrust) = Distrust::behind(&error) {
            return Self::Distrusted(distrust);
        }
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error),
            other => Self::Query(other),
        }
    }
}
