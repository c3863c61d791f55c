//! Git's protocol by hand, for what git itself would never send, and for comparing answers byte by byte.

use crate::checkout::git_url;
use wharf_git_wire::pkt_line::{DELIMITER, FLUSH, write};
use wharf_git_wire::{ObjectId, Protocol};
use wharf_testkit::{Answer, Client, Token};

/// The words of a v0 client.
pub(crate) const CAPABILITIES: &str = "multi_ack_detailed no-done side-band-64k ofs-delta";
const REQUEST: (&str, &str) = ("content-type", "application/x-git-upload-pack-request");
const V2: (&str, &str) = ("git-protocol", "version=2");

pub(crate) fn refs_url(token: &Token) -> String {
    format!("{}/info/refs?service=git-upload-pack", git_url(token))
}

/// Asks for the refs.
pub(crate) async fn refs(client: &Client, token: &Token, protocol: Protocol) -> Answer {
    let headers: &[_] = if protocol == Protocol::V2 { &[V2] } else { &[] };
    client.send("GET", &refs_url(token), headers, None).await
}

/// Posts a request for a pack, with further headers.
pub(crate) async fn post(
    client: &Client,
    token: &Token,
    protocol: Protocol,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    let mut all = vec![REQUEST];
    if protocol == Protocol::V2 {
        all.push(V2);
    }
    all.extend(headers);
    client.send("POST", &format!("{}/git-upload-pack", git_url(token)), &all, Some(body)).await
}

/// The commit a token is offered.
pub(crate) async fn head(token: &Token) -> ObjectId {
    let answer = refs(&token.client(), token, Protocol::V0).await.expect(200).text();
    let line = answer.lines().nth(1).unwrap();
    ObjectId::from_hex(&line.as_bytes()[8..48]).unwrap_or_else(|| panic!("{answer}"))
}

/// Lines of a request; `0000` and `0001` stand for themselves.
pub(crate) fn lines(lines: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        match line.as_str() {
            "0000" => out.extend_from_slice(FLUSH),
            "0001" => out.extend_from_slice(DELIMITER),
            line => write(line.as_bytes(), &mut out).unwrap(),
        }
    }
    out
}

/// The request of a client that is through with telling what it has.
pub(crate) fn fetch(protocol: Protocol, want: ObjectId, haves: &[ObjectId]) -> Vec<u8> {
    let haves = haves.iter().map(|have| format!("have {have}\n"));
    let all: Vec<String> = match protocol {
        Protocol::V0 => {
            let first = [format!("want {want} {CAPABILITIES}\n"), "0000".to_owned()];
            first.into_iter().chain(haves).chain(["done\n".to_owned()]).collect()
        }
        Protocol::V2 => {
            let first = ["command=fetch".to_owned(), "0001".to_owned(), format!("want {want}\n")];
            first.into_iter().chain(haves).chain(["done\n".to_owned(), "0000".to_owned()]).collect()
        }
    };
    lines(&all)
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
