//! The one `Cargo.toml`.

use super::Row;
use super::build::{Maker, gzip, tar};

const SPELLING: &str = "has to be a file named exactly `Cargo.toml`";

/// These members and no others.
fn only(members: fn(&Maker) -> Vec<Vec<u8>>) -> impl Fn(&Maker) -> Vec<u8> {
    move |m| gzip(&tar(&members(m)))
}

pub(super) fn rows() -> Vec<Row> {
    let none = "/Cargo.toml`";
    let mut rows = vec![
        Row::bad("no manifest", none, only(|m| vec![m.library()])),
        Row::bad("no member", none, only(|_| Vec::new())),
        Row::bad("a manifest further down", none, only(|m| vec![m.file("@/a/Cargo.toml", b"[package]"), m.library()])),
        Row::bad(
            "a manifest without a root",
            "directory named after",
            only(|m| vec![m.file("Cargo.toml", b"[package]")]),
        ),
        Row::bad("a manifest under another name", none, only(|m| vec![m.file("@/Cargo.toml.orig", b"[package]")])),
        Row::bad("a manifest that is a directory", SPELLING, only(|m| vec![m.directory("@/Cargo.toml/"), m.library()])),
        Row::bad(
            "a manifest that is a link",
            "is a symbolic link",
            only(|m| vec![m.member("@/Cargo.toml", b"").flag(b'2').put(157, b"real.toml").bytes(), m.library()]),
        ),
        Row::bad("a manifest twice", "cannot both exist", |m| m.with(&[m.manifest()])),
        Row::bad("another manifest at the end", "cannot both exist", |m| {
            m.with(&[m.file("@/Cargo.toml", b"[package]\nname = \"evil\"\n")])
        }),
        Row::bad("a manifest and one in its place by pax", "cannot both exist", |m| {
            m.with(&[m.pax_path("@/Cargo.toml"), m.file("@/x", b"[package]")])
        }),
        Row::bad("a file below the manifest", "cannot both exist", |m| m.with(&[m.file("@/Cargo.toml/x", b"")])),
        Row::bad(
            "a manifest beyond UTF-8",
            "is not UTF-8 text",
            only(|m| vec![m.file("@/Cargo.toml", b"[package]\n#\xff"), m.library()]),
        ),
        Row::bad(
            "a manifest in UTF-16",
            "is not UTF-8 text",
            only(|m| vec![m.file("@/Cargo.toml", b"\xff\xfe[\0p\0"), m.library()]),
        ),
        Row::bad(
            "a manifest of 1 MiB and a byte",
            "Cargo.toml in the package is 1048577 bytes",
            only(|m| vec![filled(m, 1024 * 1024 + 1), m.library()]),
        ),
        Row::good("a manifest of 1 MiB", only(|m| vec![filled(m, 1024 * 1024), m.library()])),
        Row::good("a manifest at the end", only(|m| vec![m.library(), m.file("@/z", b"z"), m.manifest()])),
        Row::good(
            "a manifest by a GNU long name",
            only(|m| vec![m.long_name("@/Cargo.toml"), m.file("@/x", m.manifest_text().as_bytes()), m.library()]),
        ),
        Row::good(
            "a manifest by pax",
            only(|m| vec![m.pax_path("@/Cargo.toml"), m.file("@/x", m.manifest_text().as_bytes()), m.library()]),
        ),
        Row::good(
            "a manifest with a prefix",
            only(|m| {
                let manifest = m.member("Cargo.toml", m.manifest_text().as_bytes()).ustar(m.root().as_bytes()).bytes();
                vec![manifest, m.library()]
            }),
        ),
        Row::good("manifests further down", |m| {
            m.with(&[m.file("@/tests/a/Cargo.toml", b"not read"), m.file("@/b/cargo.toml", b"nor this")])
        }),
        Row::good("what cargo puts beside the manifest", |m| {
            m.with(&[
                m.file("@/Cargo.toml.orig", m.manifest_text().as_bytes()),
                m.file("@/Cargo.lock", b"version = 4\n"),
                m.file("@/.cargo_vcs_info.json", b"{}"),
            ])
        }),
        Row::good("a name that only looks like the manifest", |m| {
            m.with(&[m.file("@/\u{421}argo.toml", b"with a Cyrillic letter")])
        }),
    ];
    for spelling in ["cargo.toml", "CARGO.TOML", "cargo.TOML", "Cargo.Toml"] {
        rows.push(Row::bad(format!("only {spelling}"), SPELLING, move |m| {
            gzip(&tar(&[m.file(format!("@/{spelling}"), m.manifest_text().as_bytes()), m.library()]))
        }));
        rows.push(Row::bad(format!("{spelling} beside the manifest"), SPELLING, move |m| {
            m.with(&[m.file(format!("@/{spelling}"), b"[package]")])
        }));
    }
    rows
}

/// A manifest of so many bytes.
fn filled(m: &Maker, bytes: usize) -> Vec<u8> {
    let mut text = m.manifest_text();
    while text.len() + 80 < bytes {
        text.push_str(&format!("#{}\n", "-".repeat(70)));
    }
    text.push('#');
    text.push_str(&"-".repeat(bytes - text.len()));
    m.file("@/Cargo.toml", text.as_bytes())
}
