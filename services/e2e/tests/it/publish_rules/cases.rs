//! One case for each rule: its name, the status it is refused with, a part of the refusal, and the body that breaks it.

use super::upload::*;
use serde_json::{Value, json};
use wharf_testkit::fixture::frame;

pub(super) type Case = (&'static str, u16, &'static str, Upload);

/// Every case, group by group; each group is made when it is needed, some bodies are large.
pub(super) const GROUPS: &[fn() -> Vec<Case>] =
    &[frames, json_heads, names, agreement, dependencies, limits, gzip_files, tar_files, paths, modes_and_manifest];

fn frames() -> Vec<Case> {
    let body = sound();
    let head = head().to_string();
    let cut = |at: usize| Upload::from(body[..at].to_vec());
    let announced = [&frame(head.as_bytes(), b"")[..4 + head.len()], &u32::MAX.to_le_bytes(), b"tiny"].concat();
    let encoded = Upload { headers: vec![("content-encoding", "gzip")], ..body.clone().into() };
    vec![
        ("no Content-Length", 400, "an upload needs a Content-Length", Vec::new().into()),
        ("cut in the length", 400, "ends inside the metadata length", cut(3)),
        ("cut in the JSON", 400, "ends inside the metadata", cut(40)),
        ("cut before the archive", 400, "ends inside the package length", cut(4 + head.len() + 2)),
        ("cut in the archive", 400, "ends inside the package", cut(body.len() - 1)),
        ("bytes after the archive", 400, "1 bytes after the package", [&body[..], b"\n"].concat().into()),
        ("an encoded body", 400, "Content-Encoding", encoded),
        (
            "JSON above 1 MiB",
            413,
            "the package metadata is",
            with_head(|head| head["readme"] = json!("r".repeat(1 << 20))),
        ),
        ("an archive announced above the limit", 413, "more than the 10485760 allowed", announced.into()),
        (
            "a body above the limit",
            413,
            "this registry takes packages of up to 10485760 bytes",
            vec![b'x'; 12 << 20].into(),
        ),
    ]
}

fn json_heads() -> Vec<Case> {
    let text = head().to_string();
    let nested = json!((0..40).fold(json!(1), |inner, _| json!([inner])));
    vec![
        ("no JSON", 400, "the upload metadata cannot be read", with_text("name = \"sound\"")),
        ("JSON cut off", 400, "the upload metadata cannot be read", with_text(&text[..text.len() - 1])),
        ("two JSON documents", 400, "the upload metadata cannot be read", with_text(&format!("{text}{text}"))),
        ("a key twice", 400, "the key `name` occurs twice", with_text(&text.replacen('{', "{\"name\":\"other\",", 1))),
        ("JSON too deep", 400, "nested deeper than 32", with_head(|head| head["badges"] = nested)),
        ("a NUL in a text", 400, "NUL", with_head(|head| head["readme"] = json!("a\0b"))),
        (
            "a key missing",
            400,
            "missing field `vers`",
            with_head(|head| drop(head.as_object_mut().unwrap().remove("vers"))),
        ),
        ("a wrong type", 400, "the upload metadata cannot be read", with_head(|head| head["name"] = json!(7))),
    ]
}

