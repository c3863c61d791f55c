//! Runs services: each with its own site, database role and feed, all with one stop signal.

use crate::Config;
use crate::assemble::{self, Ambient};
use actix_web::web::Data;
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use wharf_chassis::frame::Traffic;
use wharf_chassis::server::{self, Process, internal_routes};
use wharf_chassis::{HostPattern, Hosts, Metrics, Readiness, Running, Schedule, Stop, TrustedProxies, health};
use wharf_registry::git_index::Usage;
use wharf_registry::{Site, maintenance, replica};
use wharf_store::{DatabaseRole, StoreError, schema};

/// A service that can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Service {
    /// Cargo web API, management API, pages.
    Api,
    /// Filtered indexes.
    Index,
    /// Download decisions and crate files.
    Download,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 3] = [Self::Api, Self::Index, Self::Download];

    fn name(self) -> &'static str {
        match self {
            Self::Api => "wharf-api",
            Self::Index => "wharf-index",
            Self::Download => "wharf-download",
        }
    }

    fn role(self) -> DatabaseRole {
        match self {
            Self::Api => DatabaseRole::Api,
            Self::Index => DatabaseRole::Index,
            Self::Download => DatabaseRole::Download,
        }
    }

    fn address(self, config: &Config) -> SocketAddr {
        match self {
            Self::Api => config.listen.app,
            Self::Index => config.listen.index,
            Self::Download => config.listen.download,
        }
    }

    /// The hosts it answers for: that of its public address, and what the operator names besides.
    fn hosts(self, config: &Config) -> Hosts {
        let public = &config.public;
        let own = match self {
            Self::Api => &public.app,
            Self::Index => &public.index,
            Self::Download => &public.download,
        };
        Hosts::only([HostPattern::name(own.host())].into_iter().chain(public.other_hosts.iter().cloned()))
    }
}

/// Services that are running.
pub struct Instance {
    servers: Vec<Running>,
    followers: JoinSet<()>,
    schedule: Schedule,
    grace: Duration,
    sites: Vec<(Service, Arc<Site>)>,
}

impl Instance {
    /// Starts services. Returns when all of them listen; whether they are ready is for `/readyz` to say.
    ///
    /// Errors: an address that cannot be listened on, a database that is not to be trusted, a schema this program cannot
    /// serve.
    pub async fn start(config: &Config, services: &[Service], ambient: &Ambient, stop: Stop) -> anyhow::Result<Self> {
        let metrics = Metrics::new().context("metrics")?;
        let process = Process {
            entropy: Arc::clone(&ambient.entropy),
            metrics: metrics.clone(),
            stop: stop.clone(),
            limits: config.limits.clone(),
            trusted_proxies: TrustedProxies::new(&config.listen.trusted_proxies),
            traffic: Traffic::Ordinary,
            // Health and metrics are asked for by address.
            hosts: Hosts::any(),
        };
        let mut schedule =
            Schedule::new(Arc::clone(&ambient.clock), Arc::clone(&ambient.entropy), metrics.clone(), stop.clone());
        let mut readiness = Readiness::new(stop.clone());
        let (mut followers, mut sites) = (JoinSet::new(), Vec::new());
        for service in services {
            let site = assemble::site(config, service.role(), ambient)?;
            check_schema(&site).await?;
            readiness = checks(readiness, *service, &site);
            measure(&metrics, *service, &site)?;
            let (following, stopping, name) = (Arc::clone(&site), stop.clone(), service.name());
            followers.spawn(async move {
                replica::follow(following, name, async move { stopping.requested().await }).await;
            });
            let using = Arc::clone(&site);
            schedule.every("note_token_use", Duration::from_secs(60), move || {
                let site = Arc::clone(&using);
                async move { replica::note_token_use(&site).await }
            });
            sites.push((*service, site));
        }
        if services.contains(&Service::Api) {
            keep_house(&mut schedule, config, ambient)?;
        }
        let readiness = Arc::new(readiness);
        let mut servers = Vec::new();
        for (service, site) in &sites {
            servers.push(start_service(*service, config, &process, site, &readiness)?);
        }
        let internal = internal_routes(metrics, readiness);
        servers.push(server::start("wharf-internal", config.listen.internal, &process, internal)?);
        let grace = Duration::from_secs(config.limits.stop_grace_s);
        Ok(Self { servers, followers, schedule, grace, sites })
    }

    /// The sites of the services.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.sites.iter().map(|(_, site)| site)
    }

    /// The site of a service, if it runs here.
    #[must_use]
    pub fn site(&self, service: Service) -> Option<&Arc<Site>> {
        self.sites.iter().find(|(known, _)| *known == service).map(|(_, site)| site)
    }

    /// Waits until everything has stopped. A server that ends by itself is an error.
    pub async fn finished(mut self) -> anyhow::Result<()> {
        for server in self.servers {
            server.finished().await.context("a server ended")?;
        }
        self.schedule.finished(self.grace).await;
        while self.followers.join_next().await.is_some() {}
        for (_, site) in self.sites {
            site.database().close().await;
        }
        Ok(())
    }
}

