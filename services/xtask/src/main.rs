//! Repository chores that are more than a line of shell: `cargo run -p xtask -- COMMAND`.
//!
//! It reads the workspace, Cargo.lock and `migrations/`; it writes `.sqlx`, below `target/`, and, when asked to, tables in
//! `docs/`. It ships nowhere.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks to its terminal")]

mod advisories;
mod arrows;
mod audit;
mod check_deps;
mod mutants;
mod scratch;
mod sqlx_prepare;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Repository chores of Wharf")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Fails on a dependency between our crates, or on a library, that the architecture forbids.
    CheckDeps,
    /// Fails on a dependency with a foreign licence or source, a banned crate, or a known advisory.
    Audit {
        /// A local checkout of the RustSec advisory database.
        #[arg(long, env = "WHARF_ADVISORY_DB", value_name = "DIR")]
        advisories: Option<PathBuf>,
    },
    /// Writes `.sqlx`, by which the checked queries compile without a database. Needs a test database.
    SqlxPrepare {
        /// Writes nothing, fails when `.sqlx` is out of date.
        #[arg(long)]
        check: bool,
        /// A superuser's address on a server where a scratch database may be made.
        #[arg(long, env = "WHARF_TEST_DATABASE_URL", value_name = "URL", hide_env_values = true)]
        database_url: Option<String>,
    },
    /// Makes sure that the tests notice every deliberate hole, and that none of them ships. Needs the test services.
    Mutants(mutants::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::CheckDeps => check_deps::run(),
        Chore::Audit { advisories } => audit::run(advisories.as_deref().filter(|dir| !dir.as_os_str().is_empty())),
        Chore::SqlxPrepare { check, database_url } => sqlx_prepare::run(check, database_url.as_deref()),
        Chore::Mutants(options) => mutants::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The chain of causes, never a backtrace: what failed here is the repository, not this program.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
