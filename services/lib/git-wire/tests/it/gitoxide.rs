//! Objects, packs and lines as gitoxide's crates make and read them.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use gix_object::WriteTo;
use gix_object::tree::EntryKind;
use gix_packetline::PacketLineRef;
use gix_packetline::blocking_io::{StreamingPeekableIter, encode};
use gix_packetline::decode::Stream;
use proptest::prelude::*;
use wharf_git_wire::object::{commit, id, tree};
use wharf_git_wire::pkt_line::{self, MAX_PAYLOAD_BYTES};
use wharf_git_wire::{Framing, Kind, Mode, ObjectId, Packet, Protocol, TreeEntry, advertisement};

use crate::snapshot::Snapshot;

const SHA1: gix_hash::Kind = gix_hash::Kind::Sha1;

fn theirs(id: ObjectId) -> gix_hash::ObjectId {
    gix_hash::ObjectId::from_bytes_or_panic(id.as_bytes())
}

fn their_kind(kind: Kind) -> gix_object::Kind {
    match kind {
        Kind::Commit => gix_object::Kind::Commit,
        Kind::Tree => gix_object::Kind::Tree,
        Kind::Blob => gix_object::Kind::Blob,
    }
}

#[test]
fn commits_are_read_as_they_are_meant() {
    let root = ObjectId::new([0x5a; 20]);
    let content = commit(root);
    let read = gix_object::CommitRef::from_bytes(&content, SHA1).unwrap();
    assert_eq!((read.tree(), read.parents.len(), read.extra_headers.len()), (theirs(root), 0, 0));
    assert_eq!((read.author, read.message.to_string()), (read.committer, "Index\n".to_owned()));
    assert!(read.author().is_ok());
}

#[test]
fn packs_are_read_entry_by_entry() {
    let snapshot = Snapshot::sample(200, "");
    let mut bytes = Vec::new();
    snapshot.pack(None, Framing::Raw, &mut bytes);
    let pack = gix_pack::data::File::from_data(bytes.clone(), "memory".into(), SHA1).unwrap();
    assert_eq!(pack.version(), gix_pack::data::Version::V2);
    assert_eq!(usize::try_from(pack.num_objects()).unwrap(), snapshot.objects.len());
    let mut hash = gix_hash::hasher(SHA1);
    hash.update(&bytes[..bytes.len() - 20]);
    assert_eq!(pack.checksum(), hash.try_finalize().unwrap());
    let mut offset = 12;
    for (id, kind, content) in &snapshot.objects {
        let entry = pack.entry(offset).unwrap();
        assert_eq!((entry.header.as_kind(), entry.header.is_base()), (Some(their_kind(*kind)), true));
        assert_eq!(entry.decompressed_size, content.len() as u64);
        let start = usize::try_from(entry.data_offset).unwrap();
        let mut out = Vec::with_capacity(content.len() + 1);
        let mut inflater = Decompress::new(true);
        let status = inflater.decompress_vec(&bytes[start..], &mut out, FlushDecompress::Finish).unwrap();
        assert_eq!((status, &out), (Status::StreamEnd, content));
        assert_eq!(gix_object::compute_hash(SHA1, their_kind(*kind), &out).unwrap(), theirs(*id));
        offset = entry.data_offset + inflater.total_in();
    }
    assert_eq!(usize::try_from(offset).unwrap(), pack.pack_end());
}

#[test]
fn frames_are_taken_apart_to_the_pack() {
    let snapshot = Snapshot::sample(1000, "");
    let (mut raw, mut framed) = (Vec::new(), Vec::new());
    snapshot.pack(None, Framing::Raw, &mut raw);
    snapshot.pack(None, Framing::SideBand64k, &mut framed);
    assert!(framed.len() > 65_520, "more than one frame");
    let mut lines = StreamingPeekableIter::new(&framed[..], &[PacketLineRef::Flush], false);
    let mut read = Vec::new();
    lines
        .as_read_with_sidebands(|_, text: &[u8]| panic!("no progress or error expected: {text:?}"))
        .read_to_end(&mut read)
        .unwrap();
    assert_eq!(read, raw);
}

