//! What a client asks for when it fetches, whichever protocol it speaks, and how much it may ask.
//!
//! The readers ([`crate::upload_request`] for v0, [`crate::command`] for v2) take a whole body, already inflated and
//! within [`Limits::body_bytes`], and keep of it only ids and switches: what they hold is bounded by [`Limits`] and not by
//! what the client announces. Nothing is looked up here. No text of a client appears in an error.

use crate::advertisement::Protocol;
use crate::oid::ObjectId;
use crate::pack::Framing;
use crate::pkt_line::{self, Packet, PacketError};

/// How much one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body, inflated.
    pub body_bytes: usize,
    /// Bytes of one line's payload. The longest honest line is a want with the capabilities of its client.
    pub line_bytes: usize,
    /// Different objects asked for; there is one to be had.
    pub wants: usize,
    /// Objects the client says it has. Git sends up to 16,384 in a round, and repeats what was acknowledged before.
    pub haves: usize,
    /// All other lines together.
    pub other_lines: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { body_bytes: 4 << 20, line_bytes: 4096, wants: 16, haves: 32_768, other_lines: 1024 }
    }
}

/// A request for a pack, or for the next step towards one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The protocol of the request, and so of the answer.
    pub protocol: Protocol,
    /// The objects asked for, each once. None: the client only tried whether anyone is there.
    pub wants: Vec<ObjectId>,
    /// The objects the client says it has, in its order, repetitions included.
    pub haves: Vec<ObjectId>,
    /// The client is through with naming what it has and wants the pack.
    pub done: bool,
    /// Some depth was asked for. Which one does not matter: a commit without parents is as deep as history gets.
    pub deepen: bool,
    /// The client named commits it holds without their parents.
    pub shallow: bool,
    /// v0: a list of haves was closed, possibly an empty one.
    pub round_ended: bool,
    /// v0: the client understands `ACK … common` and `ACK … ready`.
    pub multi_ack_detailed: bool,
    /// v0: the pack may follow `ready` without another request.
    pub no_done: bool,
    /// v2: no pack before the client says `done`.
    pub wait_for_done: bool,
    /// How the client reads the pack.
    pub framing: Framing,
}

impl Fetch {
    pub(crate) fn new(protocol: Protocol) -> Fetch {
        Fetch {
            protocol,
            wants: Vec::new(),
            haves: Vec::new(),
            done: false,
            deepen: false,
            shallow: false,
            round_ended: false,
            multi_ack_detailed: false,
            no_done: false,
            wait_for_done: false,
            framing: match protocol {
                Protocol::V0 => Framing::Raw,
                Protocol::V2 => Framing::SideBand64k,
            },
        }
    }

    pub(crate) fn want(&mut self, hex: &[u8], limits: &Limits) -> Result<(), RequestError> {
        let id = ObjectId::from_hex(hex).ok_or(RequestError::Id)?;
        if !self.wants.contains(&id) {
            if self.wants.len() == limits.wants {
                return Err(RequestError::Wants);
            }
            self.wants.push(id);
        }
        Ok(())
    }

    pub(crate) fn have(&mut self, hex: &[u8], limits: &Limits) -> Result<(), RequestError> {
        if self.haves.len() == limits.haves {
            return Err(RequestError::Haves);
        }
        self.haves.push(ObjectId::from_hex(hex).ok_or(RequestError::Id)?);
        Ok(())
    }
}

/// Why a body is not a request we answer. The text may be shown to the person at the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The lines themselves are broken.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// More bytes than [`Limits::body_bytes`].
    #[error("the request is too large")]
    Body,
    /// More different wants than [`Limits::wants`].
    #[error("the request wants too many objects")]
    Wants,
    /// More haves than [`Limits::haves`].
    #[error("the request names too many objects")]
    Haves,
    /// More other lines than [`Limits::other_lines`].
    #[error("the request has too many lines")]
    Lines,
    /// What should be an object id is none.
    #[error("the request holds an invalid object id")]
    Id,
    /// A line that does not belong where it stands.
    #[error("the request holds an unexpected line")]
    Unexpected,
    /// A command that was not offered.
    #[error("this command is not served")]
    Command,
    /// A hash other than SHA-1.
    #[error("only the object format sha1 is served")]
    ObjectFormat,
}

/// The lines of a body, counted.
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    limits: &'a Limits,
    others: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(body: &'a [u8], limits: &'a Limits) -> Result<Lines<'a>, RequestError> {
        if body.len() > limits.body_bytes {
            return Err(RequestError::Body);
        }
        Ok(Lines { rest: body, limits, others: 0 })
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn next(&mut self) -> Result<Packet<'a>, RequestError> {
        let (packet, rest) = pkt_line::read(self.rest, self.limits.line_bytes)?;
        self.rest = rest;
        Ok(match packet {
            Packet::Data(line) => Packet::Data(pkt_line::trim(line)),
            other => other,
        })
    }

    /// Counts a line that is neither a want nor a have.
    pub(crate) fn count_other(&mut self) -> Result<(), RequestError> {
        self.others += 1;
        if self.others > self.limits.other_lines { Err(RequestError::Lines) } else { Ok(()) }
    }
}

/// Judges a capability of the client that names a hash.
pub(crate) fn check_object_format(capability: &[u8]) -> Result<(), RequestError> {
    match capability.strip_prefix(b"object-format=") {
        Some(format) if format != b"sha1" => Err(RequestError::ObjectFormat),
        _ => Ok(()),
    }
}
