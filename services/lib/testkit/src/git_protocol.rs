//! Git's protocol by hand: for what git itself would never send, for comparing answers byte by byte, and for asking more
//! often than a process per question allows. Formats: gitprotocol-http, gitprotocol-v2, gitprotocol-pack.

use crate::http::{Answer, Client};
use wharf_git_wire::pkt_line::{DELIMITER, FLUSH, MAX_PAYLOAD_BYTES, Packet, read, write};
use wharf_git_wire::{ObjectId, Protocol};

/// The words of a v0 client.
const CAPABILITIES: &str = "multi_ack_detailed no-done side-band-64k ofs-delta";

const REQUEST: (&str, &str) = ("content-type", "application/x-git-upload-pack-request");
const V2: (&str, &str) = ("git-protocol", "version=2");

/// Where the index at `url` tells its refs.
#[must_use]
pub fn refs_url(url: &str) -> String {
    format!("{url}/info/refs?service=git-upload-pack")
}

/// Asks for the refs.
pub async fn refs(client: &Client, url: &str, protocol: Protocol) -> Answer {
    let headers: &[_] = if protocol == Protocol::V2 { &[V2] } else { &[] };
    client.send("GET", &refs_url(url), headers, None).await
}

/// Posts a request for a pack to the index at `url`, with further headers.
pub async fn post(client: &Client, url: &str, protocol: Protocol, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut all = vec![REQUEST];
    if protocol == Protocol::V2 {
        all.push(V2);
    }
    all.extend(headers);
    client.send("POST", &format!("{url}/git-upload-pack"), &all, Some(body)).await
}

/// The commit that is offered, by an answer to [`refs`] that is one; with v2 it takes another question.
pub async fn head(client: &Client, url: &str, protocol: Protocol, refs: &Answer) -> ObjectId {
    let told = match protocol {
        Protocol::V0 => refs.clone(),
        Protocol::V2 => {
            let wanted = ["command=ls-refs", "0001", "ref-prefix HEAD", "0000"].map(str::to_owned);
            post(client, url, protocol, &[], lines(&wanted)).await.expect(200)
        }
    };
    advertised(&told)
}

/// The commit that is named in an answer.
#[must_use]
pub fn advertised(answer: &Answer) -> ObjectId {
    let named = packets(&answer.body).into_iter().find_map(|line| {
        let (id, name) = line.split_at_checked(40)?;
        name.starts_with(b" HEAD").then(|| ObjectId::from_hex(id)).flatten()
    });
    named.unwrap_or_else(|| panic!("no HEAD in {}", answer.text()))
}

/// Lines of a request; `0000` and `0001` stand for themselves.
#[must_use]
pub fn lines(lines: &[String]) -> Vec<u8> {
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
#[must_use]
pub fn fetch(protocol: Protocol, want: ObjectId, haves: &[ObjectId]) -> Vec<u8> {
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

/// The pack in the answer to a [`fetch`], out of its bands.
#[must_use]
pub fn pack(answer: &Answer) -> Vec<u8> {
    const PACK: u8 = 1;
    const PROGRESS: u8 = 2;
    let mut pack = Vec::new();
    for line in packets(&answer.body) {
        match line.split_first() {
            Some((&PACK, part)) => pack.extend_from_slice(part),
            Some((&PROGRESS, _)) => {}
            // What is said before the pack.
            _ if ["NAK\n", "packfile\n"].iter().any(|said| line == said.as_bytes()) || line.starts_with(b"ACK ") => {}
            _ => panic!("{:?} in the answer to a fetch", String::from_utf8_lossy(line)),
        }
    }
    pack
}

/// The lines of an answer.
fn packets(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (packet, after) = read(rest, MAX_PAYLOAD_BYTES).unwrap();
        if let Packet::Data(line) = packet {
            all.push(line);
        }
        rest = after;
    }
    all
}
