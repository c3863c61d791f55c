use uuid::Uuid;
use wharf_api::frame::cursor::{open, seal};
use wharf_domain::{Entropy, Timestamp, Token, TokenKind};
use wharf_registry::paging::Position;

const LIST: &str = "/api/v1/orgs/acme/tokens";

struct Same(u8);
impl Entropy for Same {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

/// Text is a cursor. After a byte 0xff stand a position that is sealed, and changes to the seal: it opens for its caller
/// and its list in its one spelling, and for nothing else.
pub(super) fn check(bytes: &[u8]) {
    let token = Token::generate(TokenKind::Personal, &Same(1));
    match bytes.split_first() {
        Some((0xff, rest)) => sealed(&token, rest),
        _ => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                // A caller for whom nothing is ever sealed: a fuzzer watches what is compared, and learns real seals.
                let token = Token::generate(TokenKind::Personal, &Same(3));
                assert_eq!(open(&token, LIST, text), None, "a seal cannot be guessed");
            }
        }
    }
}

fn sealed(token: &Token, fields: &[u8]) {
    let Some((fields, edits)) = fields.split_first_chunk::<24>() else { return };
    let (seconds, id) = fields.split_first_chunk::<8>().unwrap();
    // Any second the calendar holds; a time of day below the second comes from the identity.
    let at = Timestamp::from_unix(i64::from_be_bytes(*seconds) % 253_402_300_800)
        .plus(std::time::Duration::from_micros(u64::from(id[0]) * 1000));
    let position = Position { at, id: Uuid::from_slice(id).unwrap() };
    let text = seal(token, LIST, position);
    assert_eq!(open(token, LIST, &text), Some(position));
    assert_eq!(open(token, "/api/v1/orgs/acme/members", &text), None, "the cursor of another list");
    let other = Token::generate(TokenKind::Personal, &Same(2));
    assert_eq!(open(&other, LIST, &text), None, "the cursor of another caller");
    let mut edited = text.clone().into_bytes();
    for step in edits.chunks_exact(2) {
        let at = usize::from(step[0]) % (edited.len() + 1);
        match edited.get_mut(at) {
            Some(byte) => *byte = step[1],
            None => edited.push(step[1]),
        }
    }
    let edited = String::from_utf8_lossy(&edited);
    assert_eq!(open(token, LIST, &edited).is_some(), edited == text, "{edited} opens like {text}");
}
