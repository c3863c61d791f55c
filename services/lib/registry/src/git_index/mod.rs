//! The git index: one repository for each view, served from memory.
//!
//! Who asks is a [`GitVisitor`]: a registry, whose commits to know, what is seen, and the `config.json` beside it. What a
//! visitor is offered is a pure function of the bytes it may see; the numbers of changes order things in here and never
//! leave. A commit is known, as something wanted or as something a client has, only if this very reader was offered it:
//! anything else would confirm a guess about what others see.
//!
//! A registry that nobody asks for by git costs nothing. Once asked for, its index is loaded at exactly one number of
//! changes and follows from there (`following`); older states are told by undoing changes (`past`).

mod followed;
mod following;
mod offered;
mod past;
mod pieces;
mod places;
mod sending;
mod sharing;
mod wanted;

pub use sending::GitPack;
pub use wharf_git_index::Usage;

use crate::catalog::RegistryEntry;
use crate::{Error, Kind, Result, Site};
use followed::Followed;
use following::{Following, News};
use offered::Offered;
use places::Places;
use std::collections::HashSet;
use std::sync::Arc;
use wharf_domain::principal::{Grant, Principal};
use wharf_domain::{TokenKind, View};
use wharf_git_index::{Definition, Head, Limits, Memory};
use wharf_git_wire::{Answer, Fetch, ObjectId, answer};
use wharf_store::Change;
use wharf_store::git_index::GitReader;

/// Changes when equal rows are rendered to other bytes than before: what readers were offered earlier is then unknown.
pub(crate) const EPOCH: i32 = 1;

/// A pack of fewer bytes is sent whole each time: to remember what its readers have would cost more.
const SMALL_PACK_BYTES: u64 = 64 * 1024;

/// Who asks for a git index. Cannot be printed: its `config.json` may hold a credential.
#[derive(Clone)]
pub struct GitVisitor {
    /// The registry.
    pub entry: Arc<RegistryEntry>,
    /// Whose commits may be wanted and built upon.
    pub reader: GitReader,
    /// What is seen.
    pub view: Arc<View>,
    /// The `config.json` of this reader.
    pub config: Arc<[u8]>,
}

/// What a fetch is answered with.
#[derive(Debug)]
pub enum GitAnswer {
    /// These bytes, and then the pack if there is one.
    Packed(Vec<u8>, Option<Box<GitPack>>),
    /// The object that is wanted was never offered to this reader, or is nothing at all.
    NotOurs(ObjectId),
}

/// The git indexes in the memory of one process.
pub struct GitIndexes {
    memory: Arc<Memory>,
    followed: Followed,
    offered: Offered,
    places: Places,
}

impl GitIndexes {
    /// `files_bytes` bounds the index files of registries that are not in use, `cache_bytes` what is made of them.
    pub(crate) fn new(files_bytes: u64, cache_bytes: u64) -> Self {
        // Directories are what every request needs; files that show some versions are needed by clones alone.
        let limits = Limits { repositories_bytes: cache_bytes / 4 * 3, parts_bytes: cache_bytes / 4 };
        Self {
            memory: Memory::new(limits),
            followed: Followed::new(files_bytes),
            offered: Offered::new(),
            places: Places::new(),
        }
    }

    /// Bytes held now, for metrics.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.memory.usage()
    }

    /// How often the index files of a registry were loaded, for metrics.
    #[must_use]
    pub fn loads(&self) -> u64 {
        self.followed.loads()
    }

    /// Takes note that the index of a crate changed; what is held of its registry is behind from now on.
    pub(crate) fn hear(&self, change: &Change) {
        if let Change::Crate { registry, .. } = change {
            self.followed.hear(*registry);
        }
    }

    /// Forgets everything, so that it is loaded anew.
    pub(crate) fn forget_all(&self) {
        self.followed.clear();
        self.offered.forget_all();
    }
}

/// Whose commits a principal may know of; anyone without a credential, and everyone where all may read, is the registry.
///
/// Errors: `Forbidden` for a member's token in a registry that takes none for git.
pub fn git_reader(entry: &RegistryEntry, principal: Option<&Principal>) -> Result<GitReader> {
    let address = &entry.address;
    match principal {
        Some(principal) if !address.is_public => match &principal.grant {
            Grant::Entitled { entitlement, .. } => {
                wharf_trial::mutant!(GitOffersShared { return Ok(GitReader(address.registry.0)); });
                Ok(GitReader(entitlement.0))
            }
            Grant::Member { .. } if wharf_trial::mutant!(GitTakesPersonalKeys => true; address.git_personal_keys) => {
                Ok(GitReader(principal.token.0))
            }
            Grant::Member { .. } => Err(no_member_tokens(principal.kind)),
        },
        _ => Ok(GitReader(address.registry.0)),
    }
}

