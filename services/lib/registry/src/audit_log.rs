//! Reads the audit.

use crate::paging::{Page, Position, Slice};
use crate::{Actor, Error, Result, Site};
use wharf_domain::Verb;
pub use wharf_store::audit_log::AuditRecord;

impl Site {
    /// A page of the audit, newest first, of the actions that begin with `action`.
    pub async fn list_audit(&self, actor: &Actor, org: &str, action: &str, slice: Slice) -> Result<Page<AuditRecord>> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::AuditRead, None)?;
        let form = action.len() <= 64 && action.bytes().all(|byte| byte.is_ascii_lowercase() || b"._-".contains(&byte));
        if !form {
            return Err(Error::invalid(
                "action_invalid",
                "action is the beginning of an action's name, like `token.` or `version.publish`",
            ));
        }
        let records = tx.list_audit(action, slice.after(), slice.fetch()).await?;
        Ok(slice.page(records, |record| Position { at: record.at, id: record.id }))
    }
}
