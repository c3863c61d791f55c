//! Yank and unyank: whether new resolutions may choose a version. Its bytes stay, for those who locked it.

use crate::catalog::RegistryEntry;
use crate::crates::{Seen, get_seen, require};
use crate::{Actor, Error, Result, Site};
use semver::Version;
use serde_json::json;
use std::sync::Arc;
use wharf_cargo_wire::with_yanked;
use wharf_domain::{CrateVersion, Verb, View};
use wharf_store::Change;

impl Site {
    /// Yanks a version, or takes the yank back. Doing it again changes nothing.
    ///
    /// `number` may leave out build metadata; when it has some, they must be those of the version.
    ///
    /// Errors: `NotFound` when the view does not hold the version; `Forbidden` when it does, but the right is lacking.
    pub async fn set_yanked(
        self: &Arc<Self>,
        actor: &Actor,
        entry: &RegistryEntry,
        view: &View,
        name: &str,
        number: &str,
        yanked: bool,
    ) -> Result<()> {
        wharf_trial::mutant!(YankBeyondView {
            if *view != View::everything() {
                return Box::pin(self.set_yanked(actor, entry, &View::everything(), name, number, yanked)).await;
            }
        });
        let Ok(wanted) = CrateVersion::parse(number) else { return Err(Error::not_found()) };
        self.require_in_view(entry, view, name, |version| names(wanted.semver(), &version.number)).await?;
        let mut transaction = self.begin(entry.address.org).await?;
        let Seen { krate, sight } = get_seen(&mut transaction, entry, view, name).await?;
        let version = transaction
            .find_version(krate.id, &wanted.without_build())
            .await?
            .filter(|version| names(wanted.semver(), version.number.semver()))
            .filter(|version| sight.shows(version.number.semver(), version.published_at))
            .ok_or_else(Error::not_found)?;
        require(&mut transaction, actor, entry.place(), &krate, Verb::Yank).await?;

        let now = self.clock.now();
        if !transaction.set_yanked(krate.id, version.id, yanked, now).await? {
            // Announced again: whoever yanked it may have died before the replicas knew, and this answer promises it too.
            let change = Change::Crate {
                registry: entry.address.registry,
                krate: krate.id,
                name: krate.name,
                revision: krate.revision,
            };
            transaction.announce(&change, now).await?;
            self.settle(transaction).await?;
            return Ok(());
        }
        wharf_trial::moment!("yank: marked");
        let line = transaction.get_index_line(version.id).await?;
        let line = with_yanked(&line, yanked).map_err(Error::internal)?;
        transaction.set_index_line(version.id, &line).await?;
        wharf_trial::moment!("yank: line written");
        let revision = transaction.raise_revision(krate.id).await?;
        let change =
            Change::Crate { registry: entry.address.registry, krate: krate.id, name: krate.name.clone(), revision };
        transaction.announce(&change, now).await?;
        let action = if yanked { "version.yank" } else { "version.unyank" };
        let object = json!({
            "registry": entry.address.registry_slug,
            "crate": krate.name.as_str(),
            "version": version.number.to_string(),
            "version_id": version.id,
        });
        transaction.record(&actor.entry(self, action, object, json!({}))).await?;
        self.settle(transaction).await?;
        Ok(())
    }
}

/// Whether a number given by a person means this published number.
fn names(wanted: &Version, published: &Version) -> bool {
    wanted == published || (wanted.build.is_empty() && wanted.cmp_precedence(published).is_eq())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_metadata_may_be_left_out_but_not_differ() {
        let version = |text: &str| text.parse().unwrap();
        for (wanted, published, same) in [
            ("1.0.0", "1.0.0", true),
            ("1.0.0", "1.0.0+a", true),
            ("1.0.0+a", "1.0.0+a", true),
            ("1.0.0+b", "1.0.0+a", false),
            ("1.0.0+a", "1.0.0", false),
            ("1.0.0-rc", "1.0.0", false),
        ] {
            assert_eq!(names(&version(wanted), &version(published)), same, "{wanted} {published}");
        }
    }
}
