//! Lists tokens, without their texts.

use super::TokenView;
use crate::frame::{Caller, List, PageQuery, Query, Reply, reply};
use actix_web::web::Path;

/// List tokens
///
/// One's own; those of all members for owners and admins. Entitlement tokens are listed with their entitlement.
#[utoipa::path(get, path = "/api/v1/orgs/{org}/tokens", operation_id = "list_tokens", tag = "tokens",
    params(("org" = String, Path, description = "the org's name in addresses"), PageQuery),
    responses((status = 200, body = List<TokenView>)))]
pub(crate) async fn list_tokens(caller: Caller, path: Path<String>, Query(query): Query<PageQuery>) -> Reply {
    let list = format!("orgs/{path}/tokens");
    let slice = query.slice(&caller, &list)?;
    let page = caller.site.list_tokens(&caller.actor, &path, slice).await?;
    reply::ok(&List::of(page, &caller, &list, TokenView::from))
}
