//! The operator's commands.

mod quickstart;

pub use quickstart::{MadeOrg, bootstrap_demo, bootstrap_org};

use crate::Config;
use crate::assemble::{self, Ambient};
use crate::serve::{Instance, Service};
use anyhow::Context;
use std::sync::Arc;
use wharf_blob::{Blobs, OpenError};
use wharf_chassis::{shutdown, telemetry};
use wharf_registry::maintenance;
use wharf_store::{DatabaseRole, schema};

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
    // A new database may begin with an empty directory. One that was there before has files somewhere: see `Blobs::open`.
    if schema::applied(&owner).await.context("database")? == 0 {
        Blobs::prepare(&config.blob).context("blob")?;
        wharf_trial::moment!("migrate: blobs prepared");
    } else {
        assemble::blobs(config)?;
    }
    let version = schema::migrate(&owner, config.database.service_password_file.secret()).await?;
    owner.close().await;
    say(&format!("the database has schema {version}"));
    Ok(())
}

/// Says that the configuration can be used: every file it names was read, every key has the right form.
pub fn check_config(config: &Config) -> anyhow::Result<()> {
    for role in DatabaseRole::ALL {
        assemble::database(config, role)?;
    }
    let prepared = match Blobs::open(&config.blob) {
        Ok(_) => Ok(()),
        Err(error @ OpenError::Unprepared { .. }) => Err(error),
        Err(error) => return Err(error).context("blob"),
    };
    assemble::peppers(config)?;
    say("the configuration is complete");
    if let Err(missing) = prepared {
        // Before the first `migrate` this is as it should be.
        say(&missing.to_string());
    }
    Ok(())
}

/// Deletes crate files that no version needs, as the API service does every hour.
pub async fn collect(config: &Config) -> anyhow::Result<()> {
    let ambient = Ambient::default();
    let worker = assemble::database(config, DatabaseRole::Worker)?;
    let collected = maintenance::collect_orphans(&worker, &assemble::blobs(config)?, &*ambient.clock).await;
    worker.close().await;
    say(&format!("collected {} crate files that no version needs", collected.context("collect")?));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer of a command goes to its terminal")]
fn say(text: &str) {
    println!("{text}");
}
