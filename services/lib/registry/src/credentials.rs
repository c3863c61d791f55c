//! From a token to the principal it stands for, without waiting for the database on the hot path.
//!
//! A positive answer is kept for at most [`LIFE`]; from half of that on it is looked up again behind the caller's back, so
//! that a busy token never waits. Every change to a token, entitlement or member arrives through the feed and empties the
//! memory of it at once; the life bound covers a feed that cannot be read. Window, switch and address are checked at each use,
//! never remembered.

use crate::flights::Flights;
use crate::{Error, Result, Site};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use wharf_domain::principal::{Grant, Place};
use wharf_domain::token::TokenDigest;
use wharf_domain::{OrgId, Principal, RegistryId, Timestamp, Token, TokenId, View};
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

    /// Whether the credential holds now and here: windows, switch and source addresses.
    fn holds(&self, now: Timestamp, address: Option<IpAddr>) -> bool {
        wharf_trial::mutant!(ExpiredTokenAccepted => true; self.standing.token.admits(now, address))
            && self.standing.entitlement.as_ref().is_none_or(
                |window| wharf_trial::mutant!(EntitlementWindowIgnored => true; window.admits(now, address)),
            )
    }

    /// What it sees of a registry, computed once. Nothing of another org's and nothing of the one that is nowhere, by the
    /// same steps.
    #[must_use]
    pub fn view(&self, place: Place<'_>) -> Arc<View> {
        if let Some(view) = self.views.read().unwrap_or_else(PoisonError::into_inner).get(&place.registry) {
            return Arc::clone(view);
        }
        let view = self.principal().view(place);
        self.views.write().unwrap_or_else(PoisonError::into_inner).insert(place.registry, Arc::clone(&view));
        view
    }
}

struct Remembered {
    bearer: Arc<Bearer>,
    // When the question was asked. How long ago is one to the machine's own steady clock, not to the calendar.
    looked_up: Instant,
    refreshing: AtomicBool,
}

/// By what a credential is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Handle {
    /// A token that its holder presented.
    Presented(TokenDigest),
    /// A token that something we made ourselves names; not to be mistaken for one that was presented.
    Named(TokenId),
}

/// What a credential is looked up by.
enum Claim {
    Presented(Token),
    Named(OrgId, TokenId),
}

/// The credentials one process knows.
pub struct Credentials {
    known: RwLock<HashMap<Handle, Arc<Remembered>>>,
    /// Counts the times the memory was emptied: an answer that was asked for before is not remembered after.
    epoch: AtomicU64,
    /// Tokens looked up since the day of last use was last written.
    used: Mutex<HashMap<TokenId, OrgId>>,
    /// Those being looked up, in which epoch: a change that was heard of since is in none of their answers.
    pending: Flights<(Handle, u64), Option<Arc<Bearer>>>,
}

impl Credentials {
    pub(crate) fn new() -> Self {
        Self { known: RwLock::default(), epoch: AtomicU64::new(0), used: Mutex::default(), pending: Flights::new() }
    }

    /// Forgets whatever a change may have touched. An answer that is on its way is not remembered either.
    pub(crate) fn forget(&self, change: &Change) {
        wharf_trial::mutant!(RevokedTokenAccepted { return; });
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

    fn remembered(&self, handle: &Handle) -> Option<Arc<Remembered>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let life = wharf_trial::mutant!(BelievedForEver => Duration::MAX; LIFE);
        known.get(handle).filter(|entry| entry.looked_up.elapsed() < life).cloned()
    }

