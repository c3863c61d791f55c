//! What a client of the git index has fetched so far, in memory, and the files in it.
//!
//! Reads packs by itself (format: gitformat-pack), as strictly as git does and in one respect more: each object that was sent
//! has to be part of what was asked for.

use crate::git_protocol::{fetch, head, pack, post, refs};
use crate::http::{Answer, Client};
use flate2::{Decompress, FlushDecompress, Status};
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, HashMap, HashSet};
use wharf_git_wire::{Kind, ObjectId, Protocol, object};

/// The objects of one client's repository.
#[derive(Debug, Default)]
pub struct Mirror {
    objects: HashMap<ObjectId, (Kind, Vec<u8>)>,
    /// The commits it was at.
    heads: Vec<ObjectId>,
}

impl Mirror {
    /// Asks the index at `url` for its refs, and, where these are told, fetches what is lacking: the refusal, or the files.
    pub async fn update(
        &mut self,
        client: &Client,
        url: &str,
        protocol: Protocol,
    ) -> Result<BTreeMap<String, Vec<u8>>, Answer> {
        let told = refs(client, url, protocol).await;
        if told.status != 200 {
            return Err(told);
        }
        let wanted = head(client, url, protocol, &told).await;
        let body = fetch(protocol, wanted, &self.heads);
        let answer = post(client, url, protocol, &[], body).await.expect(200);
        let sent = unpack(&pack(&answer));
        let ids: Vec<ObjectId> = sent.keys().copied().collect();
        self.objects.extend(sent);
        let (mut files, mut reached) = (BTreeMap::new(), HashSet::from([wanted]));
        self.walk(self.root(wanted), "", &mut files, &mut reached);
        for id in ids {
            assert!(reached.contains(&id), "{id} was sent and is not part of {wanted}");
        }
        self.heads.retain(|head| *head != wanted);
        self.heads.push(wanted);
        Ok(files)
    }

    fn get(&self, id: ObjectId, kind: Kind) -> &[u8] {
        let (found, content) = self.objects.get(&id).unwrap_or_else(|| panic!("{id} was not sent"));
        assert_eq!(*found, kind, "{id}");
        content
    }

    /// The tree of a commit, which has no history.
    fn root(&self, commit: ObjectId) -> ObjectId {
        let content = self.get(commit, Kind::Commit);
        let text = std::str::from_utf8(content).unwrap();
        assert!(!text.contains("\nparent "), "{text}");
        ObjectId::from_hex(&text.strip_prefix("tree ").unwrap().as_bytes()[..40]).unwrap()
    }

    fn walk(&self, tree: ObjectId, at: &str, files: &mut BTreeMap<String, Vec<u8>>, reached: &mut HashSet<ObjectId>) {
        reached.insert(tree);
        let mut rest = self.get(tree, Kind::Tree);
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == 0).unwrap();
            let entry = std::str::from_utf8(&rest[..end]).unwrap();
            let (id, after) = rest[end + 1..].split_first_chunk::<20>().unwrap();
            let id = ObjectId::new(*id);
            match entry.split_once(' ').unwrap() {
                ("40000", name) => self.walk(id, &format!("{at}{name}/"), files, reached),
                ("100644", name) => {
                    reached.insert(id);
                    files.insert(format!("{at}{name}"), self.get(id, Kind::Blob).to_vec());
                }
                other => panic!("{other:?} in a tree"),
            }
            rest = after;
        }
    }
}

/// The objects of a pack without deltas, by their ids.
fn unpack(pack: &[u8]) -> HashMap<ObjectId, (Kind, Vec<u8>)> {
    let (content, sum) = pack.split_last_chunk::<20>().unwrap();
    assert_eq!(Sha1::digest(content).as_slice(), sum, "the checksum of the pack");
    let (start, mut rest) = content.split_first_chunk::<12>().unwrap();
    assert_eq!(start[..8], *b"PACK\0\0\0\x02");
    let count = u32::from_be_bytes(start[8..].try_into().unwrap());
    let mut objects = HashMap::new();
    for _ in 0..count {
        let (kind, bytes, after) = entry(rest);
        objects.insert(object::id(kind, &bytes).unwrap(), (kind, bytes));
        rest = after;
    }
    assert!(rest.is_empty() && objects.len() == usize::try_from(count).unwrap(), "each object once, and nothing else");
    objects
}

/// The first object of these, and what comes after it.
fn entry(pack: &[u8]) -> (Kind, Vec<u8>, &[u8]) {
    let end = pack.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let kind = match (pack[0] >> 4) & 7 {
        1 => Kind::Commit,
        2 => Kind::Tree,
        3 => Kind::Blob,
        other => panic!("an object of kind {other}"),
    };
    let low = usize::from(pack[0] & 15);
    let high = pack[1..end].iter().rev().fold(0, |high, byte| (high << 7) | usize::from(byte & 0x7f));
    let size = (high << 4) | low;
    let mut content = Vec::with_capacity(size + 1);
    let mut zlib = Decompress::new(true);
    let status = zlib.decompress_vec(&pack[end..], &mut content, FlushDecompress::Finish).unwrap();
    assert_eq!((status, content.len()), (Status::StreamEnd, size));
    (kind, content, &pack[end + usize::try_from(zlib.total_in()).unwrap()..])
}
