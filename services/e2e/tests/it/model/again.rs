//! Draws requests that are sent again: creates under keys, by whoever sent them first and by others, as they were and changed.

use super::dice::Dice;
use wharf_model::{Request, What};

/// Seconds for which a key is used again. What was made under it is forgotten after a day, at some time.
const LIFE: i64 = 80_000;

impl Dice {
    /// A new key; a few are none.
    pub(super) fn key(&mut self) -> String {
        match self.rng.below(30) {
            0 => String::new(),
            1 => "a key".to_owned(),
            2 => "k".repeat(256),
            _ => self.handle(),
        }
    }

    /// Keeps a request that was sent under a key, for [`Dice::again`].
    pub(super) fn keep(&mut self, request: &Request) {
        if let Some(key) = &request.key {
            let same = |(_, other): &&(i64, Request)| other.key.as_ref() == Some(key);
            let since = self.keyed.iter().find(same).map_or(self.now, |(since, _)| *since);
            self.keyed.push((since, request.clone()));
        }
    }

    /// Uses a key again; `false` when there is none.
    pub(super) fn again(&mut self) -> bool {
        let now = self.now;
        self.keyed.retain(|(since, _)| now - since < LIFE);
        if self.keyed.is_empty() {
            return false;
        }
        let (_, mut request) = self.rng.pick(&self.keyed).clone();
        match self.rng.below(4) {
            0 => request.what = self.create(),
            1 => {
                request.who = self.who();
                self.rename(&mut request.what);
            }
            _ => {}
        }
        self.send(request);
        true
    }

    fn create(&mut self) -> What {
        loop {
            let what = self.what();
            if what.is_create() {
                return what;
            }
        }
    }

    /// Gives what would be made handles of its own.
    fn rename(&mut self, what: &mut What) {
        match what {
            What::FoundOrg { token, .. }
            | What::Issue { token, .. }
            | What::Rotate { new: token, .. }
            | What::RotateEntitlement { token, .. } => *token = self.handle(),
            What::Grant { id, token, .. } => (*id, *token) = (self.handle(), self.handle()),
            _ => {}
        }
    }
}
