//! The operator's commands.

mod quickstart;

pub use quickstart::{MadeOrg, bootstrap_demo, bootstrap_org};

use crate::Config;
use crate::assemble::{self, Ambient};
use crate::serve::{Instance, Service};
use anyhow::Context;
use std::sync::Arc;
use wharf_chassis::{shutdown, telemetry};
use wharf_store::schema;

/// Runs services until told to stop; all of them when none is named.
pub async fn serve(config: &Config, services: &[Service]) -> anyhow::Result<()> {
    let ambient = Ambient::default();
    telemetry::start(&config.log, Arc::clone(&ambient.clock)).context("log")?;
    let stop = shutdown::on_signals().context("signals")?;
    let services = if services.is_empty() { &Service::ALL[..] } else { services };
    let instance = tokio::select! {
        started = Instance::start(config, services, &ambient, stop.clone()) => started?,
        () = stop.requested() => return Ok(()),
    };
    instance.finished().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Brings the schema to the newest version.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    let owner = assemble::owner_database(config)?;
    let version = schema::migrate(&owner, config.database.service_password_file.secret()).await?;
    owner.close().await;
    say(&format!("the database has schema {version}"));
    Ok(())
}

/// Says that the configuration can be used: every file it names was read, every key has the right form.
pub fn check_config(config: &Config) -> anyhow::Result<()> {
    for role in wharf_store::DatabaseRole::ALL {
        assemble::database(config, role)?;
    }
    assemble::blobs(config)?;
    assemble::peppers(config)?;
    say("the configuration is complete");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer of a command goes to its terminal")]
fn say(text: &str) {
    println!("{text}");
}
