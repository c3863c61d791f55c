//! Tickets: signed download addresses that an edge can check without calling home.
//!
//! ```text
//! https://<host>/v1/<org-id|pub>/<sha256-hex>.crate?e=<unix>&k=<kid>&s=<sig>
//! ```
//!
//! `kid` is `<key id>-<org epoch>`. `sig` is HMAC-SHA256, 32 bytes, base64url without padding, over six fields, each on
//! a line of its own and none after the last:
//!
//! ```text
//! whf-DL-1 \n kid \n GET \n host in lower case \n path \n expiry in decimal
//! ```
//!
//! The HMAC key is `HKDF-SHA256(ikm = master key, no salt, info = "dl|" + kid + "|" + org)`, so a key taken from one
//! tenant's edge opens nothing of another tenant, and raising the epoch of an org ends every ticket of the epochs before.
//!
//! This crate never does I/O, never asks for the time, and never decides who may download: that was decided before a
//! ticket is minted. A ticket names neither a crate nor a caller, and is the same for all callers within a bucket of time,
//! so that a cache in front sees one address. `vectors/` holds the cases every other verifier has to agree with.

mod address;
mod error;
mod expiry;
mod key_ring;
mod ticket;

pub use address::{Tenant, Ticket};
pub use error::TicketError;
pub use expiry::{SKEW_S, WINDOW_S, expiry};
pub use key_ring::{InvalidKeyRing, KEY_ID_MAX, KEY_LEN, KeyRing};
pub use ticket::{Verified, mint, verify};