fn no_member_tokens(kind: TokenKind) -> Error {
    Error::new(
        Kind::Forbidden,
        "git_takes_entitlements",
        format!(
            "the git index of this registry does not take {} tokens; use the token of an entitlement, or the sparse index, \
             or ask an admin of the org to switch git_personal_keys on for this registry",
            kind.as_str()
        ),
    )
}

impl Site {
    /// The git indexes of this process.
    #[must_use]
    pub fn git_indexes(&self) -> &GitIndexes {
        &self.git_indexes
    }

    /// The commit to offer to a visitor, who may ask for it from now on and build upon it later.
    pub async fn offer_git_head(self: &Arc<Self>, visitor: &GitVisitor) -> Result<ObjectId> {
        let Now { definition, newest, .. } = self.git_now(visitor, News::Heard).await?;
        self.offer(visitor, &definition, &newest).await;
        Ok(newest.commit())
    }

    /// Answers a request for a pack.
    pub async fn fetch_git(self: &Arc<Self>, visitor: &GitVisitor, fetch: &Fetch) -> Result<GitAnswer> {
        let Some(wanted) = fetch.wants.first() else {
            return Ok(GitAnswer::Packed(answer(fetch, |_| false).head, None));
        };
        let mut now = self.git_now(visitor, News::Heard).await?;
        if !now.holds(*wanted)? {
            // Another process may have heard of a change before this one did, and offered what came of it.
            now = self.git_now(visitor, News::All).await?;
        }
        let mut target = None;
        for wanted in &fetch.wants {
            // There is one commit to be had; whoever wants two wants something else.
            match self.find_wanted(&now, visitor, *wanted).await? {
                Some(head) if fetch.wants.len() == 1 => target = Some(head),
                _ => return Ok(GitAnswer::NotOurs(*wanted)),
            }
        }
        let Some(target) = target else { return Ok(GitAnswer::NotOurs(*wanted)) };
        let seen = self.find_seen(visitor, &fetch.haves).await;
        let known: HashSet<[u8; 20]> = seen.iter().map(|seen| seen.commit).collect();
        let Answer { head, pack } = answer(fetch, |have| {
            wharf_trial::mutant!(GitHavesConfirmed { return true; });
            known.contains(have.as_bytes())
        });
        let Some(framing) = pack else { return Ok(GitAnswer::Packed(head, None)) };
        let lacking = match seen.first() {
            Some(base) => self.difference(&now.following, &now.definition, &target, base).await?,
            None => None,
        };
        let pack = match lacking {
            Some(lacking) => GitPack::part(lacking, framing),
            None => GitPack::whole(&self.git_indexes.places, visitor, &target, framing).await?,
        };
        Ok(GitAnswer::Packed(head, Some(Box::new(pack))))
    }

    /// What the visitor sees now.
    async fn git_now(self: &Arc<Self>, visitor: &GitVisitor, news: News) -> Result<Now> {
        let following = self.follow(&visitor.entry, news).await?;
        let (view, config) = (Arc::clone(&visitor.view), Arc::clone(&visitor.config));
        // Microseconds mostly, but a view's first head may take seconds.
        tokio::task::spawn_blocking(move || {
            let index = following.index()?;
            let definition = Definition::new((*view).clone(), index.registry());
            let newest = index.head(&definition, &config).map_err(Error::internal)?;
            Ok(Now { definition: Arc::new(definition), newest, following })
        })
        .await
        .map_err(Error::internal)?
    }
}

/// What a visitor sees as far as this process has heard.
struct Now {
    following: Arc<Following>,
    definition: Arc<Definition>,
    newest: Arc<Head>,
}

impl Now {
    /// Whether a commit is the newest, or one of the last that were made here.
    fn holds(&self, commit: ObjectId) -> Result<bool> {
        Ok(self.newest.commit() == commit || self.recall(commit)?.is_some())
    }

    fn recall(&self, commit: ObjectId) -> Result<Option<Arc<Head>>> {
        Ok(self.following.index()?.recall(self.definition.id(), self.newest.config(), commit))
    }
}
