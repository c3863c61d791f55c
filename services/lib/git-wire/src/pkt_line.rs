//! pkt-line: four hexadecimal digits that count themselves and what follows, then the payload.
//!
//! Reads and writes single lines over memory. It copies no payload while reading, allocates nothing on the word of a
//! length field, and never looks behind the end of the buffer: a line that claims more than is there is an error.
//! Format: gitprotocol-common, "pkt-line Format"; the delimiter and response-end come from gitprotocol-v2.

use crate::oid::{digit, digit_of};

/// The longest payload of one line: 65,520 bytes less the four of the length.
pub const MAX_PAYLOAD_BYTES: usize = 65_516;

/// Ends a list, a section or a request.
pub const FLUSH: &[u8; 4] = b"0000";
/// Separates the sections of a v2 message.
pub const DELIMITER: &[u8; 4] = b"0001";
/// Ends an answer of a stateless v2 connection.
pub const RESPONSE_END: &[u8; 4] = b"0002";

/// One line as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0000`.
    Flush,
    /// `0001`.
    Delimiter,
    /// `0002`.
    ResponseEnd,
    /// A payload, with its line feed if it had one.
    Data(&'a [u8]),
}

/// Why bytes are not a pkt-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The buffer ends before the line does.
    #[error("the request ends in the middle of a line")]
    Truncated,
    /// The first four bytes are no length that a line can have.
    #[error("a line of the request has no valid length")]
    Length,
    /// The line is longer than the reader accepts.
    #[error("a line of the request is too long")]
    TooLong,
    /// The payload to be written is longer than a line can be.
    #[error("the payload does not fit in one line")]
    Payload,
}

/// Reads the first line of `buffer` and returns it with what follows.
///
/// The length is judged before the presence of the payload, so that a huge claim is refused and not waited for.
pub fn read(buffer: &[u8], max_payload_bytes: usize) -> Result<(Packet<'_>, &[u8]), PacketError> {
    let (head, rest) = buffer.split_first_chunk::<4>().ok_or(PacketError::Truncated)?;
    let mut length = 0_usize;
    for byte in head {
        length = (length << 4) | usize::from(digit(*byte).ok_or(PacketError::Length)?);
    }
    match length {
        0 => Ok((Packet::Flush, rest)),
        1 => Ok((Packet::Delimiter, rest)),
        2 => Ok((Packet::ResponseEnd, rest)),
        3 => Err(PacketError::Length),
        _ => {
            let payload = length - 4;
            if payload > max_payload_bytes.min(MAX_PAYLOAD_BYTES) {
                return Err(PacketError::TooLong);
            }
            let (data, rest) = rest.split_at_checked(payload).ok_or(PacketError::Truncated)?;
            Ok((Packet::Data(data), rest))
        }
    }
}

/// Appends one line that carries `payload`.
pub fn write(payload: &[u8], out: &mut Vec<u8>) -> Result<(), PacketError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(PacketError::Payload);
    }
    out.extend_from_slice(&length_field(payload.len()));
    out.extend_from_slice(payload);
    Ok(())
}

/// A line without its line feed, if it has one.
pub fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// A whole answer that says `text` to the person at the client: `ERR` and a flush.
///
/// Control characters become blanks, since the text ends up on a terminal, and it is cut at 1,000 bytes.
pub fn error_answer(text: &str) -> Vec<u8> {
    let mut payload = b"ERR ".to_vec();
    payload.extend_from_slice(printable(text).as_bytes());
    let mut out = Vec::with_capacity(payload.len() + 8);
    line(&payload, &mut out);
    out.extend_from_slice(FLUSH);
    out
}

/// `text` as it may reach a terminal: no control characters, at most 1,000 bytes.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if clean.len() + c.len_utf8() > 1000 {
            break;
        }
        clean.push(c);
    }
    clean
}

/// Appends a line that this crate made itself and that is short by construction.
pub(crate) fn line(payload: &[u8], out: &mut Vec<u8>) {
    debug_assert!(payload.len() <= MAX_PAYLOAD_BYTES);
    out.extend_from_slice(&length_field(payload.len()));
    out.extend_from_slice(payload);
}

/// The four digits in front of a payload of at most [`MAX_PAYLOAD_BYTES`].
pub(crate) fn length_field(payload_bytes: usize) -> [u8; 4] {
    let length = payload_bytes + 4;
    [digit_of(length >> 12), digit_of(length >> 8), digit_of(length >> 4), digit_of(length)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_lines() {
        let mut out = Vec::new();
        write(b"# service=git-upload-pack\n", &mut out).unwrap();
        assert_eq!(out, b"001e# service=git-upload-pack\n");
        for (bytes, packet) in [
            (&b"0000x"[..], Packet::Flush),
            (b"0001x", Packet::Delimiter),
            (b"0002x", Packet::ResponseEnd),
            (b"0004x", Packet::Data(b"")),
            (b"0006a\nx", Packet::Data(b"a\n")),
            (b"000Eversion 2\nx", Packet::Data(b"version 2\n")),
        ] {
            assert_eq!(read(bytes, MAX_PAYLOAD_BYTES), Ok((packet, &b"x"[..])));
        }
    }

    #[test]
    fn what_is_no_line() {
        for (bytes, error) in [
            (&b""[..], PacketError::Truncated),
            (b"000", PacketError::Truncated),
            (b"0003", PacketError::Length),
            (b"-001", PacketError::Length),
            (b" 004", PacketError::Length),
            (b"zzzz", PacketError::Length),
            (b"0005", PacketError::Truncated),
            (b"fff0", PacketError::Truncated),
            (b"fff1", PacketError::TooLong),
            (b"ffff", PacketError::TooLong),
        ] {
            assert_eq!(read(bytes, usize::MAX), Err(error), "{bytes:?}");
        }
        assert_eq!(read(b"0008want", 3), Err(PacketError::TooLong));
        assert_eq!(write(&[0; MAX_PAYLOAD_BYTES + 1], &mut Vec::new()), Err(PacketError::Payload));
    }

    #[test]
    fn an_error_cannot_steer_a_terminal_or_break_its_line() {
        assert_eq!(error_answer("no\n\u{1b}[2J access"), b"0016ERR no  [2J access0000");
        let long = error_answer(&"ä".repeat(70_000));
        let (Packet::Data(text), rest) = read(&long, MAX_PAYLOAD_BYTES).unwrap() else { panic!("no text") };
        assert_eq!((text.len(), rest), (1004, &FLUSH[..]));
        assert!(std::str::from_utf8(text).is_ok());
    }

    proptest! {
        #[test]
        fn lines_round_trip(payload in proptest::collection::vec(any::<u8>(), 0..3000), tail: Vec<u8>) {
            let mut out = Vec::new();
            write(&payload, &mut out).unwrap();
            out.extend_from_slice(&tail);
            prop_assert_eq!(read(&out, 3000), Ok((Packet::Data(&payload), &tail[..])));
        }

        #[test]
        fn reading_moves_forward_and_stays_inside(bytes: Vec<u8>, max in 0_usize..100) {
            if let Ok((packet, rest)) = read(&bytes, max) {
                prop_assert!(rest.len() + 4 <= bytes.len());
                prop_assert!(bytes.ends_with(rest));
                if let Packet::Data(data) = packet {
                    prop_assert!(data.len() <= max);
                }
            }
        }
    }
}
