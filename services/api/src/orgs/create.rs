//! Founds an org.

use super::OrgView;
use crate::frame::{Body, Caller, Reply, reply};
use crate::members::MemberView;
use crate::tokens::SecretView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_registry::members::ListedMember;
use wharf_registry::orgs::NewOrg;

/// An org to found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateOrg {
    /// Its name in addresses: 2 to 40 of a-z, 0-9 and `-`.
    slug: String,
    /// Its name for people; the slug when absent.
    name: Option<String>,
}

/// A founded org, with its first owner's first token.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedOrg {
    org: OrgView,
    owner: MemberView,
    token: SecretView,
}

/// Found an org
///
/// The caller becomes its owner and gets a first token for it, shown once. Needs a personal token of an account that
/// may make orgs.
#[utoipa::path(post, path = "/api/v1/orgs", operation_id = "create_org", tag = "orgs",
    params(("Idempotency-Key" = Option<String>, Header, description = "makes it safe to send again")),
    request_body = CreateOrg, responses((status = 201, body = CreatedOrg)))]
pub(crate) async fn create_org(caller: Caller, body: Body<CreateOrg>) -> Reply {
    let once = caller.once(&body.bytes)?;
    let Body { value, .. } = body;
    let new = NewOrg { slug: value.slug, name: value.name };
    let founded = caller.site.create_org(&caller.actor, new, once.as_ref()).await?;
    let location = format!("/api/v1/orgs/{}", founded.org.slug);
    let token = SecretView::new(&founded.issued, &caller.site, &founded.org.slug);
    let owner = ListedMember { member: founded.owner, email: None }.into();
    reply::created(location, &CreatedOrg { org: founded.org.into(), owner, token })
}
