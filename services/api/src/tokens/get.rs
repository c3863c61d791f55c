//! Shows a token, without its text.

use super::TokenView;
use crate::frame::{Caller, Reply, reply};
use actix_web::web::Path;

/// Show a token
#[utoipa::path(get, path = "/api/v1/orgs/{org}/tokens/{id}", operation_id = "get_token", tag = "tokens",
    params(("org" = String, Path, description = "the org's name in addresses"),
           ("id" = String, Path, description = "the token's id")),
    responses((status = 200, body = TokenView)))]
pub(crate) async fn get_token(caller: Caller, path: Path<(String, String)>) -> Reply {
    let (org, id) = path.into_inner();
    let token = caller.site.get_token(&caller.actor, &org, &id).await?;
    reply::ok(&TokenView::from(token))
}
