//! The test harness: whole installations on free ports, identities as types, and drivers for real clients.
//!
//! A [`Stack`] runs the product's own start-up code with its own database, Redis prefix, blob directory, clock and
//! randomness; requests reach it over real HTTP. What it needs from outside comes from the environment that
//! `./deploy/test` sets; a missing variable is a failure, never a skipped test.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a harness fails by panicking")]

pub mod balancer;
pub mod cargo;
pub mod chance;
pub mod clock;
pub mod database;
pub mod fault_proxy;
pub mod fixture;
pub mod front;
pub mod git;
pub mod git_mirror;
pub mod git_protocol;
pub mod http;
pub mod identity;
pub mod process;
pub mod secrets;
pub mod stack;
pub mod transcript;

pub use cargo::{Cargo, Finished};
pub use clock::TestClock;
pub use fixture::CrateFixture;
pub use git::Git;
pub use http::{Answer, Client};
pub use identity::{Org, Token};
pub use stack::{Stack, StackBuilder};
pub use transcript::Transcript;

/// Waits for a state, however slow the machine is; a state that never comes fails the test.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds().await {
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "waited in vain until {what}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// A setting that `./deploy/test` provides.
#[must_use]
pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run the tests with ./deploy/test, or start their services with ./deploy/test --services"
        )
    })
}
