//! Whole installations under test; a module per topic.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

mod audited;
mod bounds;
mod cargo_credentials;
mod cargo_shapes;
mod cargo_story;
mod collector;
mod crashes;
mod entitlements;
mod faults;
mod feed;
mod hostile;
mod management;
mod matrix;
mod memory;
mod model;
mod non_disclosure;
mod observer;
mod old_clients;
mod pinpoint;
mod process;
mod publish_rules;
mod races;
mod revocation;
mod secrets;
mod silence;
mod smoke;
mod surface;
mod walls;