#[test]
fn the_offer_is_read_line_by_line() {
    let bytes = advertisement(Protocol::V0, ObjectId::new([0xab; 20]));
    let (mut rest, mut lines) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let Stream::Complete { line, bytes_consumed } = gix_packetline::decode::streaming(rest).unwrap() else {
            panic!("incomplete")
        };
        lines.push(line.as_slice().map(<[u8]>::to_vec));
        rest = &rest[bytes_consumed..];
    }
    let data: Vec<_> = lines.iter().map(Option::is_some).collect();
    assert_eq!(data, [true, false, true, true, false]);
}

proptest! {
    #[test]
    fn trees_are_the_same_bytes_and_ids(
        entries in proptest::collection::btree_map("[a-cA-C0-1_-]{1,3}[.]?[a-b]?", (any::<bool>(), any::<[u8; 20]>()), 1..40),
    ) {
        let ours = tree(entries.iter().map(|(name, (is_directory, bytes))| TreeEntry {
            name,
            mode: if *is_directory { Mode::Directory } else { Mode::File },
            id: ObjectId::new(*bytes),
        }))
        .unwrap();
        let mut other = gix_object::Tree {
            entries: entries
                .iter()
                .map(|(name, (is_directory, bytes))| gix_object::tree::Entry {
                    mode: if *is_directory { EntryKind::Tree } else { EntryKind::Blob }.into(),
                    filename: name.as_str().into(),
                    oid: gix_hash::ObjectId::from_bytes_or_panic(bytes),
                })
                .collect(),
        };
        other.entries.sort();
        let mut bytes = Vec::new();
        other.write_to(&mut bytes).unwrap();
        prop_assert_eq!(&ours, &bytes);
        let hash = gix_object::compute_hash(SHA1, gix_object::Kind::Tree, &bytes).unwrap();
        prop_assert_eq!(theirs(id(Kind::Tree, &ours).unwrap()), hash);
    }

    #[test]
    fn ids_agree(content: Vec<u8>) {
        for kind in [Kind::Commit, Kind::Tree, Kind::Blob] {
            let hash = gix_object::compute_hash(SHA1, their_kind(kind), &content).unwrap();
            prop_assert_eq!(theirs(id(kind, &content).unwrap()), hash);
        }
    }

    #[test]
    fn lines_are_written_alike(payload in proptest::collection::vec(any::<u8>(), 1..2000)) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        pkt_line::write(&payload, &mut ours).unwrap();
        encode::data_to_write(&payload, &mut theirs).unwrap();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn lines_are_read_alike(head in "[0-9a-fA-F]{4}|000[0-9]|00[0-2][0-9a-f]|.{0,4}", tail: Vec<u8>) {
        let bytes = [head.as_bytes(), &tail].concat();
        // An empty line is an error to gitoxide and a line to git; we follow git.
        prop_assume!(!bytes.starts_with(b"0004"));
        let ours = pkt_line::read(&bytes, MAX_PAYLOAD_BYTES);
        match (gix_packetline::decode::streaming(&bytes), ours) {
            (Ok(Stream::Complete { line, bytes_consumed }), Ok((packet, rest))) => {
                prop_assert_eq!(bytes_consumed + rest.len(), bytes.len());
                match (line, packet) {
                    (PacketLineRef::Data(a), Packet::Data(b)) => prop_assert_eq!(a, b),
                    (PacketLineRef::Flush, Packet::Flush)
                    | (PacketLineRef::Delimiter, Packet::Delimiter)
                    | (PacketLineRef::ResponseEnd, Packet::ResponseEnd) => {}
                    (a, b) => prop_assert!(false, "{:?} {:?}", a, b),
                }
            }
            (Ok(Stream::Incomplete { .. }), ours) => prop_assert_eq!(ours, Err(wharf_git_wire::PacketError::Truncated)),
            (Err(_), Err(wharf_git_wire::PacketError::Length | wharf_git_wire::PacketError::TooLong)) => {}
            (_, ours) => prop_assert!(false, "only one of both reads {:?}: {:?}", bytes, ours),
        }
    }
}
