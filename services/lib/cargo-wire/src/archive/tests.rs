use super::*;
use crate::testing::{gzip, member, member_with, package};
use proptest::prelude::*;

const MANIFEST: &[u8] = b"[package]\n";

fn inspect(archive: &[u8]) -> Result<Archive, ArchiveError> {
    inspect_with(archive, &PublishLimits::default())
}

fn inspect_with(archive: &[u8], limits: &PublishLimits) -> Result<Archive, ArchiveError> {
    let name = CrateName::parse("foo").unwrap();
    Archive::inspect(archive, &name, &CrateVersion::parse("1.0.0").unwrap(), limits)
}

fn manifest() -> Vec<u8> {
    member(b"foo-1.0.0/Cargo.toml", b'0', 0o644, MANIFEST)
}

fn file(path: &str) -> Vec<u8> {
    member(path.as_bytes(), b'0', 0o644, b"data")
}

fn tar_of(members: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = members.concat();
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// The verdict on a manifest followed by these members.
fn with(members: &[Vec<u8>]) -> Result<Archive, ArchiveError> {
    let mut all = vec![manifest()];
    all.extend_from_slice(members);
    inspect(&gzip(&tar_of(&all)))
}

fn pax(records: &str) -> Vec<u8> {
    member(b"PaxHeaders/x", b'x', 0o644, records.as_bytes())
}

fn header_fault(members: &[Vec<u8>]) -> &'static str {
    match with(members) {
        Err(ArchiveError::Header(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cargo_builds_passes() {
    let long = format!("src/{}/{}.rs", "d".repeat(90), "f".repeat(90));
    let files: &[(&str, &[u8])] =
        &[(".cargo_vcs_info.json", b"{}"), ("Cargo.lock", b""), ("Cargo.toml.orig", b"x"), (&long, &[1; 1000])];
    let passed = inspect(&package("foo", "1.0.0", "[package]\n", files)).unwrap();
    assert_eq!(passed, Archive { manifest: "[package]\n".into(), file_count: 5, unpacked_bytes: 1013 });
}

#[test]
fn what_the_rules_allow_passes() {
    let ustar = member_with(b"a/c.rs", b'0', 0o755, b"x", |header| {
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[345..354].copy_from_slice(b"foo-1.0.0");
    });
    let passed = with(&[
        member(b"foo-1.0.0/", b'5', 0o755, b""),
        member(b"foo-1.0.0/a", b'5', 0o755, b""),
        ustar,
        member(b"foo-1.0.0/old", 0, 0o100_644, b"12"),
        pax("20 path=foo-1.0.0/p\n10 size=4\n18 mtime=123.4567\n"),
        file("short"),
        member(b"././@LongLink", b'L', 0, b"foo-1.0.0/long\0"),
        file("foo-1.0.0/lo"),
    ])
    .unwrap();
    assert_eq!((passed.file_count, passed.unpacked_bytes), (5, 10 + 1 + 2 + 4 + 4));
}

#[test]
fn gzip_is_one_member_and_whole() {
    let sound = gzip(&tar_of(&[manifest()]));
    assert!(inspect(&sound).is_ok());
    assert_eq!(inspect(&[&sound[..], b"\0"].concat()), Err(ArchiveError::TrailingBytes));
    assert_eq!(inspect(&[&sound[..], &gzip(b"")].concat()), Err(ArchiveError::TrailingBytes));
    let tar = tar_of(&[manifest()]);
    let split = [gzip(&tar[..1024]), gzip(&tar[1024..])].concat();
    assert!(inspect(&split).is_err(), "a tar over two members");
    for end in [0, 1, 9, sound.len() / 2, sound.len() - 9, sound.len() - 1] {
        assert!(matches!(inspect(&sound[..end]), Err(ArchiveError::Gzip(_))), "cut at {end}");
    }
    let mut wrong_sum = sound.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    assert!(matches!(inspect(&wrong_sum), Err(ArchiveError::Gzip(_))));
    assert!(matches!(inspect(b"PK\x03\x04 not gzip at all"), Err(ArchiveError::Gzip(_))));
}

#[test]
fn inflating_is_limited_in_size_and_ratio() {
    let big = member(b"foo-1.0.0/zeros", b'0', 0o644, &vec![0; 100_000]);
    let archive = gzip(&tar_of(&[manifest(), big]));
    let limits = PublishLimits { unpacked_bytes: 102_912, ratio: 1, ratio_free_bytes: 1 << 30, entries: 9 };
    assert!(inspect_with(&archive, &limits).is_ok());
    let tight = PublishLimits { unpacked_bytes: 102_911, ..limits };
    assert_eq!(inspect_with(&archive, &tight), Err(ArchiveError::TooLarge { limit: 102_911 }));
    let by_ratio = PublishLimits { ratio: 20, ratio_free_bytes: 16, ..limits };
    let limit = archive.len() as u64 * 20;
    assert!(limit < 102_912);
    assert_eq!(inspect_with(&archive, &by_ratio), Err(ArchiveError::TooLarge { limit }));

    let limits = PublishLimits::default();
    assert_eq!(limits.inflated_bytes(100), 16 << 20);
    assert_eq!(limits.inflated_bytes(1 << 20), 20 << 20);
    assert_eq!(limits.inflated_bytes(100 << 20), 512 << 20);
}

#[test]
fn a_size_that_is_not_there_costs_nothing() {
    let huge =
        member_with(b"foo-1.0.0/huge", b'0', 0o644, b"", |header| header[124..136].copy_from_slice(b"77777777777\0"));
    assert_eq!(with(&[huge]), Err(ArchiveError::Truncated));
}

#[test]
fn members_are_counted_with_their_extensions() {
    let archive = gzip(&tar_of(&[
        manifest(),
        member(b"././@LongLink", b'L', 0, b"foo-1.0.0/a\0"),
        file("x"),
        file("foo-1.0.0/b"),
    ]));
    assert!(inspect_with(&archive, &PublishLimits { entries: 4, ..PublishLimits::default() }).is_ok());
    let limits = PublishLimits { entries: 3, ..PublishLimits::default() };
    assert_eq!(inspect_with(&archive, &limits), Err(ArchiveError::TooManyEntries(3)));
}

#[test]
fn only_files_and_directories() {
    for (flag, name) in [
        (b'1', "hard link"),
        (b'2', "symbolic link"),
        (b'3', "character device"),
        (b'4', "block device"),
        (b'6', "fifo"),
        (b'7', "contiguous file"),
        (b'g', "global pax header"),
        (b'K', "GNU long link name"),
        (b'S', "sparse file"),
        (b'D', "member of unknown type"),
        (b'V', "member of unknown type"),
        (b'X', "member of unknown type"),
    ] {
        let error = with(&[member(b"foo-1.0.0/x", flag, 0o644, b"")]).unwrap_err();
        assert_eq!(error, ArchiveError::EntryType { path: "foo-1.0.0/x".into(), kind: name });
    }
}

#[test]
fn headers_are_strict() {
    let mut wrong = file("foo-1.0.0/a");
    wrong[0] ^= 0x20;
    assert_eq!(header_fault(&[wrong]), "its checksum is wrong");
    let changed =
        |change: fn(&mut [u8; 512])| header_fault(&[member_with(b"foo-1.0.0/a", b'0', 0o644, b"data", change)]);
    assert_eq!(changed(|h| h[257..265].fill(0)), "neither GNU nor ustar format");
    assert_eq!(changed(|h| h[345] = b'a'), "GNU extra fields");
    assert_eq!(changed(|h| h[99] = b'x'), "bytes after the end of a name");
    assert_eq!(changed(|h| h[124] = 0x80), "its size is no octal number");
    assert_eq!(changed(|h| h[124..136].copy_from_slice(b"0000000000+4")), "its size is no octal number");
    assert_eq!(changed(|h| h[124..136].fill(0)), "its size is no octal number");
    assert_eq!(changed(|h| h[100] = b'8'), "its mode is no octal number");
    assert_eq!(changed(|h| h[124..136].copy_from_slice(b"\n0000000004\0")), "its size is no octal number");
    assert_eq!(changed(|h| h[100..108].copy_from_slice(b"0120644\0")), "its mode is that of another kind of file");
    for at in [108, 116, 329, 337] {
        let member = member_with(b"foo-1.0.0/a", b'0', 0o644, b"data", |h| h[at] = b'x');
        assert_eq!(header_fault(&[member]), "the number of an owner or device is no octal number");
    }
    assert_eq!(changed(|h| h[136] = b'-'), "its time is no octal number");
    let directory = member(b"foo-1.0.0/d/", b'5', 0o755, b"data");
    assert_eq!(header_fault(&[directory]), "a directory with data");
}

#[test]
fn long_names() {
    let long = |name: &[u8]| member(b"././@LongLink", b'L', 0, name);
    assert_eq!(
        header_fault(&[long(b"foo-1.0.0/a\0"), long(b"foo-1.0.0/b\0"), file("x")]),
        "two long names for one member"
    );
    assert_eq!(header_fault(&[long(b"foo-1.0.0/a\0")]), "an extension header describes no member");
    assert_eq!(header_fault(&[long(&[b'a'; 1026]), file("x")]), "a long name above the limit");
    // Only the last NUL ends the name; one inside would end it for a reader written in C.
    let error = with(&[long(b"foo-1.0.0/a\0b\0"), file("x")]).unwrap_err();
    assert!(matches!(error, ArchiveError::Path { fault: PathFault::Character, .. }), "{error}");
    let both = [long(b"foo-1.0.0/a\0"), pax("20 path=foo-1.0.0/p\n"), file("x")];
    assert!(matches!(with(&both), Err(ArchiveError::Pax(why)) if why.contains("competes")));
}

#[test]
fn pax_headers() {
    for (records, why) in [
        ("15 uid=1000000\n", "key `uid`"),
        ("22 linkpath=/etc/pass\n", "key `linkpath`"),
        ("19 GNU.sparse.x=123\n", "malformed"),
        ("20 GNU.sparse.x=123\n\n", "key `GNU.sparse.x`"),
        ("10 size=5\n", "size differs"),
        ("11 size=04\n", "malformed"),
        ("10 size=4\n10 size=4\n", "occurs twice"),
        ("20 path=foo-1.0.0/p\n20 path=foo-1.0.0/q\n", "occurs twice"),
        ("11 mtime=x\n", "malformed"),
        ("21 mtime=10000000000\n", "malformed"),
        ("22 path=foo-1.0.0/e\u{301}\n", "composed form"),
        ("12 mtime=1.\n", "malformed"),
        ("0 a=b\n", "malformed"),
        ("5 a=b\n", "malformed"),
        ("99 a=b\n", "malformed"),
        ("06 a=b\n", "malformed"),
        ("6 a=bc", "malformed"),
        ("6 abc\n", "malformed"),
        ("path=foo", "malformed"),
        ("\0", "malformed"),
    ] {
        match with(&[pax(records), file("foo-1.0.0/x")]) {
            Err(ArchiveError::Pax(found)) => assert!(found.contains(why), "{records:?}: {found}"),
            other => panic!("{records:?}: {other:?}"),
        }
    }
    let two = [pax("10 size=4\n"), pax("10 size=4\n"), file("foo-1.0.0/x")];
    assert!(matches!(with(&two), Err(ArchiveError::Pax(why)) if why.contains("two")));
    assert_eq!(header_fault(&[pax(&"6 a=b\n".repeat(700)), file("foo-1.0.0/x")]), "a pax header above the limit");
    // The path is judged, wherever it comes from.
    let outside = with(&[pax("13 path=/etc\n"), file("foo-1.0.0/x")]).unwrap_err();
    assert!(matches!(outside, ArchiveError::Path { fault: PathFault::Root, .. }), "{outside}");
}

#[test]
fn the_end_is_zero_blocks_only() {
    let tar = manifest();
    let end = |tail: &[u8]| inspect(&gzip(&[&tar[..], tail].concat()));
    assert_eq!(end(b""), Err(ArchiveError::Truncated));
    assert_eq!(end(&[0; 512]), Err(ArchiveError::Truncated));
    assert_eq!(end(&[0; 1000]), Err(ArchiveError::Truncated));
    assert!(end(&[0; 1024]).is_ok());
    assert!(end(&[0; 10_240]).is_ok());
    assert_eq!(end(&[0; 1025]), Err(ArchiveError::Truncated));
    assert_eq!(end(&[&[0; 1024][..], &file("foo-1.0.0/x")].concat()), Err(ArchiveError::AfterEnd));
    let mut late = vec![0; 4096];
    late[4095] = 1;
    assert_eq!(end(&late), Err(ArchiveError::AfterEnd));
}

#[test]
fn modes() {
    for mode in [0o4755, 0o2755, 0o1755, 0o646, 0o777] {
        let error = with(&[member(b"foo-1.0.0/x", b'0', mode, b"")]).unwrap_err();
        assert_eq!(error, ArchiveError::Mode { path: "foo-1.0.0/x".into(), mode });
    }
    assert!(with(&[member(b"foo-1.0.0/x", b'0', 0o775, b"")]).is_ok());
    assert!(with(&[member(b"foo-1.0.0/d/", b'5', 0o777, b"")]).is_err());
}

#[test]
fn the_manifest() {
    let only = |members: &[Vec<u8>]| inspect(&gzip(&tar_of(members)));
    assert_eq!(only(&[file("foo-1.0.0/x")]), Err(ArchiveError::NoManifest("foo-1.0.0".into())));
    assert_eq!(only(&[]), Err(ArchiveError::NoManifest("foo-1.0.0".into())));
    assert_eq!(only(&[file("foo-1.0.0/a/Cargo.toml")]), Err(ArchiveError::NoManifest("foo-1.0.0".into())));
    for path in ["foo-1.0.0/cargo.toml", "foo-1.0.0/CARGO.TOML"] {
        assert_eq!(only(&[file(path)]), Err(ArchiveError::ManifestName(path.into())));
        assert!(with(&[file(path)]).is_err());
    }
    assert!(matches!(with(&[manifest()]), Err(ArchiveError::Collision(..))));
    let directory = member(b"foo-1.0.0/Cargo.toml/", b'5', 0o755, b"");
    assert_eq!(only(&[directory]), Err(ArchiveError::ManifestName("foo-1.0.0/Cargo.toml".into())));
    let text = |data: &[u8]| only(&[member(b"foo-1.0.0/Cargo.toml", b'0', 0o644, data)]);
    assert_eq!(text(b"\xff"), Err(ArchiveError::ManifestText));
    let limit = usize::try_from(MANIFEST_BYTES_MAX).unwrap();
    assert!(text(&vec![b' '; limit]).is_ok());
    assert_eq!(text(&vec![b' '; limit + 1]), Err(ArchiveError::ManifestTooLarge(MANIFEST_BYTES_MAX + 1)));
}

#[test]
fn paths_are_judged_alone_and_together() {
    assert!(matches!(with(&[file("../x")]), Err(ArchiveError::Path { fault: PathFault::Root, .. })));
    assert!(matches!(with(&[file("foo-1.0.0/.cargo-ok")]), Err(ArchiveError::Path { fault: PathFault::CargoOk, .. })));
    assert!(matches!(with(&[file("foo-1.0.0/a"), file("foo-1.0.0/A")]), Err(ArchiveError::Collision(..))));
    assert!(matches!(with(&[file("foo-1.0.0/a"), file("foo-1.0.0/a/b")]), Err(ArchiveError::Collision(..))));
    let error = with(&[file("foo-1.0.0/a\u{1b}[31m")]).unwrap_err().to_string();
    assert!(!error.contains('\u{1b}'), "{error:?}");
}

#[test]
fn readers_have_to_agree() {
    let one = Member { path: b"a".to_vec(), kind: Kind::File, size: 1, mode: 0o644, data_at: 512 };
    let list = [one.clone(), Member { path: b"b".to_vec(), ..one.clone() }];
    let judge = |theirs: Vec<io::Result<Member>>| compare(&list, theirs.into_iter());
    let [a, b] = list.clone();
    assert_eq!(judge(vec![Ok(a.clone()), Ok(b.clone())]), Ok(()));
    let others = [
        vec![],
        vec![Ok(a.clone())],
        vec![Ok(b.clone()), Ok(a.clone())],
        vec![Ok(a.clone()), Ok(b.clone()), Ok(b.clone())],
        vec![Ok(a.clone()), Ok(b.clone()), Err(io::ErrorKind::InvalidData.into())],
        vec![Ok(a.clone()), Err(io::ErrorKind::InvalidData.into())],
        vec![Ok(a.clone()), Ok(Member { size: 2, ..b.clone() })],
        vec![Ok(a.clone()), Ok(Member { mode: 0o755, ..b.clone() })],
        vec![Ok(a.clone()), Ok(Member { data_at: 0, ..b.clone() })],
        vec![Ok(a), Ok(Member { kind: Kind::Directory, ..b })],
    ];
    for theirs in others {
        assert_eq!(judge(theirs), Err(ArchiveError::Ambiguous));
    }
    // End to end: the second reader really reads this archive.
    let archive = gzip(&tar_of(&[manifest()]));
    let ours = Member { path: b"foo-1.0.0/Cargo.toml".to_vec(), kind: Kind::File, size: 10, mode: 0o644, data_at: 512 };
    assert_eq!(second_opinion(&archive, 1 << 20, std::slice::from_ref(&ours)), Ok(()));
    let other = Member { path: b"foo-1.0.0/Cargo.lock".to_vec(), ..ours };
    assert_eq!(second_opinion(&archive, 1 << 20, &[other]), Err(ArchiveError::Ambiguous));
}

proptest! {
    /// Whatever one byte of the tar is turned into, the archive is refused or still lists what both readers see.
    #[test]
    fn damaged_tars_never_panic(at in 0_usize..3072, byte: u8) {
        let mut tar = tar_of(&[manifest(), file("foo-1.0.0/a")]);
        let before = tar[at % tar.len()];
        let at = at % tar.len();
        tar[at] = byte;
        let verdict = inspect(&gzip(&tar));
        // Header bytes are under the checksum, so a changed one is always noticed.
        let header = at < 512 || (1024..1536).contains(&at);
        let blank_of_the_sum = (148..156).contains(&(at % 1024));
        if header && byte != before && !blank_of_the_sum {
            prop_assert!(verdict.is_err());
        }
    }

    #[test]
    fn random_bytes_never_pass(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(inspect(&bytes).is_err());
        prop_assert!(inspect(&gzip(&bytes)).is_err());
    }

    #[test]
    fn any_set_of_sound_files_passes(files in proptest::collection::btree_map("[a-z]{1,60}(/[a-z]{3,60}){0,2}", proptest::collection::vec(any::<u8>(), 0..2000), 0..6)) {
        let names: Vec<&String> = files.keys().collect();
        prop_assume!(names.iter().all(|a| names.iter().all(|b| !b.starts_with(&format!("{a}/")))));
        prop_assume!(names.iter().all(|a| a.split('/').all(|part| !["con", "aux", "nul", "prn"].contains(&part))));
        let list: Vec<(&str, &[u8])> = files.iter().map(|(path, data)| (path.as_str(), data.as_slice())).collect();
        let passed = inspect(&package("foo", "1.0.0", "", &list)).unwrap();
        prop_assert_eq!(passed.file_count, files.len() + 1);
        prop_assert_eq!(passed.unpacked_bytes, files.values().map(|data| data.len() as u64).sum::<u64>());
    }
}
