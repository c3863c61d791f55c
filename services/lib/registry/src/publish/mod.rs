//! Publish: from an upload to a version that is durable, in the index, and never changes again.
//!
//! The order: size, JSON head, right on its name, archive and manifest, dependency
//! registries, blob, one transaction, answer. Nothing is written before everything was checked, the blob comes before
//! the row that needs it, and success is not told before the commit. A writer that dies on the way leaves at most a
//! blob that nobody names, which is collected later.

mod rules;

use crate::catalog::RegistryEntry;
use crate::crates::owns_or_need_not;
use crate::{Actor, Error, Kind, Result, Site};
use bytes::Bytes;
use rules::{Standing, check_any_right, check_index_file, check_registries, check_right, check_same};
use serde_json::{Value, json};
use std::error::Error as StdError;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wharf_blob::BlobError;
use wharf_cargo_wire::{
    FaultKind, FrameLimits, OwnIndexUrls, PublishError, PublishFrame, PublishLimits, PublishMetadata, Submission,
};
use wharf_domain::{CrateId, CrateName, Timestamp, VersionId};
use wharf_store::crates::{PublishSettings, StoredCrate};
use wharf_store::versions::{NewVersion, StoredVersion};
use wharf_store::{Change, StoreError, TenantTx};

/// Archives inflated at one time. Each costs a processor, and memory for a manifest and a list of names.
const CHECKS_MAX: usize = 4;
static CHECKS: Semaphore = Semaphore::const_new(CHECKS_MAX);

/// Publishes that look after their file at one time, each with a connection: a blob store that hangs must not take the
/// connections of everything else.
pub(crate) const FILE_HOLDERS_MAX: usize = 4;
/// How long a publish waits for its turn to.
const TURN_PATIENCE: Duration = Duration::from_secs(30);

impl Site {
    /// How large an upload to this registry may be, as its settings say now.
    pub async fn upload_limits(&self, entry: &RegistryEntry) -> Result<FrameLimits> {
        let mut transaction = self.begin(entry.address.org).await?;
        Ok(limits(&settings(&mut transaction, entry).await?))
    }

    /// Publishes an upload; tells what the publisher should be warned of.
    ///
    /// The same bytes again are a success that changes nothing; other bytes for a published version are refused for ever.
    pub async fn publish(&self, actor: &Actor, entry: &RegistryEntry, body: Bytes) -> Result<Vec<String>> {
        let mut transaction = self.begin(entry.address.org).await?;
        let settings = settings(&mut transaction, entry).await?;
        let PublishFrame { metadata, archive } =
            PublishFrame::parse(&body, &limits(&settings)).map_err(PublishError::from).map_err(refuse)?;
        let metadata = PublishMetadata::parse(&metadata).map_err(PublishError::from).map_err(refuse)?;

        check_any_right(&actor.principal, entry.place(), &metadata.name)?;
        let krate = transaction.find_crate(entry.address.registry, &metadata.name.canonical()).await?;
        self.authorize(&mut transaction, actor, entry, &metadata.name, krate.as_ref()).await?;
        let (mut published, mut index_bytes) = (None, 0);
        if let Some(krate) = &krate {
            // In this order: what is not there afterwards was not counted.
            index_bytes = transaction.get_index_file_bytes(krate.id).await?;
            published = transaction.find_version(krate.id, &metadata.version.without_build()).await?;
        }
        // The archive takes its time; no connection waits for it.
        drop(transaction);

        let submission = self.inspect(entry, metadata, archive.clone()).await?;
        check_registries(&submission.deps, &settings)?;
        match &published {
            Some(published) => check_same(&submission, published)?,
            // Judged again where no other publish can come between; here it keeps a file from being stored for nothing.
            None => {
                let line = submission.index_line(self.clock.now()).render();
                let added = i64::try_from(line.len() + 1).map_err(Error::internal)?;
                check_index_file(&submission.name, index_bytes + added)?;
            }
        }
        wharf_trial::moment!("publish: checked");
        self.store_file(&submission, archive.clone()).await?;
        wharf_trial::moment!("publish: file stored");

        let transaction = self.enter(actor, entry, &submission, &archive).await?;
        if let Err(lost) = self.settle(transaction).await {
            let StoreError::CommitUnknown(_) = lost else { return Err(lost.into()) };
            // Entering it once more decides the question: it waits for the lost transaction if that still runs, finds
            // its version if it was committed, and publishes if it was not.
            tracing::warn!(cause = &lost as &dyn StdError, "a publish lost its commit; entering it again");
            let again = match self.enter(actor, entry, &submission, &archive).await {
                Ok(transaction) => self.settle(transaction).await.map_err(Error::from),
                Err(error) => Err(error),
            };
            // That nothing was changed would be true of the second time alone.
            again.map_err(|again| if again.kind() == Kind::Unavailable { lost.into() } else { again })?;
        }
        wharf_trial::mutant!(FileStoredAfterRow {
            self.blobs.put(submission.cksum, archive).await.map_err(blob_failure)?;
        });
        Ok(Vec::new())
    }

