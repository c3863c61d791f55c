//! What is known about Redis: up or down, and how many wake-ups went through. Says it in the log once per change.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

const UNKNOWN: u8 = 0;
const UP: u8 = 1;
const DOWN: u8 = 2;

/// Numbers for metrics; all only grow, except `up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Redis answered the last time it was asked (metric `wharf_redis_up`).
    pub up: bool,
    /// Commands and subscriptions that failed.
    pub errors: u64,
    /// Wake-ups handed to Redis.
    pub wakes_sent: u64,
    /// Wake-ups that never reached Redis; the polls make up for them.
    pub wakes_lost: u64,
}

pub(crate) struct State {
    configured: bool,
    seen: AtomicU8,
    errors: AtomicU64,
    wakes_sent: AtomicU64,
    wakes_lost: AtomicU64,
}

impl State {
    pub(crate) fn new(configured: bool) -> Self {
        Self {
            configured,
            seen: AtomicU8::new(UNKNOWN),
            errors: AtomicU64::new(0),
            wakes_sent: AtomicU64::new(0),
            wakes_lost: AtomicU64::new(0),
        }
    }

    pub(crate) fn configured(&self) -> bool {
        self.configured
    }

    pub(crate) fn succeeded(&self) {
        if self.seen.swap(UP, Ordering::Relaxed) != UP {
            tracing::info!("Redis answers");
        }
    }

    pub(crate) fn failed(&self, error: &redis::RedisError) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        if self.seen.swap(DOWN, Ordering::Relaxed) != DOWN {
            tracing::warn!(cause = %error, "Redis does not answer; continuing without it");
        }
    }

    pub(crate) fn count_sent_wake(&self) {
        self.wakes_sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_lost_wake(&self) {
        self.wakes_lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            up: self.seen.load(Ordering::Relaxed) == UP,
            errors: self.errors.load(Ordering::Relaxed),
            wakes_sent: self.wakes_sent.load(Ordering::Relaxed),
            wakes_lost: self.wakes_lost.load(Ordering::Relaxed),
        }
    }
}