fn names() -> Vec<Case> {
    let named = |name: &str| with_head(|head| head["name"] = json!(name));
    let numbered = |number: &str| with_head(|head| head["vers"] = json!(number));
    vec![
        ("an empty name", 400, "1 to 64 characters", named("")),
        ("a long name", 400, "1 to 64 characters", named(&"a".repeat(65))),
        ("a name with a digit first", 400, "starts with an ASCII letter", named("1sound")),
        ("a name with a dot", 400, "holds only ASCII letters", named("so.und")),
        ("a name beyond ASCII", 400, "holds only ASCII letters", named("söund")),
        ("a Windows device", 400, "reserved", named("NUL")),
        ("a word of the language", 400, "reserved", named("unsafe")),
        ("a crate of the compiler", 400, "reserved", named("std")),
        ("no version", 400, "is not a version number", numbered("")),
        ("half a version", 400, "is not a version number", numbered("1.0")),
        ("a version with a leading zero", 400, "is not a version number", numbered("1.0.01")),
        ("a long version", 400, "at most 150 characters", numbered(&format!("1.0.0-{}", "a".repeat(150)))),
        ("a name that is taken in another spelling", 409, "counts as the same name", named("taken_NAME")),
        ("a number that differs in build metadata", 409, "does not make another version", {
            let body = wharf_testkit::CrateFixture::new("Taken-Name", "1.0.0+other").body("");
            body.into()
        }),
        ("a published number", 409, "published versions never change", {
            let body = wharf_testkit::CrateFixture::new("Taken-Name", "1.0.0+first").salt("other").body("");
            body.into()
        }),
    ]
}

fn agreement() -> Vec<Case> {
    let replaced = |from: &str, to: &str| {
        let manifest = manifest("").replacen(from, to, 1);
        with_only(&[cargo_toml(manifest.as_bytes())])
    };
    let elsewhere = |root: &str| {
        let path = format!("{root}/Cargo.toml");
        with_only(&[member(path.as_bytes(), b'0', 0o644, manifest("").as_bytes())])
    };
    let dependency = |more: &str| with_manifest(&format!("[dependencies.dep]\nversion = \"1\"\n{more}"));
    vec![
        ("another name in Cargo.toml", 400, "says name `sound`, but Cargo.toml", replaced("\"sound\"", "\"other\"")),
        (
            "another spelling in Cargo.toml",
            400,
            "says name `sound`, but Cargo.toml",
            replaced("\"sound\"", "\"Sound\""),
        ),
        ("another version in Cargo.toml", 400, "says version `1.0.0`, but Cargo.toml", replaced("1.0.0", "1.0.1")),
        ("another root directory", 400, "directory named after crate and version", elsewhere("sound-1.0.1")),
        ("a dependency only in Cargo.toml", 400, "disagree about the dependency `dep`", dependency("")),
        (
            "a dependency only in the JSON",
            400,
            "disagree about the dependency `dep`",
            with_head(|head| {
                head["deps"] = json!([{ "name": "dep", "version_req": "^1" }]);
            }),
        ),
        ("a dependency by path", 400, "uses `path`", dependency("path = \"../dep\"")),
        ("a dependency from git", 400, "uses `git`", dependency("git = \"https://git.example/dep\"")),
        ("a dependency by registry name", 400, "uses `registry`", dependency("registry = \"other\"")),
        ("an artifact dependency", 400, "artifact", dependency("artifact = \"bin\"")),
        ("[patch]", 400, "[patch] table", with_manifest("[patch.crates-io]")),
        ("[replace]", 400, "[replace] table", with_manifest("[replace]")),
        (
            "an inherited field",
            400,
            "`license` in Cargo.toml inside the package is inherited",
            with_manifest("license.workspace = true"),
        ),
        ("an inherited dependency", 400, "inherited", with_manifest("[dependencies]\ndep.workspace = true")),
        ("no TOML", 400, "Cargo.toml inside the package cannot be read", with_manifest("[")),
        ("no package", 400, "has no `package`", with_only(&[cargo_toml(b"[lib]\n")])),
        ("a rust-version that is none", 400, "is not a Rust version", with_manifest("rust-version = \"new\"")),
        ("links that name nothing", 400, "not the name of a native library", with_manifest("links = \"a b\"")),
        ("a feature cargo cannot read", 400, "is not a feature name", with_manifest("[features]\n\"a b\" = []")),
    ]
}

