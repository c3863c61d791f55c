//! Paging: `?limit=1..100&cursor=…`, answered by `items` and `next_cursor`.
//!
//! A cursor is the position of the last row the caller was shown, never of one it was not, so it cannot betray a hidden
//! row. It is authenticated under a key made from the caller's own token, bound to the list it came from: a cursor that
//! was altered, or belongs to another caller or list, is refused.

use super::{Caller, Fault};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use wharf_domain::{Timestamp, Token};
use wharf_registry::Error;
use wharf_registry::paging::{Page, Position, Slice};

/// Most items on one page.
pub const LIMIT_MAX: u32 = 100;
const LIMIT_DEFAULT: u32 = 50;
const POSITION: usize = 32;
const TAG: usize = 16;

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most items on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Renders a page of the list at `path`, the same for which [`PageQuery::slice`] read the cursor.
    pub fn of<R>(page: Page<R>, caller: &Caller, path: &str, render: impl FnMut(R) -> T) -> Self {
        Self {
            next_cursor: page.next.map(|position| seal(&caller.token, path, position)),
            items: page.items.into_iter().map(render).collect(),
        }
    }
}

impl PageQuery {
    /// Reads limit and cursor for the list at `path`.
    pub fn slice(&self, caller: &Caller, path: &str) -> Result<Slice, Fault> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Error::invalid("limit_invalid", format!("limit is 1 to {LIMIT_MAX}")).into());
        }
        let after = match &self.cursor {
            None => None,
            Some(text) => Some(open(&caller.token, path, text).ok_or_else(|| {
                Error::invalid(
                    "cursor_invalid",
                    "this cursor is not of this list, or of another token: begin again without a cursor",
                )
            })?),
        };
        Ok(Slice { after, limit })
    }
}

fn mac(token: &Token, path: &str, position: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(token.secret().expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(b"wharf-cursor-1\n");
    mac.update(path.as_bytes());
    mac.update(b"\n");
    mac.update(position);
    mac
}

/// The cursor of a position in the list at `path`, for the holder of this token.
#[must_use]
pub fn seal(token: &Token, path: &str, position: Position) -> String {
    let mut bytes = Vec::with_capacity(POSITION + TAG);
    bytes.extend_from_slice(&position.at.inner().unix_timestamp_nanos().to_be_bytes());
    bytes.extend_from_slice(position.id.as_bytes());
    let tag = mac(token, path, &bytes).finalize().into_bytes();
    bytes.extend_from_slice(&tag[..TAG]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position a cursor stands for, if it was made for this token and the list at `path`.
#[must_use]
pub fn open(token: &Token, path: &str, text: &str) -> Option<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == POSITION + TAG)?;
    let (position, tag) = bytes.split_at(POSITION);
    mac(token, path, position).verify_truncated_left(tag).ok()?;
    let (at, id) = position.split_at(16);
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from_be_bytes(at.try_into().ok()?)).ok()?;
    Some(Position { at: Timestamp::new(at), id: Uuid::from_slice(id).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::{Entropy, TokenKind};

    struct Same(u8);
    impl Entropy for Same {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn a_cursor_opens_only_for_its_token_and_list_and_unaltered() {
        let token = Token::generate(TokenKind::Personal, &Same(1));
        let other = Token::generate(TokenKind::Personal, &Same(2));
        let position =
            Position { at: Timestamp::parse("2026-05-31T12:00:00.123456Z").unwrap(), id: Uuid::from_u128(7) };
        let text = seal(&token, "/api/v1/orgs/acme/tokens", position);
        assert_eq!(open(&token, "/api/v1/orgs/acme/tokens", &text), Some(position));
        assert_eq!(open(&other, "/api/v1/orgs/acme/tokens", &text), None);
        assert_eq!(open(&token, "/api/v1/orgs/acme/members", &text), None);
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert_eq!(open(&token, "/api/v1/orgs/acme/tokens", &URL_SAFE_NO_PAD.encode(altered)), None, "byte {at}");
        }
        for bad in ["", "x", "!!", &text[1..], &format!("{text}AAAA")] {
            assert_eq!(open(&token, "/api/v1/orgs/acme/tokens", bad), None, "{bad}");
        }
    }
}
