//! What the server offers: the answer to `GET info/refs`, and the list of refs of v2.
//!
//! There are two refs, always the same, at one commit. Nothing here depends on anything but that commit: no version, no
//! counter, no time. Deltas, tags and filters are not offered. Format: gitprotocol-http, gitprotocol-pack,
//! gitprotocol-v2.

use crate::command::LsRefs;
use crate::oid::ObjectId;
use crate::pkt_line::{FLUSH, line};

/// The branch `HEAD` points at.
pub const BRANCH: &str = "refs/heads/master";

/// The media type of the answer to `GET info/refs`. libgit2 compares it to the letter, so no charset may follow.
pub const ADVERTISEMENT_TYPE: &str = "application/x-git-upload-pack-advertisement";
/// The media type of a body sent to `git-upload-pack`.
pub const REQUEST_TYPE: &str = "application/x-git-upload-pack-request";
/// The media type of the answer to `git-upload-pack`.
pub const RESULT_TYPE: &str = "application/x-git-upload-pack-result";

const V0_CAPABILITIES: &str = "multi_ack_detailed no-done side-band-64k no-progress shallow object-format=sha1 \
                               agent=wharf/1 symref=HEAD:refs/heads/master";

/// Which protocol a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The protocol of libgit2, and of everyone who asked for v1, which differs in one line that is optional.
    V0,
    /// Commands.
    V2,
}

impl Protocol {
    /// Reads the header `Git-Protocol`, a list with colons; what is not understood is passed over.
    pub fn of_header(header: Option<&str>) -> Protocol {
        match header {
            Some(value) if value.split(':').any(|item| item.trim() == "version=2") => Protocol::V2,
            _ => Protocol::V0,
        }
    }
}

/// The body of the answer to `GET info/refs?service=git-upload-pack`; v2 names no commit before it is asked.
pub fn advertisement(protocol: Protocol, head: ObjectId) -> Vec<u8> {
    let mut out = Vec::with_capacity(384);
    match protocol {
        Protocol::V0 => {
            line(b"# service=git-upload-pack\n", &mut out);
            out.extend_from_slice(FLUSH);
            line(format!("{head} HEAD\0{V0_CAPABILITIES}\n").as_bytes(), &mut out);
            line(format!("{head} {BRANCH}\n").as_bytes(), &mut out);
        }
        Protocol::V2 => {
            for capability in
                ["version 2\n", "agent=wharf/1\n", "ls-refs=unborn\n", "fetch=shallow\n", "object-format=sha1\n"]
            {
                line(capability.as_bytes(), &mut out);
            }
        }
    }
    out.extend_from_slice(FLUSH);
    out
}

/// The answer to the v2 command `ls-refs`.
pub fn refs(request: &LsRefs, head: ObjectId) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    if request.covers("HEAD") {
        let target = if request.symrefs { format!(" symref-target:{BRANCH}") } else { String::new() };
        line(format!("{head} HEAD{target}\n").as_bytes(), &mut out);
    }
    if request.covers(BRANCH) {
        line(format!("{head} {BRANCH}\n").as_bytes(), &mut out);
    }
    out.extend_from_slice(FLUSH);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: ObjectId = ObjectId::new([0xab; 20]);

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap().replace(&"ab".repeat(20), "ID")
    }

    #[test]
    fn the_offer_of_each_protocol() {
        assert_eq!(
            text(&advertisement(Protocol::V0, HEAD)),
            "001e# service=git-upload-pack\n000000aeID HEAD\0multi_ack_detailed no-done side-band-64k no-progress shallow \
             object-format=sha1 agent=wharf/1 symref=HEAD:refs/heads/master\n003fID refs/heads/master\n0000"
        );
        assert_eq!(
            text(&advertisement(Protocol::V2, HEAD)),
            "000eversion 2\n0012agent=wharf/1\n0013ls-refs=unborn\n0012fetch=shallow\n0017object-format=sha1\n0000"
        );
    }

    #[test]
    fn the_protocol_is_chosen_by_the_header() {
        for (header, protocol) in [
            (None, Protocol::V0),
            (Some(""), Protocol::V0),
            (Some("version=1"), Protocol::V0),
            (Some("version=22"), Protocol::V0),
            (Some("version=2"), Protocol::V2),
            (Some("version=1:version=2"), Protocol::V2),
            (Some("x:version=2:y=z"), Protocol::V2),
        ] {
            assert_eq!(Protocol::of_header(header), protocol, "{header:?}");
        }
    }

    #[test]
    fn refs_are_filtered_by_prefix() {
        let answer = |symrefs, prefixes: &[&str]| {
            let prefixes = prefixes.iter().map(|prefix| prefix.as_bytes().to_vec()).collect();
            text(&refs(&LsRefs { symrefs, prefixes }, HEAD))
        };
        let both = "0032ID HEAD\n003fID refs/heads/master\n0000";
        assert_eq!(answer(false, &[]), both);
        assert_eq!(answer(false, &["HEAD", "refs/heads/"]), both);
        assert_eq!(answer(true, &["HEAD", "refs/tags/"]), "0052ID HEAD symref-target:refs/heads/master\n0000");
        assert_eq!(answer(true, &["refs/tags/"]), "0000");
    }
}
