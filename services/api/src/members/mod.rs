//! Members over JSON.

mod add;
mod list;
mod remove;
mod update;

use crate::route::{MANAGEMENT, RouteSpec};
use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use wharf_domain::{Role, Timestamp};
use wharf_registry::members::ListedMember;

const COLLECTION: &str = "/api/v1/orgs/{org}/members";
const ITEM: &str = "/api/v1/orgs/{org}/members/{login}";

/// The routes of members.
pub const ROUTES: &[RouteSpec] = &[
    RouteSpec {
        method: "POST",
        template: COLLECTION,
        operation: "add_member",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(add::add_member),
    },
    RouteSpec {
        method: "GET",
        template: COLLECTION,
        operation: "list_members",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(list::list_members),
    },
    RouteSpec {
        method: "PATCH",
        template: ITEM,
        operation: "update_member",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::patch().to(update::update_member),
    },
    RouteSpec {
        method: "DELETE",
        template: ITEM,
        operation: "remove_member",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::delete().to(remove::remove_member),
    },
];

#[derive(OpenApi)]
#[openapi(paths(add::add_member, list::list_members, update::update_member, remove::remove_member))]
pub(crate) struct Doc;

/// The part a member plays.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
pub(crate) enum RoleView {
    /// Everything, and the only one who makes and unmakes owners.
    Owner,
    /// Everything but making owners.
    Admin,
    /// Reads every crate; publishes.
    Publisher,
    /// Reads every crate.
    Reader,
    /// Reads the audit, members and entitlements, and no crate.
    Auditor,
}

impl From<RoleView> for Role {
    fn from(role: RoleView) -> Self {
        match role {
            RoleView::Owner => Self::Owner,
            RoleView::Admin => Self::Admin,
            RoleView::Publisher => Self::Publisher,
            RoleView::Reader => Self::Reader,
            RoleView::Auditor => Self::Auditor,
        }
    }
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Publisher => Self::Publisher,
            Role::Reader => Self::Reader,
            Role::Auditor => Self::Auditor,
        }
    }
}

/// A member.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberView {
    id: Uuid,
    login: String,
    /// The name to show.
    name: Option<String>,
    /// Of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// person or service.
    kind: &'static str,
    role: RoleView,
    /// The number by which cargo knows the member as an owner of crates.
    owner_number: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<ListedMember> for MemberView {
    fn from(ListedMember { member, email }: ListedMember) -> Self {
        Self {
            id: member.user.0,
            login: member.login.to_string(),
            name: member.name,
            email,
            kind: member.kind.as_str(),
            role: member.role.into(),
            owner_number: member.owner_number,
            created_at: member.created_at,
        }
    }
}
