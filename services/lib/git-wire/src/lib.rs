//! The bytes git speaks: pkt-line, what a server offers and is asked, answers, objects, packs.
//!
//! Pure functions over memory, for the server's side of a fetch from a repository that exists nowhere: one commit without
//! parents over the files one credential may see. Nothing here does I/O, waits, asks for the time, or decides who may see
//! what. The caller reads a body ([`upload_request::parse`], [`command::parse`]), judges wants and haves by what its
//! credential may have, begins with [`answer()`], and streams ready-made [`entry`]s through a [`PackStream`].
//!
//! Limits are named in [`Limits`]; there are no deltas, no tags, no writes, and no hash but SHA-1. Formats: git's own
//! `gitprotocol-common`, `gitprotocol-http`, `gitprotocol-pack`, `gitprotocol-v2` and `gitformat-pack`.

pub mod advertisement;
pub mod answer;
pub mod command;
pub mod entry;
pub mod object;
pub mod oid;
pub mod pack;
pub mod pkt_line;
pub mod request;
pub mod upload_request;

pub use advertisement::{Protocol, advertisement, refs};
pub use answer::{Answer, answer};
pub use command::{Command, LsRefs};
pub use entry::{DeflateError, Deflater, InflateError, Inflater};
pub use object::{CollisionError, Kind, Mode, TreeEntry, TreeError};
pub use oid::ObjectId;
pub use pack::{Framing, PackError, PackStream};
pub use pkt_line::{Packet, PacketError};
pub use request::{Fetch, Limits, RequestError};
