//! From a token to the principal it stands for, without waiting for the database on the hot path.
//!
//! A positive answer is kept for at most [`LIFE`]; from half of that on it is looked up again behind the caller's back, so
//! that a busy token never waits. Every change to a token, entitlement or member arrives through the feed and empties the
//! memory of it at once; the life bound covers a feed that cannot be read. Window, switch and address are checked at each use,
//! never remembered.

use crate::{Error, Result, Site};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use uuid::Uuid;
use wharf_domain::principal::{Grant, Place};
use wharf_domain::token::TokenDigest;
use wharf_domain::{Principal, RegistryId, Token, View};
use wharf_store::Change;
use wharf_store::auth::{self, Standing};

/// How long a looked-up credential is believed without word from the database.
pub const LIFE: Duration = Duration::from_secs(10);
/// From this age on it is looked up again in the background.
const REFRESH: Duration = Duration::from_secs(5);
/// Most credentials remembered; beyond that the memory starts anew.
const REMEMBERED_MAX: usize = 200_000;

/// A principal and the views computed for it.
#[derive(Debug)]
pub struct Bearer {
    standing: Standing,
    views: RwLock<HashMap<RegistryId, Arc<View>>>,
}

impl Bearer {
    /// Who the credential stands for.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.standing.principal
    }

    /// What it sees of a registry, computed once. Nothing of another org's and nothing of one that does not exist, by
    /// the same steps.
    #[must_use]
    pub fn view(&self, place: Option<Place<'_>>) -> Arc<View> {
        let registry = place.map_or(RegistryId(Uuid::nil()), |place| place.registry);
        if let Some(view) = self.views.read().unwrap_or_else(PoisonError::into_inner).get(&registry) {
            return Arc::clone(view);
        }
        let view = place.map_or_else(Arc::default, |place| self.principal().view(place));
        self.views.write().unwrap_or_else(PoisonError::into_inner).insert(registry, Arc::clone(&view));
        view
    }
}

struct Remembered {
    bearer: Arc<Bearer>,
    // How long ago is a question to the machine's own steady clock, not to the calendar.
    looked_up: Instant,
    refreshing: AtomicBool,
}

/// The credentials one process knows.
pub struct Credentials {
    known: RwLock<HashMap<TokenDigest, Arc<Remembered>>>,
    /// Counts the times the memory was emptied: an answer that was asked for before is not remembered after.
    epoch: AtomicU64,
    /// Tokens looked up since the day of last use was last written.
    used: Mutex<HashMap<wharf_domain::TokenId, wharf_domain::OrgId>>,
}

impl Credentials {
    pub(crate) fn new() -> Self {
        Self { known: RwLock::default(), epoch: AtomicU64::new(0), used: Mutex::default() }
    }

    /// Forgets whatever a change may have touched. An answer that is on its way is not remembered either.
    pub(crate) fn forget(&self, change: &Change) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        let touched = |principal: &Principal| match (change, &principal.grant) {
            (Change::Token(id), _) => principal.token == *id,
            (Change::Entitlement(id), Grant::Entitled { entitlement, .. }) => entitlement == id,
            (Change::Member(id), Grant::Member { user, .. }) => user == id,
            _ => false,
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, entry| !touched(entry.bearer.principal()));
    }

    /// Forgets everything.
    pub(crate) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remembered(&self, digest: &TokenDigest) -> Option<Arc<Remembered>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(digest).filter(|entry| entry.looked_up.elapsed() < LIFE).cloned()
    }

    fn remember(&self, digest: TokenDigest, bearer: Arc<Bearer>, asked_in: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.epoch.load(Ordering::SeqCst) != asked_in {
            return;
        }
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        let entry = Remembered { bearer, looked_up: Instant::now(), refreshing: AtomicBool::new(false) };
        known.insert(digest, Arc::new(entry));
    }

    fn drop_one(&self, digest: &TokenDigest) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }

    /// Tokens used since the last call, for the lazily written day of last use.
    pub(crate) fn take_used(&self) -> HashMap<wharf_domain::TokenId, wharf_domain::OrgId> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Site {
    /// The bearer of a token, if it holds now and here.
    ///
    /// Errors: [`Error::bad_credential`] for every token that opens nothing, whatever the reason.
    pub async fn authenticate(self: &Arc<Self>, token: &Token, address: Option<IpAddr>) -> Result<Arc<Bearer>> {
        let (_, digest) = self.peppers.digest(token);
        let bearer = match self.credentials.remembered(&digest) {
            Some(entry) => {
                if entry.looked_up.elapsed() >= REFRESH && !entry.refreshing.swap(true, Ordering::Relaxed) {
                    let (site, token) = (Arc::clone(self), token.clone());
                    tokio::spawn(async move {
                        if let Err(error) = site.look_up(digest, &token).await {
                            tracing::warn!(cause = &error as &dyn std::error::Error, "cannot renew a credential");
                        }
                    });
                }
                Arc::clone(&entry.bearer)
            }
            None => self.look_up(digest, token).await?.ok_or_else(Error::bad_credential)?,
        };
        let now = self.clock.now();
        let standing = &bearer.standing;
        let holds = standing.principal.kind == token.kind()
            && standing.token.admits(now, address)
            && standing.entitlement.as_ref().is_none_or(|window| window.admits(now, address));
        if !holds {
            return Err(Error::bad_credential());
        }
        Ok(bearer)
    }

    async fn look_up(&self, digest: TokenDigest, token: &Token) -> Result<Option<Arc<Bearer>>> {
        let asked_in = self.credentials.epoch.load(Ordering::SeqCst);
        let digests: Vec<TokenDigest> = self.peppers.digests(token).collect();
        let Some(standing) = auth::find_by_digest_any_org(&self.database, &digests).await? else {
            self.credentials.drop_one(&digest);
            return Ok(None);
        };
        let (id, org) = (standing.principal.token, standing.principal.org);
        self.credentials.used.lock().unwrap_or_else(PoisonError::into_inner).insert(id, org);
        let bearer = Arc::new(Bearer { standing, views: RwLock::default() });
        self.credentials.remember(digest, Arc::clone(&bearer), asked_in);
        Ok(Some(bearer))
    }
}
