//! A registry that exists nowhere, the same in every run: about 18,500 directories of very different size, ten versions a
//! crate, checksums that nothing can compress.

use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use wharf_domain::{CrateName, Timestamp};
use wharf_git_index::{Change, File, Line, Memory};
use wharf_git_wire::ObjectId;

/// The time around which versions are published.
pub(crate) const MIDDLE: i64 = 1_700_000_000;

struct Krate {
    name: String,
    versions: u64,
    oid: ObjectId,
}

pub(crate) struct Synthetic {
    crates: Vec<Krate>,
    pub(crate) raw_bytes: u64,
}

/// A number that looks random and is not (splitmix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Synthetic {
    pub(crate) fn new(count: usize) -> Synthetic {
        let name = |i: u64| {
            // The smallest of three, so that some beginnings are much more common than others.
            let draw = |salt: u64, below: u64| (0..3).map(|n| mix(i ^ (salt << (7 * n))) % below).min().unwrap_or(0);
            let (consonants, vowels) = (b"strmpcdlbgfhnvkwxyzq", b"aeiorluyhst-_n");
            let letter = |of: &[u8], salt| char::from(of[draw(salt, of.len() as u64) as usize]);
            let beginning: String = [
                letter(consonants, 0x11_0000),
                letter(vowels, 0x22_0000),
                letter(consonants, 0x33_0000),
                letter(vowels, 0x44_0000),
            ]
            .into_iter()
            .collect();
            match i % 1000 {
                0 if i / 1000 < 26 => char::from(b'a' + (i / 1000) as u8).to_string(),
                1..4 => format!("{}{}", &beginning[..1], i % 7).chars().chain(beginning[1..2].chars()).collect(),
                _ => format!("{beginning}{:x}", i * 7919 % 1_000_003),
            }
        };
        let mut by_canonical = BTreeMap::new();
        let mut i = 0;
        while by_canonical.len() < count {
            let name = name(i);
            by_canonical.entry(CrateName::parse(&name).unwrap().canonical()).or_insert((i, name));
            i += 1;
        }
        let mut names: Vec<_> = by_canonical.into_values().collect();
        names.sort_unstable();
        let crates = names.into_iter().map(|(_, name)| Krate { name, versions: 0, oid: ObjectId::new([0; 20]) });
        Synthetic { crates: crates.collect(), raw_bytes: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.crates.len()
    }

    /// The directories that crates lie in directly.
    pub(crate) fn directories(&self) -> usize {
        let beginnings: BTreeSet<_> = self.crates.iter().map(|krate| &krate.name[..krate.name.len().min(4)]).collect();
        beginnings.len()
    }

    pub(crate) fn name(&self, krate: usize) -> CrateName {
        CrateName::parse(&self.crates[krate].name).unwrap()
    }

    /// The id of the file as it is now.
    pub(crate) fn oid(&self, krate: usize) -> ObjectId {
        self.crates[krate].oid
    }

    /// The crate with its first versions, or with one more.
    pub(crate) fn next_version(&mut self, krate: usize, memory: &Memory) -> Change {
        let Krate { name, versions, oid } = &mut self.crates[krate];
        let seed = mix(krate as u64);
        *versions = if *versions == 0 { 1 + seed % 9 + mix(seed) % 12 } else { *versions + 1 };
        let lines: Vec<_> = (0..*versions)
            .map(|v| {
                let word = |n: u64| mix(seed ^ (v << 32) ^ n);
                let line = format!(
                    "{{\"name\":\"{name}\",\"vers\":\"{}.{}.{}\",\"deps\":[{{\"name\":\"dep-{:x}\",\"req\":\"^{}.{}\",\
                     \"features\":[],\"optional\":false,\"default_features\":true,\"target\":null,\"kind\":\"normal\"}}],\
                     \"cksum\":\"{:016x}{:016x}{:016x}{:016x}\",\"features\":{{\"default\":[\"std\"],\"std\":[]}},\
                     \"yanked\":false,\"rust_version\":\"1.{}\"}}\n",
                    v / 5, v % 5, v % 3, seed % 3000, seed % 4, v % 9, word(1), word(2), word(3), word(4), 60 + v % 30,
                );
                (Version::new(v / 5, v % 5, v % 3), Timestamp::from_unix(MIDDLE - 500 + (word(9) % 1000) as i64), line)
            })
            .collect();
        let lines: Vec<_> =
            lines.iter().map(|(number, at, line)| Line { number, published_at: *at, bytes: line.as_bytes() }).collect();
        self.raw_bytes += lines.iter().map(|line| line.bytes.len() as u64).sum::<u64>();
        let file = File::new(memory, &lines).unwrap();
        *oid = file.as_ref().unwrap().oid();
        Change { name: CrateName::parse(name).unwrap(), file }
    }

    /// Some names, other ones for each number.
    pub(crate) fn pick(&self, number: u64, count: usize) -> Vec<&str> {
        let at = |i: u64| mix(mix(number) ^ i) as usize % self.crates.len();
        (0..count as u64).map(|i| self.crates[at(i)].name.as_str()).collect()
    }

    /// Prefixes of four characters, with a star.
    pub(crate) fn prefixes(&self, count: usize) -> Vec<String> {
        let names = self.crates.iter().map(|krate| &krate.name).filter(|name| name.len() > 4);
        let mut prefixes: Vec<_> = names.map(|name| format!("{}*", name[..4].trim_end_matches(['-', '_']))).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        let step = prefixes.len() / count;
        prefixes.into_iter().step_by(step).take(count).collect()
    }

    /// As many prefixes as it takes to show this many crates.
    pub(crate) fn prefixes_of(&self, crates: usize) -> Vec<String> {
        let mut by_prefix = BTreeMap::<_, usize>::new();
        for krate in self.crates.iter().filter(|krate| krate.name.len() > 4) {
            *by_prefix.entry(&krate.name[..3]).or_default() += 1;
        }
        let mut shown = 0;
        let enough = by_prefix.into_iter().step_by(7).take_while(|(_, count)| {
            shown += count;
            shown <= crates
        });
        enough.map(|(prefix, _)| format!("{}*", prefix.trim_end_matches(['-', '_']))).collect()
    }
}