    /// Refuses who may not publish this name. One text for names hidden, absent and seen, when there is no right at all.
    async fn authorize(
        &self,
        transaction: &mut TenantTx,
        actor: &Actor,
        entry: &RegistryEntry,
        name: &CrateName,
        krate: Option<&StoredCrate>,
    ) -> Result<()> {
        let standing = match krate {
            None => Standing::Absent,
            Some(krate) => {
                Standing::Exists { name: krate.name.clone(), owned: owns_or_need_not(transaction, actor, krate).await? }
            }
        };
        check_right(&actor.principal, entry.place(), name, &standing)
    }

    /// Checks archive and manifest, away from the threads that serve requests.
    async fn inspect(&self, entry: &RegistryEntry, metadata: PublishMetadata, archive: Bytes) -> Result<Submission> {
        let (org, registry) = (&entry.address.org_slug, &entry.address.registry_slug);
        let own =
            OwnIndexUrls::new([self.addresses.sparse_index(org, registry), self.addresses.git_index(org, registry)]);
        let _permit = CHECKS.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || Submission::check(metadata, &archive, &own, &PublishLimits::default()))
            .await
            .map_err(Error::internal)?
            .map_err(refuse)
    }

    /// Makes the file durable before anything speaks of it.
    async fn store_file(&self, submission: &Submission, archive: Bytes) -> Result<()> {
        wharf_trial::mutant!(FileStoredAfterRow { return Ok(()); });
        self.blobs.put(submission.cksum, archive).await.map_err(blob_failure)?;
        Ok(())
    }

    /// Makes sure that the file is there and stays: from here on the collector of orphans leaves it alone. It may have
    /// taken it a moment ago, when the file was an old orphan of the same bytes.
    async fn hold_file(&self, transaction: &mut TenantTx, submission: &Submission, archive: &Bytes) -> Result<()> {
        wharf_trial::mutant!(FileStoredAfterRow { return Ok(()); });
        transaction.hold_blob(submission.cksum).await?;
        if self.has_file(submission).await? {
            return Ok(());
        }
        self.store_file(submission, archive.clone()).await?;
        if self.has_file(submission).await? {
            return Ok(());
        }
        // A server that says so and does not do so would make us list what cannot be downloaded.
        Err(Error::unavailable("the blob store says that it took a file, and does not have it"))
    }

    async fn has_file(&self, submission: &Submission) -> Result<bool> {
        match self.blobs.stat(submission.cksum).await.map_err(blob_failure)? {
            Some(bytes) if bytes == submission.archive_bytes => Ok(true),
            None => Ok(false),
            Some(bytes) => Err(Error::unavailable(format!(
                "the blob store was given {} bytes and tells of {bytes}",
                submission.archive_bytes
            ))),
        }
    }

    /// Writes the version and everything that goes with it into a transaction that only has to be committed.
    ///
    /// Of publishers who race for a name or a version one wins by the constraint; the others wait for it, read what it
    /// wrote, and are answered by the same rules as if they had come later.
    async fn enter(
        &self,
        actor: &Actor,
        entry: &RegistryEntry,
        submission: &Submission,
        archive: &Bytes,
    ) -> Result<TenantTx> {
        let registry = entry.address.registry;
        // Whole seconds: index lines cannot say more, and both must tell the same moment.
        let at = Timestamp::from_unix(self.clock.now().unix());
        let turn = timeout(TURN_PATIENCE, self.file_holders.acquire())
            .await
            .map_err(|_| Error::unavailable("the blob store keeps the publishes before this one waiting"))?
            .map_err(Error::internal)?;
        let mut transaction = self.begin(entry.address.org).await?;
        self.hold_file(&mut transaction, submission, archive).await?;
        drop(turn);
        wharf_trial::moment!("publish: file held");
        let canonical = submission.name.canonical();
        let fresh = StoredCrate { id: CrateId::random(&*self.entropy), name: submission.name.clone(), revision: 0 };
        let found = match transaction.find_crate(registry, &canonical).await? {
            Some(krate) => Some(krate),
            None if transaction.create_crate(registry, &fresh, at).await? => None,
            None => transaction.find_crate(registry, &canonical).await?,
        };
        // Rights are judged on what is there now: the crate may have come into being since they were judged first.
        self.authorize(&mut transaction, actor, entry, &submission.name, found.as_ref()).await?;
        let is_new = found.is_none();
        wharf_trial::moment!("publish: crate found");
        let krate = found.unwrap_or(fresh);

        let version = StoredVersion {
            id: VersionId::random(&*self.entropy),
            number: submission.version.clone(),
            cksum: submission.cksum,
            published_at: at,
        };
        let new = NewVersion {
            krate: krate.id,
            version,
            size_bytes: i64::try_from(submission.archive_bytes).map_err(Error::internal)?,
            description: submission.metadata.description.as_deref().map(storable),
            metadata: about(submission),
            line: submission.index_line(at).render(),
            by_token: actor.principal.token,
            by_user: actor.principal.user(),
        };
        let mut change =
            Change::Crate { registry, krate: krate.id, name: krate.name.clone(), revision: krate.revision };
        if !transaction.create_version(&new).await? {
            let published = transaction
                .find_version(krate.id, &submission.version.without_build())
                .await?
                .ok_or_else(|| Error::internal("a version is there and is not"))?;
            check_same(submission, &published)?;
            // Announced again, so that this answer too waits until the version is seen everywhere.
            transaction.announce(&change, at).await?;
            return Ok(transaction);
        }
        wharf_trial::moment!("publish: version written");
        if let (true, Some(user)) = (is_new, actor.principal.user()) {
            transaction.add_owner(krate.id, wharf_store::owners::OwnerId::User(user), at).await?;
        }
        if let Change::Crate { revision, .. } = &mut change {
            *revision = transaction.raise_revision(krate.id).await?;
        }
        // The crate is locked by now: who published meanwhile is counted, who publishes next waits and counts this one.
        check_index_file(&krate.name, transaction.get_index_file_bytes(krate.id).await?)?;
        transaction.announce(&change, at).await?;
        wharf_trial::moment!("publish: announced");
        let object = json!({
            "registry": entry.address.registry_slug,
            "crate": krate.name.as_str(),
            "version": submission.version.to_string(),
            "version_id": new.version.id,
        });
        let detail = json!({
            "cksum": hex::encode(submission.cksum),
            "size_bytes": submission.archive_bytes,
            "new_crate": is_new,
        });
        transaction.record(&actor.entry(self, "version.publish", object, detail)).await?;
        Ok(transaction)
    }
}

