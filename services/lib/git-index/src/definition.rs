//! What a view may show, with the identity that equal rights share.

use wharf_domain::RegistryId;
use wharf_domain::view::{View, ViewId};

/// The rules of a view in one registry and their digest.
///
/// Making one hashes all rules, so whoever caches principals keeps it with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    id: ViewId,
    view: View,
}

impl Definition {
    /// Names the rules.
    #[must_use]
    pub fn new(view: View, registry: RegistryId) -> Definition {
        Definition { id: view.id(registry), view }
    }

    /// The digest of the rules within their registry: the key of everything that is kept for a view.
    #[must_use]
    pub fn id(&self) -> ViewId {
        self.id
    }

    /// The rules.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }
}
