//! Why a ticket is refused.

/// The rule a ticket breaks. The client is told none of this: every refusal is the same 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TicketError {
    /// The host is not a lower- or upper-case name or address with an optional port.
    #[error("the host is not well formed")]
    Host,
    /// The path is not `/v1/<org-id|pub>/<sha256-hex>.crate` in its one spelling.
    #[error("the path is not that of a ticket")]
    Path,
    /// The query is not `e=…&k=…&s=…` in its one spelling.
    #[error("the query is not that of a ticket")]
    Query,
    /// The key is not in the ring.
    #[error("the signing key is not known")]
    UnknownKey,
    /// The signature does not belong to these fields.
    #[error("the signature does not match")]
    Signature,
    /// The expiry, and the skew allowed after it, have passed.
    #[error("the ticket has expired")]
    Expired,
    /// The org has raised its epoch since the ticket was minted.
    #[error("the ticket was withdrawn")]
    Withdrawn,
}