fn dependencies() -> Vec<Case> {
    let elsewhere = "sparse+https://elsewhere.example/index/";
    let toml = |url: &str| format!("registry-index = \"{url}\"\n");
    let secret = "https://user:word@elsewhere.example/index";
    let requirement = |text: &str| with_manifest(&format!("[dependencies]\ndep = {text:?}"));
    vec![
        (
            "a registry that is not on the list",
            400,
            "comes from the registry sparse+https://elsewhere.example/index/",
            with_dependency("dep", elsewhere, &toml(elsewhere)),
        ),
        (
            "a registry address with a password",
            400,
            "without user name or password",
            with_dependency("dep", secret, &toml(secret)),
        ),
        ("a requirement that is none", 400, "is not a version requirement", requirement("newest")),
        (
            "a target that is none",
            400,
            "neither a target triple",
            with_manifest("[target.\"cfg(\".dependencies]\ndep = \"1\""),
        ),
        (
            "a dependency name that is none",
            400,
            "not the name of a crate",
            with_manifest("[dependencies]\nd = { version = \"1\", package = \"a b\" }"),
        ),
    ]
}

fn limits() -> Vec<Case> {
    let many = |count: usize, text: &str| json!(vec![text; count]);
    let set = |key: &str, value: Value| with_head(|head| head[key] = value);
    let features =
        |count: usize| json!((0..count).map(|n| (format!("f{n}"), json!([]))).collect::<serde_json::Map<_, _>>());
    let lines = |count: usize, line: fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().join("\n");
    let in_toml = |table: &str, count, line| with_manifest(&format!("[{table}]\n{}", lines(count, line)));
    let entries = lines(301, |n| format!("\"f{n}\","));
    vec![
        (
            "501 dependencies",
            400,
            "there are 501 dependencies",
            set("deps", json!(vec![json!({ "name": "a", "version_req": "1" }); 501])),
        ),
        (
            "501 dependencies in Cargo.toml",
            400,
            "there are 501 dependencies",
            in_toml("dependencies", 501, |n| format!("d{n} = \"1\"")),
        ),
        ("301 features", 400, "there are 301 features", set("features", features(301))),
        (
            "301 features in Cargo.toml",
            400,
            "there are 301 features",
            in_toml("features", 301, |n| format!("f{n} = []")),
        ),
        (
            "301 entries of a feature",
            400,
            "lists more than 300 features",
            set("features", json!({ "f": vec!["a"; 301] })),
        ),
        (
            "301 entries of a feature in Cargo.toml",
            400,
            "lists more than 300 features",
            with_manifest(&format!("[features]\nf = [{entries}]")),
        ),
        ("6 keywords", 400, "`keywords` in Cargo.toml has 6 entries", set("keywords", many(6, "k"))),
        ("a long keyword", 400, "longer than 20 characters", set("keywords", json!(["k".repeat(21)]))),
        ("a keyword of two words", 400, "the keyword `a b` is not allowed", set("keywords", json!(["a b"]))),
        ("6 categories", 400, "`categories` in Cargo.toml has 6 entries", set("categories", many(6, "c"))),
        ("51 authors", 400, "`authors` in Cargo.toml has 51 entries", set("authors", many(51, "a"))),
        (
            "a long description",
            400,
            "`description` in Cargo.toml is longer than 1000",
            set("description", json!("d".repeat(1001))),
        ),
        (
            "a script for a home page",
            400,
            "`homepage` in Cargo.toml is not an http",
            set("homepage", json!("javascript:alert(1)")),
        ),
        (
            "documentation by ftp",
            400,
            "`documentation` in Cargo.toml is not an http",
            set("documentation", json!("ftp://docs.example")),
        ),
        (
            "a repository without a host",
            400,
            "`repository` in Cargo.toml is not an http",
            set("repository", json!("https:///x")),
        ),
        ("a license of two lines", 400, "`license` in Cargo.toml holds control", set("license", json!("MIT\nOther"))),
        ("20,001 files", 413, "more than 20000 files", {
            let mut members = vec![cargo_toml(manifest("").as_bytes())];
            members.extend((0..20_000).map(|n| member(format!("{ROOT}/{n}").as_bytes(), b'0', 0o644, b"")));
            with_only(&members)
        }),
    ]
}

