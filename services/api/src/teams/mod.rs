//! Teams over JSON.

mod create;
mod list;
mod seat;

use crate::route::{MANAGEMENT, RouteSpec};
use actix_web::web;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use wharf_domain::Timestamp;
use wharf_registry::teams::Team;

const COLLECTION: &str = "/api/v1/orgs/{org}/teams";
const SEAT: &str = "/api/v1/orgs/{org}/teams/{team}/members/{login}";

/// The routes of teams.
pub const ROUTES: &[RouteSpec] = &[
    RouteSpec {
        method: "POST",
        template: COLLECTION,
        operation: "create_team",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::post().to(create::create_team),
    },
    RouteSpec {
        method: "GET",
        template: COLLECTION,
        operation: "list_teams",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::get().to(list::list_teams),
    },
    RouteSpec {
        method: "PUT",
        template: SEAT,
        operation: "add_team_member",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::put().to(seat::add_team_member),
    },
    RouteSpec {
        method: "DELETE",
        template: SEAT,
        operation: "remove_team_member",
        kinds: MANAGEMENT,
        session: false,
        handler: || web::delete().to(seat::remove_team_member),
    },
];

#[derive(OpenApi)]
#[openapi(paths(create::create_team, list::list_teams, seat::add_team_member, seat::remove_team_member))]
pub(crate) struct Doc;

/// A team.
#[derive(Serialize, ToSchema)]
#[schema(as = Team)]
pub(crate) struct TeamView {
    id: Uuid,
    slug: String,
    name: String,
    /// The logins of those in it.
    members: Vec<String>,
    /// The number by which cargo knows the team as an owner of crates.
    owner_number: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        Self {
            id: team.id.0,
            slug: team.slug.to_string(),
            name: team.name,
            members: team.members.iter().map(ToString::to_string).collect(),
            owner_number: team.owner_number,
            created_at: team.created_at,
        }
    }
}
