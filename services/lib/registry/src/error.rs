//! The one error of every verb: a kind, a stable code, a text for the caller and a cause for the log.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use wharf_store::StoreError;

/// What sort of refusal an error is. The services turn it into a status; see `chassis::faces`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No credential, or one that opens nothing.
    Unauthenticated,
    /// Does not exist, or the caller may not know whether it exists.
    NotFound,
    /// The caller may see it, but not do this to it.
    Forbidden,
    /// The request breaks a rule.
    Invalid,
    /// The request contradicts what is stored.
    Conflict,
    /// The request is larger than allowed.
    TooLarge,
    /// A limit of the caller's is used up.
    Limited,
    /// Something this needs is away; trying again later may help.
    Unavailable,
    /// A mistake of ours.
    Internal,
}

/// A refused or failed verb. `Display` prints only what the caller may read; [`Error::cause`] is for the log.
pub struct Error {
    kind: Kind,
    code: &'static str,
    message: String,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// What verbs return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a text for the caller.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), cause: None }
    }

    /// No credential was sent.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(
            Kind::Unauthenticated,
            "credential_missing",
            "this needs a token: send it in the Authorization header",
        )
    }

    /// A credential was sent that opens nothing: unknown, revoked, expired, out of its window or place. One text for
    /// all of these, so that a stolen token tells nothing of itself.
    #[must_use]
    pub fn bad_credential() -> Self {
        Self::new(
            Kind::Unauthenticated,
            "credential_refused",
            "this token is not valid here: it may be mistyped, expired, revoked, or not for use from your address; ask an \
             admin of your org for a new one",
        )
    }

    /// Absent or hidden: one text, no name in it.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "not_found", "there is no such thing here, or your token does not show it")
    }

    /// Seen, but not allowed.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, "forbidden", message)
    }

    /// A broken rule.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, message)
    }

    /// A contradiction with what is stored.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, message)
    }

    /// Something is away.
    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(
            Kind::Unavailable,
            "unavailable",
            "the registry cannot do this right now; nothing was changed, try again in a moment",
        )
        .because(cause)
    }

    /// A mistake of ours.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "internal", "something went wrong in the registry; tell its operator the request id")
            .because(cause)
    }

    /// The error of a look-up in which several took part, for one of them.
    pub(crate) fn shared(error: Arc<Self>) -> Self {
        Self { kind: error.kind, code: error.code, message: error.message.clone(), cause: Some(Box::new(error)) }
    }

    /// Adds what the log should know.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// What sort of refusal this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What the caller may read.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the log should know.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("code", &self.code)
            .field("message", &self.message)
            .field("cause", &self.cause)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Distrusted(_) => Self::unavailable(error),
            StoreError::CommitUnknown(_) => Self::new(
                Kind::Unavailable,
                "outcome_unknown",
                "the registry lost its database while saving; look whether the change was made before you try again",
            )
            .because(error),
            StoreError::Constraint { .. } | StoreError::Corrupt { .. } | StoreError::Query(_) => Self::internal(error),
        }
    }
}