fn gzip_files() -> Vec<Case> {
    let archive = archive(&[]);
    let mut sum = archive.clone();
    let at = sum.len() - 8;
    sum[at] ^= 1;
    let bomb = member(format!("{ROOT}/zeros").as_bytes(), b'0', 0o644, &vec![0; 17 << 20]);
    vec![
        ("no gzip", 400, "not a sound gzip file", with_archive(b"PK\x03\x04 a zip")),
        ("an empty archive", 400, "not a sound gzip file", with_archive(b"")),
        ("gzip cut off", 400, "not a sound gzip file", with_archive(&archive[..archive.len() - 1])),
        ("a wrong gzip checksum", 400, "not a sound gzip file", with_archive(&sum)),
        ("a byte after the gzip", 400, "bytes after its gzip data", with_archive(&[&archive[..], b"\0"].concat())),
        (
            "a second gzip member",
            400,
            "bytes after its gzip data",
            with_archive(&[&archive[..], &gzip(b"more")].concat()),
        ),
        ("a bomb", 413, "unpacks to more than 16777216 bytes", with_members(&[bomb]).into()),
    ]
}

fn tar_files() -> Vec<Case> {
    let also = |members: &[Vec<u8>]| Upload::from(with_members(members));
    let typed = |flag: u8| Upload::from(with_members(&[member(format!("{ROOT}/x").as_bytes(), flag, 0o644, b"")]));
    let changed =
        |change: fn(&mut [u8; 512])| also(&[member_with(format!("{ROOT}/x").as_bytes(), b'0', 0o644, b"data", change)]);
    let mut damaged = file("x");
    damaged[0] ^= 0x20;
    let whole = tar_of(&[cargo_toml(manifest("").as_bytes())]);
    let blocks = whole.len() - 1024;
    let long = long_file(format!("{ROOT}/a").as_bytes());
    vec![
        ("a hard link", 400, "is a hard link", typed(b'1')),
        ("a symbolic link", 400, "is a symbolic link", typed(b'2')),
        ("a character device", 400, "is a character device", typed(b'3')),
        ("a block device", 400, "is a block device", typed(b'4')),
        ("a fifo", 400, "is a fifo", typed(b'6')),
        ("a global pax header", 400, "is a global pax header", typed(b'g')),
        ("a GNU long link", 400, "is a GNU long link name", typed(b'K')),
        ("a sparse file", 400, "is a sparse file", typed(b'S')),
        ("a member of unknown type", 400, "is a member of unknown type", typed(b'Z')),
        ("a wrong header checksum", 400, "its checksum is wrong", also(&[damaged])),
        ("an old tar header", 400, "neither GNU nor ustar", changed(|header| header[257..265].fill(0))),
        ("a size in base 256", 400, "its size is no octal number", changed(|header| header[124] = 0x80)),
        (
            "a size that is not there",
            400,
            "cut off",
            changed(|header| header[124..136].copy_from_slice(b"00000100000\0")),
        ),
        ("a pax key out of place", 400, "key `uid`", also(&[pax("15 uid=1000000\n"), file("x")])),
        ("a pax size unlike the header's", 400, "its size differs", also(&[pax("10 size=5\n"), file("x")])),
        ("a malformed pax record", 400, "malformed record", also(&[pax("99 a=b\n"), file("x")])),
        ("a pax key twice", 400, "occurs twice", also(&[pax("10 size=4\n10 size=4\n"), file("x")])),
        ("two paths for one member", 400, "competes with a GNU long name", also(&[pax("20 path=sound-1.0/p\n"), long])),
        ("a pax header for nothing", 400, "describes no member", also(&[pax("10 size=4\n")])),
        ("no end mark", 400, "without an end mark", with_tar(&whole[..blocks])),
        ("half an end mark", 400, "without an end mark", with_tar(&whole[..blocks + 512])),
        (
            "data after the end mark",
            400,
            "data after the end mark",
            with_tar(&[&whole[..], &file("late")[..]].concat()),
        ),
    ]
}

