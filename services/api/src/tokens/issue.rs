//! Issues a token.

use super::SecretView;
use crate::frame::{Body, Caller, Reply, reply};
use actix_web::web::Path;
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{Slug, Timestamp, TokenKind};
use wharf_registry::Error;
use wharf_registry::tokens::NewToken;

/// What a token is for.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NewTokenKind {
    /// The caller's own key.
    Personal,
    /// Publishes, and reads.
    Upload,
    /// Reads.
    Download,
    /// A service account's key.
    Service,
}

impl From<NewTokenKind> for TokenKind {
    fn from(kind: NewTokenKind) -> Self {
        match kind {
            NewTokenKind::Personal => Self::Personal,
            NewTokenKind::Upload => Self::Upload,
            NewTokenKind::Download => Self::Download,
            NewTokenKind::Service => Self::Service,
        }
    }
}

/// A token to issue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssueToken {
    kind: NewTokenKind,
    /// What you call it.
    name: String,
    /// The login of the service account it is for; yourself when absent.
    member: Option<String>,
    /// What it may do, as `verb@registry/pattern`: at most what your own token may. Upload and download tokens have the
    /// usual ones when absent.
    scopes: Option<Vec<String>>,
    /// The networks from which it may be used; like your own token when absent.
    sources: Option<Vec<String>>,
    /// Until when it holds: no longer than your own token. When absent 90 days, or 180 for download and service.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Issue a token
///
/// It gives no more than the token it is issued with. Its text is in this answer only.
#[utoipa::path(post, path = "/api/v1/orgs/{org}/tokens", operation_id = "issue_token", tag = "tokens",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("Idempotency-Key" = Option<String>, Header, description = "makes it safe to send again")),
    request_body = IssueToken, responses((status = 201, body = SecretView)))]
pub(crate) async fn issue_token(caller: Caller, path: Path<String>, body: Body<IssueToken>) -> Reply {
    let once = caller.once(&body.bytes)?;
    let Body { value, .. } = body;
    let new = NewToken {
        kind: value.kind.into(),
        name: value.name,
        member: value.member,
        scopes: value.scopes,
        sources: value.sources,
        expires_at: value.expires_at,
    };
    let issued = caller.site.issue_token(&caller.actor, &path, new, once.as_ref()).await?;
    let org = Slug::parse(&path).map_err(|_| Error::not_found())?;
    let location = format!("/api/v1/orgs/{org}/tokens/{}", issued.token.id);
    reply::created(location, &SecretView::new(&issued, &caller.site, &org))
}
