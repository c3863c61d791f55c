//! Sound archives of many shapes.

use super::Row;
use super::build::{Maker, gzip};

fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| u32::try_from(at).unwrap_or(0).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// What cargo's own library writes: GNU headers, `L` for what is longer than 100 bytes.
fn by_tar_crate(m: &Maker, header: fn() -> tar::Header) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let manifest = m.manifest_text();
    let long = format!("src/{}/{}.rs", "d".repeat(90), "f".repeat(60));
    let files: [(&str, &[u8]); 4] =
        [("Cargo.toml", manifest.as_bytes()), ("src/lib.rs", b""), (&long, b"long"), ("README.md", b"# Read me\n")];
    for (path, data) in files {
        let mut header = header();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_153_704_088);
        builder.append_data(&mut header, format!("{}/{path}", m.root()), data).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::good("the least", |m| m.with(&[])),
        Row::good("by the tar crate, with GNU headers", |m| by_tar_crate(m, tar::Header::new_gnu)),
        Row::good("by the tar crate, with ustar headers", |m| by_tar_crate(m, tar::Header::new_ustar)),
        Row::good("the root as a member", |m| m.with(&[m.directory("@")])),
        Row::good("the root as a member with a slash", |m| m.with(&[m.directory("@/")])),
        Row::good("the root as a prefix", |m| {
            m.with(&[m.member("", b"").flag(b'5').mode(0o755).ustar(m.root().as_bytes()).bytes()])
        }),
        Row::good("a directory without a slash", |m| m.with(&[m.directory("@/empty")])),
        Row::good("directories with nothing in them", |m| {
            m.with(&[m.directory("@/a/"), m.directory("@/b/c/"), m.directory("@/b/d")])
        }),
        Row::good("a directory no group may enter", |m| {
            m.with(&[m.member("@/d/", b"").flag(b'5').mode(0o700).bytes(), m.file("@/d/x", b"x")])
        }),
        Row::good("a hundred directories deep", |m| {
            let path = format!("@{}/x", "/d".repeat(100));
            m.with(&[m.long_name(&path), m.file("@/s", b"deep")])
        }),
        Row::good("empty files", |m| m.with(&[m.file("@/a", b""), m.file("@/b", b""), m.file("@/c/d", b"")])),
        Row::good("an executable", |m| m.with(&[m.member("@/run.sh", b"#!/bin/sh\n").mode(0o755).bytes()])),
        Row::good("bytes of every value", |m| m.with(&[m.file("@/bytes", &(0..=255).collect::<Vec<u8>>())])),
        Row::good("a file that is a tar", |m| {
            m.with(&[m.file("@/inner.tar", &m.tar_with(&[m.file("../../evil", b"inner")]))])
        }),
        Row::good("a file that is an archive", |m| m.with(&[m.file("@/inner.crate", &m.with(&[]))])),
        Row::good("a file of zero blocks", |m| m.with(&[m.file("@/zeros", &[0; 4096]), m.file("@/after", b"after")])),
        Row::good("sources of an honest crate", |m| {
            m.with(&[
                m.file("@/src/main.rs", b"fn main() {}\n"),
                m.file("@/src/bin/tool.rs", b"fn main() {}\n"),
                m.file("@/examples/example.rs", b"fn main() {}\n"),
                m.file("@/tests/it/main.rs", b""),
                m.file("@/benches/bench.rs", b"fn main() {}\n"),
                m.file("@/LICENSE", b"MIT\n"),
                m.file("@/.github/workflows/ci.yml", b"on: push\n"),
                m.file("@/.cargo/config.toml", b"[build]\n"),
            ])
        }),
        Row::good("a hundred files", |m| {
            m.with(&(0..100).map(|n| m.file(format!("@/many/{n:03}"), n.to_string().as_bytes())).collect::<Vec<_>>())
        }),
    ];
    for bytes in [1, 511, 512, 513, 1023, 1024, 1025, 10_239, 10_240, 65_535, 65_536, 100_000] {
        rows.push(Row::good(format!("a file of {bytes} bytes"), move |m| {
            m.with(&[m.file("@/noise", &noise(bytes)), m.file("@/after", b"after")])
        }));
    }
    for bytes in [99, 100, 101, 154, 155, 156, 200, 255, 256, 257, 400, 800] {
        let path = move |m: &Maker| {
            let rest = bytes - m.root().len();
            let parts: String = "/part-of-a-path".repeat((rest - 2) / 15);
            format!("@{parts}/{}", "f".repeat(rest - 1 - parts.len()))
        };
        rows.push(Row::good(format!("a path of {bytes} bytes as a GNU long name"), move |m| {
            m.with(&[m.long_name(path(m)), m.file("@/s", b"long")])
        }));
        rows.push(Row::good(format!("a path of {bytes} bytes in a pax header"), move |m| {
            m.with(&[m.pax_path(path(m)), m.file("@/s", b"long")])
        }));
    }
    rows
}
