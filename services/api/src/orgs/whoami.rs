//! What the caller's token is.

use crate::frame::{Caller, Reply, reply};
use crate::tokens::TokenView;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use wharf_domain::entitlement::Rights;
use wharf_registry::orgs::IdentityBearer;

/// What a token is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Whoami {
    /// The org it belongs to.
    org: String,
    token_id: Uuid,
    /// personal, upload, download, entitlement, ci or service.
    kind: &'static str,
    /// The member it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<WhoamiMember>,
    /// The token, if it stands for a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenView>,
    /// The entitlement it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlement: Option<WhoamiEntitlement>,
}

/// The member a token stands for.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoamiMember {
    login: String,
    name: Option<String>,
    /// owner, admin, publisher, reader or auditor.
    role: &'static str,
}

/// The entitlement a token opens.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoamiEntitlement {
    id: Uuid,
    /// The one registry it speaks of.
    registry: String,
    /// Crate patterns by right.
    #[schema(value_type = Object)]
    rights: Rights,
}

/// Say who I am
///
/// What the token in the request is and stands for. Accepts every kind of token.
#[utoipa::path(get, path = "/api/v1/whoami", operation_id = "whoami", tag = "about",
    responses((status = 200, body = Whoami)))]
pub(crate) async fn whoami(caller: Caller) -> Reply {
    let identity = caller.site.whoami(&caller.actor).await?;
    let (member, token, entitlement) = match identity.bearer {
        IdentityBearer::Member { member, token } => {
            let shown = WhoamiMember { login: member.login.to_string(), name: member.name, role: member.role.as_str() };
            (Some(shown), Some(TokenView::from(*token)), None)
        }
        IdentityBearer::Entitlement { id, registry, rights } => {
            (None, None, Some(WhoamiEntitlement { id: id.0, registry: registry.to_string(), rights }))
        }
    };
    reply::ok(&Whoami {
        org: identity.org.slug.to_string(),
        token_id: identity.token.0,
        kind: identity.kind.as_str(),
        member,
        token,
        entitlement,
    })
}
