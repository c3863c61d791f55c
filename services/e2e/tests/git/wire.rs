//! Git's protocol by hand, with the token of a reader: for what git itself would never send, and for comparing answers byte by
//! byte.

use crate::checkout::git_url;
pub(crate) use wharf_testkit::git_protocol::{fetch, lines};

use wharf_git_wire::{ObjectId, Protocol};
use wharf_testkit::{Answer, Client, Token, git_protocol};

pub(crate) fn refs_url(token: &Token) -> String {
    git_protocol::refs_url(&git_url(token))
}

/// Asks for the refs.
pub(crate) async fn refs(client: &Client, token: &Token, protocol: Protocol) -> Answer {
    git_protocol::refs(client, &git_url(token), protocol).await
}

/// Posts a request for a pack, with further headers.
pub(crate) async fn post(
    client: &Client,
    token: &Token,
    protocol: Protocol,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    git_protocol::post(client, &git_url(token), protocol, headers, body).await
}

/// The commit a token is offered.
pub(crate) async fn head(token: &Token) -> ObjectId {
    let told = refs(&token.client(), token, Protocol::V0).await.expect(200);
    git_protocol::head(&token.client(), &git_url(token), Protocol::V0, &told).await
}

/// The answer to a request for a pack that must be answered.
pub(crate) async fn fetched(token: &Token, protocol: Protocol, want: ObjectId, haves: &[ObjectId]) -> Answer {
    post(&token.client(), token, protocol, &[], fetch(protocol, want, haves)).await.expect(200)
}

/// The number of objects in the pack of an answer.
pub(crate) fn objects(answer: &Answer) -> u32 {
    let at = answer.body.windows(4).position(|four| four == b"PACK").unwrap_or_else(|| panic!("{}", answer.text()));
    u32::from_be_bytes(answer.body[at + 8..at + 12].try_into().unwrap())
}
