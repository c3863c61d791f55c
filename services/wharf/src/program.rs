//! The command line: serves, and the operator's commands.

use crate::Config;
use crate::commands;
use crate::serve::Service;
use anyhow::Context;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Wharf: a private, multi-tenant registry for Rust crates.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    /// Configuration file; see deploy/wharf.sample.toml. The environment (WHARF__SECTION__KEY) goes over it.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs all services in this process, or those named.
    Serve {
        /// A service to run; repeat for several.
        #[arg(long = "service", value_enum)]
        services: Vec<Service>,
    },
    /// Brings the database to the newest schema and sets the password of the service roles.
    Migrate,
    /// Makes the first organisation, with its admin and tokens.
    Bootstrap {
        /// The demo organisation `acme` with registry `private`, a publish token and two entitlements.
        #[arg(long, required = true)]
        demo: bool,
        /// File to write addresses and tokens to, as shell variables. Kept when it already fits the database.
        #[arg(long)]
        out: PathBuf,
    },
    /// Deletes crate files that no version needs, left behind by publishes that failed more than a day ago.
    Collect,
    /// Reads the configuration and every file it names, and says what is wrong.
    CheckConfig,
}

/// The whole program: what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the answer of a command goes to its terminal")]
fn complain(error: &anyhow::Error) {
    eprintln!("wharf: {error:#}");
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config: Config = wharf_chassis::config::load(arguments.config.as_deref(), "WHARF").context("configuration")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("runtime")?;
    runtime.block_on(async {
        match arguments.command {
            Command::Serve { services } => commands::serve(&config, &services).await,
            Command::Migrate => commands::migrate(&config).await,
            Command::Bootstrap { demo: _, out } => commands::bootstrap_demo(&config, &out).await,
            Command::Collect => commands::collect(&config).await,
            Command::CheckConfig => commands::check_config(&config),
        }
    })
}