fn paths() -> Vec<Case> {
    let at = |path: &[u8]| Upload::from(with_members(&[raw_file(path)]));
    let below = |path: &str| Upload::from(with_members(&[file(path)]));
    let both = |a: &str, b: &str| Upload::from(with_members(&[file(a), file(b)]));
    let long = |path: &[u8]| Upload::from(with_members(&[long_file(path)]));
    let deep = format!("{ROOT}/{}x", "a/".repeat(506));
    let wide = format!("{ROOT}/{}", "a".repeat(256));
    // A pax record counts itself, the four digits of its length included.
    let also_pax = Upload::from(with_members(&[
        pax(&format!("{} path={deep}\n", deep.len() + "1034 path=\n".len())),
        file("short"),
    ]));
    vec![
        ("a path beyond UTF-8", 400, "it is not UTF-8", at(b"sound-1.0.0/\xff")),
        ("a long path", 400, "at most 1024 bytes", also_pax),
        ("a long name", 400, "a long name above the limit", long(deep.as_bytes())),
        ("a long part", 400, "each part at most 255", long(wide.as_bytes())),
        ("an absolute path", 400, "directory named after crate and version", at(b"/etc/passwd")),
        ("a path outside the root", 400, "directory named after crate and version", at(b"other/x")),
        ("a path that climbs", 400, "`.` or `..`", below("../x")),
        ("a path that stands still", 400, "`.` or `..`", below("./x")),
        ("an empty part", 400, "an empty part", below("a//b")),
        ("a backslash", 400, "a control character or one of", below("a\\b")),
        ("a drive", 400, "a control character or one of", below("C:x")),
        ("a NUL", 400, "a control character or one of", long(b"sound-1.0.0/a\0b")),
        ("a control character", 400, "a control character or one of", below("a\u{1b}[31m")),
        ("a dot at the end", 400, "ends with a dot or a space", below("a.")),
        ("a space at the end", 400, "ends with a dot or a space", below("a ")),
        ("a device", 400, "name of a Windows device", below("src/aux.rs")),
        ("cargo's own mark", 400, "`.cargo-ok` is written by cargo itself", below(".cargo-ok")),
        ("a path twice", 400, "cannot both exist", both("a", "a")),
        ("a path in two cases", 400, "cannot both exist", both("readme", "README")),
        ("a path in two compositions", 400, "cannot both exist", both("\u{e9}", "e\u{301}")),
        ("a file used as a directory", 400, "cannot both exist", both("a", "a/b")),
    ]
}

fn modes_and_manifest() -> Vec<Case> {
    let mode = |mode: u32| Upload::from(with_members(&[member(format!("{ROOT}/x").as_bytes(), b'0', mode, b"")]));
    let large = vec![b'#'; (1 << 20) + 1];
    vec![
        ("setuid", 400, "has mode 4755", mode(0o4755)),
        ("setgid", 400, "has mode 2755", mode(0o2755)),
        ("sticky", 400, "has mode 1755", mode(0o1755)),
        ("writable by the world", 400, "has mode 666", mode(0o666)),
        ("no Cargo.toml", 400, "has no `sound-1.0.0/Cargo.toml`", with_only(&[file("src/lib.rs")])),
        ("Cargo.toml in another case", 400, "named exactly `Cargo.toml`", with_only(&[file("cargo.toml")])),
        ("a second Cargo.toml", 400, "named exactly `Cargo.toml`", with_members(&[file("CARGO.TOML")]).into()),
        ("a Cargo.toml beyond UTF-8", 400, "is not UTF-8 text", with_only(&[cargo_toml(b"\xff")])),
        (
            "a Cargo.toml above 1 MiB",
            413,
            "Cargo.toml in the package is 1048577 bytes",
            with_only(&[cargo_toml(&large)]),
        ),
    ]
}
