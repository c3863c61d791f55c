//! Finds the statements in what a client of Postgres sends (protocol 3: <https://www.postgresql.org/docs/current/protocol-message-formats.html>).

use super::{Cut, Link, Strike};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

/// Protocol version of a start-up message; what comes before it (a request for TLS) has the same frame.
const VERSION_3: u32 = 3 << 16;

/// The messages of one client, as far as they have come.
#[derive(Default)]
pub(super) struct Messages {
    started: bool,
    kept: Vec<u8>,
    /// A stream that is no protocol 3 (garbled on the way) passes as it is.
    lost: bool,
}

impl Messages {
    pub(super) async fn pass(&mut self, link: &Link, piece: &[u8], to: &mut OwnedWriteHalf) -> Result<(), Cut> {
        self.kept.extend_from_slice(piece);
        let mut whole = Vec::new();
        while let Some(message) = self.next() {
            if let Some(Strike::Silent(_, bytes)) = link.state.take(|strike| match strike {
                Strike::Silent(text, _) => begins(&message, text),
                _ => false,
            }) {
                // Before the statement is sent: the answer may be faster than we.
                *link.silent_after.lock().unwrap() = Some(bytes);
            }
            if !is_commit(&message) {
                whole.extend_from_slice(&message);
                continue;
            }
            link.pass(&whole, to).await?;
            whole.clear();
            let strike = link.state.take(|strike| {
                matches!(
                    strike,
                    Strike::BeforeCommit | Strike::AtCommit | Strike::AfterCommit | Strike::EndedAfterCommit
                )
            });
            match strike {
                Some(Strike::BeforeCommit) => return Err(Cut),
                Some(Strike::AtCommit) => {
                    to.write_all(&message).await?;
                    return Err(Cut);
                }
                // The tag of CommandComplete: the server sends it when the commit is durable.
                Some(Strike::EndedAfterCommit) => link.swallow(b"COMMIT\0", session_ended()),
                Some(_) => link.swallow(b"COMMIT\0", Vec::new()),
                None => {}
            }
            whole.extend_from_slice(&message);
        }
        link.pass(&whole, to).await
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.lost {
            return (!self.kept.is_empty()).then(|| std::mem::take(&mut self.kept));
        }
        let tag = usize::from(self.started);
        let length = u32::from_be_bytes(self.kept.get(tag..tag + 4)?.try_into().ok()?);
        if !(4..64 << 20).contains(&length) {
            self.lost = true;
            return self.next();
        }
        let end = tag + usize::try_from(length).unwrap();
        if self.kept.len() < end {
            return None;
        }
        let message: Vec<u8> = self.kept.drain(..end).collect();
        if !self.started {
            let version = message.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
            self.started = version == Some(VERSION_3);
        }
        Some(message)
    }
}

/// What a server says to a session that an administrator ends: ErrorResponse, with severity FATAL.
fn session_ended() -> Vec<u8> {
    let fields = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap();
    [&b"E"[..], &length.to_be_bytes(), fields].concat()
}

/// The text of a statement: that of a Query, or of a Parse under any name.
fn statement(message: &[u8]) -> Option<&[u8]> {
    match message.first() {
        Some(b'Q') => message.get(5..),
        Some(b'P') => {
            message.get(5..).and_then(|rest| rest.iter().position(|byte| *byte == 0).map(|at| &rest[at + 1..]))
        }
        _ => None,
    }
}

/// Whether a message is a statement that begins with this text.
fn begins(message: &[u8], with: &str) -> bool {
    statement(message)
        .and_then(|text| text.get(..with.len()))
        .is_some_and(|text| text.eq_ignore_ascii_case(with.as_bytes()))
}

fn is_commit(message: &[u8]) -> bool {
    begins(message, "commit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
    }

    #[test]
    fn commits_are_found_whole_however_the_stream_is_cut() {
        let start = [
            &8_u32.to_be_bytes()[..],
            &80_877_103_u32.to_be_bytes(),
            &9_u32.to_be_bytes(),
            &VERSION_3.to_be_bytes(),
            b"\0",
        ];
        let stream = [
            start.concat(),
            typed(b'Q', b"begin; select 'commit'\0"),
            typed(b'P', b"s\0insert into commit_log\0\0\0"),
            typed(b'Q', b"COMMIT\0"),
            typed(b'P', b"name\0commit\0\0\0"),
            typed(b'X', b""),
        ]
        .concat();
        for size in [1, 3, 7, stream.len()] {
            let mut messages = Messages::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                messages.kept.extend_from_slice(piece);
                while let Some(message) = messages.next() {
                    found.push(message);
                }
            }
            assert_eq!(found.concat(), stream);
            assert_eq!(
                found.iter().map(|message| is_commit(message)).collect::<Vec<_>>(),
                [false, false, false, false, true, true, false]
            );
        }
    }
}
