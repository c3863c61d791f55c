//! Just within each limit, and just beyond.

use super::Row;
use super::build::{Maker, gzip, stored};
use wharf_cargo_wire::PublishLimits;

const SIZE: &str = "the package unpacks to more than";
const COUNT: &str = "files; leave some out with `package.exclude`";

fn limits(change: impl FnOnce(&mut PublishLimits)) -> PublishLimits {
    let mut limits = PublishLimits::default();
    change(&mut limits);
    limits
}

/// A sound archive whose tar has exactly so many bytes, most of them zeros.
fn tar_of(m: &Maker, bytes: usize) -> Vec<u8> {
    let overhead = m.tar_with(&[m.file("@/zeros", b"")]).len();
    m.tar_with(&[m.file("@/zeros", &vec![0; bytes - overhead])])
}

/// A sound archive of so many members, manifest and library among them.
fn files(m: &Maker, members: usize) -> Vec<u8> {
    let more: Vec<_> = (2..members).map(|number| m.file(format!("@/many/{number}"), b"")).collect();
    m.with(&more)
}

pub(super) fn rows() -> Vec<Row> {
    let unpacked = limits(|limits| limits.unpacked_bytes = 102_400);
    let ratio = limits(|limits| (limits.ratio, limits.ratio_free_bytes) = (20, 4096));
    let entries = limits(|limits| limits.entries = 10);
    let free = 16 * 1024 * 1024;
    vec![
        Row::good("as large as is allowed", |m| gzip(&tar_of(m, 102_400))).under(unpacked),
        Row::bad("a block larger than is allowed", SIZE, |m| gzip(&tar_of(m, 102_912))).under(unpacked),
        Row::bad("a block of the end mark larger than is allowed", SIZE, |m| {
            gzip(&[tar_of(m, 102_400), vec![0; 512]].concat())
        })
        .under(unpacked),
        Row::bad("stored, and larger than is allowed", SIZE, |m| stored(&tar_of(m, 102_912))).under(unpacked),
        Row::good("stored, and as large as is allowed", |m| stored(&tar_of(m, 102_400))).under(unpacked),
        Row::bad("a bomb of zeros under a low ratio", SIZE, |m| gzip(&tar_of(m, 102_400))).under(ratio),
        Row::good("stored under a low ratio", |m| stored(&tar_of(m, 102_400))).under(ratio),
        Row::bad("a bomb behind noise", SIZE, |m| {
            let noise: Vec<u8> = (0..2000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
            m.with(&[m.file("@/noise", &noise), m.file("@/zeros", &vec![0; 1 << 20])])
        })
        .under(ratio),
        Row::bad("a bomb after the end mark", SIZE, |m| gzip(&[m.tar_with(&[]), vec![0; 1 << 20]].concat()))
            .under(ratio),
        Row::good("as many members as are allowed", |m| files(m, 10)).under(entries),
        Row::bad("a member too many", COUNT, |m| files(m, 11)).under(entries),
        Row::bad("a member too many, counted with its pax header", COUNT, |m| {
            let more: Vec<_> = (0..5).flat_map(|n| [m.pax(b""), m.file(format!("@/{n}"), b"")]).collect();
            m.with(&more)
        })
        .under(entries),
        Row::good("as many members as are allowed, with pax headers", |m| {
            let more: Vec<_> = (0..4).flat_map(|n| [m.pax(b""), m.file(format!("@/{n}"), b"")]).collect();
            m.with(&more)
        })
        .under(entries),
        Row::bad("extension headers without end", COUNT, |m| {
            let mut members = vec![m.pax(b"")];
            members.extend((0..12).flat_map(|n| [m.long_name(format!("@/{n}")), m.file(format!("@/{n}"), b"")]));
            m.with(&members)
        })
        .under(entries),
        Row::good("16 MiB of zeros", move |m| gzip(&tar_of(m, free))).large(),
        Row::bad("16 MiB of zeros and a block", SIZE, move |m| gzip(&tar_of(m, free + 512))).large(),
        Row::bad("64 MiB of zeros", SIZE, |m| gzip(&tar_of(m, 64 << 20))).large(),
        Row::good("20,000 members", |m| files(m, 20_000)).large(),
        Row::bad("20,001 members", "more than 20000 files", |m| files(m, 20_001)).large(),
    ]
}
