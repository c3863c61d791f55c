//! The frame of every Wharf process: configuration, logs, metrics, health, HTTP servers, background jobs, shutdown.
//!
//! Services give it their routes and get a server that has request ids, bounded requests, safe headers and errors with
//! the right face. Nothing here decides who may do what, and nothing here touches the database.
//!
//! The order in `main`: [`config::load`], [`telemetry::start`], [`shutdown::on_signals`], [`server::start`] for each
//! service and for [`server::internal_routes`], [`schedule::Schedule`]; then wait for all of them.

pub mod ambient;
pub mod client_address;
pub mod config;
pub mod credential;
pub mod faces;
pub mod frame;
pub mod health;
pub mod hosts;
pub mod metrics;
pub mod reader;
pub mod request_id;
pub mod schedule;
pub mod server;
pub mod shutdown;
pub mod table;
pub mod telemetry;

pub use ambient::{OsEntropy, SystemClock};
pub use client_address::{ClientAddress, TrustedProxies};
pub use config::{Config, ConfigError, PublicUrl};
pub use credential::Presented;
pub use faces::{ApiFault, CargoFault, PlainFault};
pub use frame::Frame;
pub use health::Readiness;
pub use hosts::{HostPattern, Hosts};
pub use metrics::Metrics;
pub use reader::Reader;
pub use request_id::RequestId;
pub use schedule::Schedule;
pub use server::{Process, Running};
pub use shutdown::{Stop, Stopper};
