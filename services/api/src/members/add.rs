//! Adds a member.

use super::{MemberView, RoleView};
use crate::frame::{Body, Caller, Fault, Reply, reply};
use actix_web::web::Path;
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_registry::Error;
use wharf_registry::members::NewMember;

/// What is behind a member.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NewMemberKind {
    /// A person, known by an e-mail address.
    #[default]
    Person,
    /// A machine, which has tokens only.
    Service,
}

/// A member to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddMember {
    #[serde(default)]
    kind: NewMemberKind,
    /// Of a person; a service account has none.
    email: Option<String>,
    /// The name within the org: 2 to 40 of a-z, 0-9 and `-`.
    login: String,
    /// The name to show.
    name: Option<String>,
    role: RoleView,
}

fn read(wanted: AddMember) -> Result<NewMember, Fault> {
    let AddMember { kind, email, login, name, role } = wanted;
    let role = role.into();
    match (kind, email) {
        (NewMemberKind::Person, Some(email)) => Ok(NewMember::Person { email, login, name, role }),
        (NewMemberKind::Service, None) => Ok(NewMember::Service { login, name, role }),
        (NewMemberKind::Person, None) => Err(Error::invalid("email_missing", "a person has an `email`").into()),
        (NewMemberKind::Service, Some(_)) => {
            Err(Error::invalid("email_unfit", "a service account has no `email`").into())
        }
    }
}

/// Add a member
///
/// A person, or a service account. Only owners make owners.
#[utoipa::path(post, path = "/api/v1/orgs/{org}/members", operation_id = "add_member", tag = "members",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("Idempotency-Key" = Option<String>, Header, description = "makes it safe to send again")),
    request_body = AddMember, responses((status = 201, body = MemberView)))]
pub(crate) async fn add_member(caller: Caller, path: Path<String>, body: Body<AddMember>) -> Reply {
    let once = caller.once(&body.bytes)?;
    let added = caller.site.add_member(&caller.actor, &path, read(body.value)?, once.as_ref()).await?;
    let location = format!("/api/v1/orgs/{path}/members/{}", added.member.login);
    reply::created(location, &MemberView::from(added))
}