/// Waits for a database that is away; refuses one that is not what its address demands, or whose schema does not fit.
async fn check_schema(site: &Site) -> anyhow::Result<()> {
    let mut waiting = false;
    loop {
        match schema::check(site.database()).await {
            Ok(()) => return Ok(()),
            Err(schema::SchemaError::Store(error)) if !matches!(error, StoreError::Distrusted(_)) => {
                if !waiting {
                    tracing::warn!(cause = &error as &dyn std::error::Error, "waiting for the database");
                    waiting = true;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn start_service(
    service: Service,
    config: &Config,
    process: &Process,
    site: &Arc<Site>,
    readiness: &Arc<Readiness>,
) -> anyhow::Result<Running> {
    let (site, health, name, address) =
        (Arc::clone(site), health::routes(Arc::clone(readiness)), service.name(), service.address(config));
    let process = &Process { hosts: service.hosts(config), ..process.clone() };
    let running = match service {
        Service::Api => server::start(name, address, process, move |routes| {
            routes.configure(health.clone());
            routes.app_data(Data::from(Arc::clone(&site)));
            wharf_api::routes(routes);
        }),
        Service::Index => {
            server::start(name, address, &Process { traffic: wharf_index::TRAFFIC, ..process.clone() }, move |routes| {
                routes.configure(health.clone());
                routes.configure(wharf_index::routes(Arc::clone(&site)));
            })
        }
        Service::Download => server::start(name, address, process, move |routes| {
            routes.configure(health.clone());
            routes.configure(wharf_download::routes(Arc::clone(&site)));
        }),
    };
    Ok(running?)
}

fn checks(readiness: Readiness, service: Service, site: &Arc<Site>) -> Readiness {
    let (database, catalog, blobs) = (Arc::clone(site), Arc::clone(site), Arc::clone(site));
    let [database_check, catalog_check, blob_check] = match service {
        Service::Api => ["api_database", "api_registries", "api_blobs"],
        Service::Index => ["index_database", "index_registries", ""],
        Service::Download => ["download_database", "download_registries", "download_blobs"],
    };
    let readiness = readiness
        .check(database_check, move || {
            let site = Arc::clone(&database);
            async move { site.database().ping().await.map_err(|error| error.to_string()) }
        })
        .check(catalog_check, move || {
            let site = Arc::clone(&catalog);
            async move {
                if !site.catalog().is_loaded() {
                    return Err("not loaded yet".to_owned());
                }
                site.require_hearing().map_err(|_| "the feed of changes cannot be read".to_owned())
            }
        });
    if blob_check.is_empty() {
        return readiness;
    }
    readiness.check(blob_check, move || {
        let site = Arc::clone(&blobs);
        async move { site.blobs().check().await.map_err(|error| error.to_string()) }
    })
}

fn measure(metrics: &Metrics, service: Service, site: &Arc<Site>) -> anyhow::Result<()> {
    let (held, redis) = match service {
        Service::Api => ("wharf_api_index_bytes", "wharf_api_redis_up"),
        Service::Index => ("wharf_index_index_bytes", "wharf_index_redis_up"),
        Service::Download => ("wharf_download_index_bytes", "wharf_download_redis_up"),
    };
    let (catalog, cache) = (Arc::clone(site), Arc::clone(site));
    metrics.gauge(held, "Bytes of index files held in memory.", move || catalog.catalog().held_bytes() as f64)?;
    metrics.gauge(redis, "Whether wake-ups reach Redis.", move || f64::from(u8::from(cache.cache().counters().up)))?;
    if service == Service::Index { measure_git(metrics, site) } else { Ok(()) }
}

fn measure_git(metrics: &Metrics, site: &Arc<Site>) -> anyhow::Result<()> {
    type Read = fn(&Usage) -> u64;
    let gauges: [(&str, &str, Read); 4] = [
        ("wharf_index_git_files_bytes", "Bytes of whole index files held for git.", |usage| usage.files_bytes),
        ("wharf_index_git_parts_bytes", "Bytes of filtered index files held for git.", |usage| usage.parts_bytes),
        ("wharf_index_git_repositories_bytes", "Bytes of directories, roots and commits held for git.", |usage| {
            usage.repositories_bytes
        }),
        ("wharf_index_git_repositories", "Git repositories held, each of one view and one config.json.", |usage| {
            usage.repositories
        }),
    ];
    for (name, help, read) in gauges {
        let site = Arc::clone(site);
        metrics.gauge(name, help, move || read(&site.git_indexes().usage()) as f64)?;
    }
    let (name, help) = ("wharf_index_git_loads", "Times the index files of a registry were loaded for git.");
    let site = Arc::clone(site);
    metrics.gauge(name, help, move || site.git_indexes().loads() as f64)?;
    Ok(())
}

/// Jobs of the installation rather than of a service; they take turns by being harmless to repeat.
fn keep_house(schedule: &mut Schedule, config: &Config, ambient: &Ambient) -> anyhow::Result<()> {
    let worker = assemble::database(config, DatabaseRole::Worker)?;
    let (pruned, clock) = (worker.clone(), Arc::clone(&ambient.clock));
    schedule.every("prune", Duration::from_secs(600), move || {
        let (worker, clock) = (pruned.clone(), Arc::clone(&clock));
        async move { maintenance::prune(&worker, &*clock).await }
    });
    let (blobs, clock) = (Arc::new(assemble::blobs(config)?), Arc::clone(&ambient.clock));
    schedule.every("collect_orphans", Duration::from_secs(3_600), move || {
        let (worker, blobs, clock) = (worker.clone(), Arc::clone(&blobs), Arc::clone(&clock));
        async move {
            let collected = maintenance::collect_orphans(&worker, &blobs, &*clock).await?;
            if collected > 0 {
                tracing::info!(collected, "collected crate files that no version needs");
            }
            Ok(())
        }
    });
    Ok(())
}