fn blob_failure(error: BlobError) -> Error {
    if error.is_retryable() { Error::unavailable(error) } else { Error::internal(error) }
}

async fn settings(transaction: &mut TenantTx, entry: &RegistryEntry) -> Result<PublishSettings> {
    transaction.find_publish_settings(entry.address.registry).await?.ok_or_else(Error::not_found)
}

fn limits(settings: &PublishSettings) -> FrameLimits {
    let wanted = u32::try_from(settings.max_crate_bytes).unwrap_or_default();
    FrameLimits { archive_bytes: wanted.min(FrameLimits::ARCHIVE_BYTES_MAX), ..FrameLimits::default() }
}

fn refuse(error: PublishError) -> Error {
    let (kind, code) = match error.kind() {
        FaultKind::Invalid => (Kind::Invalid, "publish_invalid"),
        FaultKind::TooLarge => (Kind::TooLarge, "publish_too_large"),
    };
    Error::new(kind, code, error.to_string())
}

/// What the manifest says beyond the index line, for pages and feeds.
fn about(submission: &Submission) -> Value {
    let metadata = &submission.metadata;
    json!({
        "authors": metadata.authors,
        "documentation": metadata.documentation,
        "homepage": metadata.homepage,
        "readme": metadata.readme.as_deref().map(storable),
        "readme_file": metadata.readme_file,
        "keywords": metadata.keywords,
        "categories": metadata.categories,
        "license": metadata.license,
        "license_file": metadata.license_file,
        "repository": metadata.repository,
        "unpacked_bytes": submission.unpacked_bytes,
        "file_count": submission.file_count,
    })
}

/// Postgres cannot hold a NUL in a text; in prose it means nothing.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_bound_the_archive_and_the_site_bounds_the_settings() {
        let limits = |max_crate_bytes| {
            limits(&PublishSettings { crates_io_allowed: true, allowed_registries: Vec::new(), max_crate_bytes })
        };
        assert_eq!(limits(1024).archive_bytes, 1024);
        assert_eq!(limits(1024).body_bytes(), 8 + 1024 * 1024 + 1024);
        assert_eq!(limits(200 << 20).archive_bytes, 100 << 20);
        assert_eq!(limits(-1).archive_bytes, 0);
    }

    #[test]
    fn prose_is_storable() {
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
    }
}
