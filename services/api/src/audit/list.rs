//! Lists audit entries.

use crate::frame::{Caller, List, PageQuery, Query, Reply, reply};
use actix_web::web::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use wharf_domain::Timestamp;
use wharf_registry::audit_log::AuditRecord;

/// Which entries are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only actions that begin so, like `token.` or `version.publish`.
    action: Option<String>,
    /// Most items on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
}

/// Who did what.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The login of the member who did it, if it is still one.
    actor: Option<String>,
    /// The token it was done with; absent for the operator's own commands.
    token: Option<Uuid>,
    /// `noun.verb`.
    action: String,
    /// To what: names and ids.
    #[schema(value_type = Object)]
    object: Value,
    /// What else matters: for a change, what it was before.
    #[schema(value_type = Object)]
    detail: Value,
    /// As in the answer's header `x-request-id`.
    request_id: String,
    /// The address it was asked from.
    source: Option<String>,
}

impl From<AuditRecord> for AuditEntry {
    fn from(record: AuditRecord) -> Self {
        Self {
            id: record.id,
            at: record.at,
            actor: record.actor.map(|login| login.to_string()),
            token: record.token.map(|id| id.0),
            action: record.action,
            object: record.object,
            detail: record.detail,
            request_id: record.request_id,
            source: record.source,
        }
    }
}

/// Read the audit
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/orgs/{org}/audit", operation_id = "list_audit", tag = "audit",
    params(("org" = String, Path, description = "the org's name in addresses"), AuditQuery),
    responses((status = 200, body = List<AuditEntry>)))]
pub(crate) async fn list_audit(caller: Caller, path: Path<String>, Query(query): Query<AuditQuery>) -> Reply {
    let AuditQuery { action, limit, cursor } = query;
    let action = action.unwrap_or_default();
    let list = format!("orgs/{path}/audit?{action}");
    let slice = PageQuery { limit, cursor }.slice(&caller, &list)?;
    let page = caller.site.list_audit(&caller.actor, &path, &action, slice).await?;
    reply::ok(&List::of(page, &caller, &list, AuditEntry::from))
}
