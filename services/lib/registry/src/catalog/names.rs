//! The names in a registry, and the newest revision heard of for each.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use tokio::sync::OnceCell;
use wharf_domain::{CanonicalName, CrateId, CrateName};
use wharf_store::StoreError;
use wharf_store::crate_index::ListedCrate;

/// A crate of a registry and the newest revision heard of.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The crate.
    pub id: CrateId,
    /// Its name as published.
    pub name: CrateName,
    /// The newest revision heard of.
    pub revision: i64,
}

/// The names of one registry. Crates are never removed and revisions only rise, so that what is heard from the feed and
/// what is loaded from the database can be merged in any order.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: RwLock<HashMap<CanonicalName, Listed>>,
    loaded: OnceCell<()>,
}

impl Names {
    /// Loads all names, once; concurrent callers wait for the same load. A failed load is tried again by the next caller.
    pub(crate) async fn load_once<F, L>(&self, list: L) -> Result<(), StoreError>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Vec<ListedCrate>, StoreError>>,
    {
        self.loaded
            .get_or_try_init(|| async {
                let crates = list().await?;
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.reserve(crates.len());
                for ListedCrate { id, name, revision } in crates {
                    merge(&mut known, Listed { id, name, revision });
                }
                Ok(())
            })
            .await
            .copied()
    }

    /// Takes in what the feed says.
    pub(crate) fn hear(&self, listed: Listed) {
        merge(&mut self.known.write().unwrap_or_else(PoisonError::into_inner), listed);
    }

    /// The crate of this spelling, case ignored.
    pub(crate) fn find(&self, name: &str) -> Option<Listed> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&canonical(name)).filter(|listed| listed.name.as_str().eq_ignore_ascii_case(name)).cloned()
    }
}

fn merge(known: &mut HashMap<CanonicalName, Listed>, fresh: Listed) {
    let held = known.entry(fresh.name.canonical()).or_insert_with(|| fresh.clone());
    held.revision = held.revision.max(fresh.revision);
}

/// The canonical form of a name that came in a request; a text that is no name becomes one that no crate has.
pub(crate) fn canonical(name: &str) -> CanonicalName {
    match CrateName::parse(name) {
        Ok(name) => name.canonical(),
        Err(_) => CrateName::parse("config-json").expect("well formed").canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, revision: i64) -> Listed {
        Listed { id: CrateId(uuid::Uuid::from_u128(7)), name: CrateName::parse(name).unwrap(), revision }
    }

    #[tokio::test]
    async fn hearing_and_loading_merge_in_any_order() {
        let names = Names::default();
        names.hear(listed("Foo_Bar", 5));
        let load = || async {
            let Listed { id, name, revision } = listed("Foo_Bar", 3);
            Ok(vec![ListedCrate { id, name, revision }])
        };
        names.load_once(load).await.unwrap();
        assert_eq!(names.find("foo_bar").unwrap().revision, 5);
        names.hear(listed("Foo_Bar", 4));
        assert_eq!(names.find("FOO_BAR").unwrap().revision, 5);
        assert!(names.find("foo-bar").is_none(), "clients probe the other spelling by themselves");
    }
}