    fn remember(&self, handle: Handle, bearer: Arc<Bearer>, asked_in: u64, looked_up: Instant) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.epoch.load(Ordering::SeqCst) != asked_in {
            return;
        }
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        let entry = Remembered { bearer, looked_up, refreshing: AtomicBool::new(false) };
        known.insert(handle, Arc::new(entry));
    }

    fn drop_one(&self, handle: &Handle) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(handle);
    }

    /// Tokens used since the last call, for the lazily written day of last use.
    pub(crate) fn take_used(&self) -> HashMap<TokenId, OrgId> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Site {
    /// The bearer of a token, if it holds now and here.
    ///
    /// Errors: [`Error::bad_credential`] for every token that opens nothing, whatever the reason.
    pub async fn authenticate(self: &Arc<Self>, token: &Token, address: Option<IpAddr>) -> Result<Arc<Bearer>> {
        let (_, digest) = self.peppers.digest(token);
        let bearer = self.bearer(Handle::Presented(digest), || Claim::Presented(token.clone())).await?;
        let bearer = bearer.ok_or_else(Error::bad_credential)?;
        if bearer.principal().kind != token.kind() || !bearer.holds(self.clock.now(), address) {
            return Err(Error::bad_credential());
        }
        Ok(bearer)
    }

    /// The bearer of a token of this org that we named ourselves, in a text that the caller has found to be ours; `None`
    /// when it does not hold now and here.
    pub(crate) async fn authenticate_named(
        self: &Arc<Self>,
        org: OrgId,
        token: TokenId,
        address: Option<IpAddr>,
    ) -> Result<Option<Arc<Bearer>>> {
        let bearer = self.bearer(Handle::Named(token), || Claim::Named(org, token)).await?;
        let holds = |bearer: &Bearer| wharf_trial::mutant!(LegacyOutlivesReader => true; bearer.holds(self.clock.now(), address));
        Ok(bearer.filter(|bearer| bearer.principal().org == org && holds(bearer)))
    }

    /// From memory if it is there, and then renewed behind the caller's back when it gets old.
    async fn bearer(self: &Arc<Self>, handle: Handle, claim: impl FnOnce() -> Claim) -> Result<Option<Arc<Bearer>>> {
        let Some(entry) = self.credentials.remembered(&handle) else { return self.look_up(handle, claim()).await };
        if entry.looked_up.elapsed() >= REFRESH && !entry.refreshing.swap(true, Ordering::Relaxed) {
            let (site, claim, entry) = (Arc::clone(self), claim(), Arc::clone(&entry));
            tokio::spawn(async move {
                if let Err(error) = site.look_up(handle, claim).await {
                    tracing::warn!(cause = &error as &dyn std::error::Error, "cannot renew a credential");
                }
                // When nothing came of it, as after a change that was heard of meanwhile, the next caller tries again.
                entry.refreshing.store(false, Ordering::Relaxed);
            });
        }
        Ok(Some(Arc::clone(&entry.bearer)))
    }

    /// Looks a credential up, together with whoever does so already.
    async fn look_up(self: &Arc<Self>, handle: Handle, claim: Claim) -> Result<Option<Arc<Bearer>>> {
        let asked_in = self.credentials.epoch.load(Ordering::SeqCst);
        let look_up = || {
            let site = Arc::clone(self);
            async move { site.read_credential(handle, &claim, asked_in).await }
        };
        self.credentials.pending.join((handle, asked_in), look_up).await
    }

    async fn read_credential(&self, handle: Handle, claim: &Claim, asked_in: u64) -> Result<Option<Arc<Bearer>>> {
        let asked = Instant::now();
        let found = match claim {
            Claim::Presented(token) => {
                let digests: Vec<TokenDigest> = self.peppers.digests(token).collect();
                auth::find_by_digest_any_org(&self.database, &digests).await?
            }
            Claim::Named(org, token) => auth::find_named(&self.database, *org, *token).await?,
        };
        let Some(standing) = found else {
            self.credentials.drop_one(&handle);
            return Ok(None);
        };
        let (id, org) = (standing.principal.token, standing.principal.org);
        self.credentials.used.lock().unwrap_or_else(PoisonError::into_inner).insert(id, org);
        let bearer = Arc::new(Bearer { standing, views: RwLock::default() });
        self.credentials.remember(handle, Arc::clone(&bearer), asked_in, asked);
        Ok(Some(bearer))
    }
}
