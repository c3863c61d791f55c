//! The table of changes: what is done, at which level, and why it is refused.

use super::package::Done;
use super::{Draft, Reasons, body, head, manifest, package};
use serde_json::Value;
use toml::Table;
use wharf_testkit::chance::Chance;

/// One thing that can be done to an upload.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub(super) name: &'static str,
    pub(super) reasons: Reasons,
    pub(super) step: Step,
}

/// The level it is done at, and how.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Head(fn(&mut Value, &mut Chance)),
    HeadText(fn(&mut Vec<u8>, &mut Chance)),
    Manifest(fn(&mut Table, &mut Chance)),
    ManifestText(fn(&mut Vec<u8>, &mut Chance)),
    /// Says itself what it did and why that is refused.
    Members(fn(&Draft, &mut Vec<Vec<u8>>, &mut Chance) -> Done),
    Tar(fn(&mut Vec<u8>, &mut Chance)),
    Gzip(fn(&mut Vec<u8>, &mut Chance)),
    /// Also told the length of the head.
    Body(fn(&mut Vec<u8>, usize, &mut Chance)),
}

impl Change {
    pub(super) const fn new(name: &'static str, reasons: Reasons, step: Step) -> Self {
        Self { name, reasons, step }
    }

    fn level(&self) -> u8 {
        match self.step {
            Step::Head(_) => 0,
            Step::HeadText(_) => 1,
            Step::Manifest(_) => 2,
            Step::ManifestText(_) => 3,
            Step::Members(_) => 4,
            Step::Tar(_) => 5,
            Step::Gzip(_) => 6,
            Step::Body(_) => 7,
        }
    }
}

const MEMBERS: &[Change] = &[
    Change::new("an odd path", &[], Step::Members(package::odd_path)),
    Change::new("an odd path", &[], Step::Members(package::odd_path)),
    Change::new("an odd kind", &[], Step::Members(package::odd_kind)),
    Change::new("an odd mode", &[], Step::Members(package::odd_mode)),
    Change::new("an odd header", &[], Step::Members(package::odd_header)),
    Change::new("an odd pax header", &[], Step::Members(package::odd_pax)),
    Change::new("a collision", &[], Step::Members(package::collision)),
    Change::new("an odd manifest", &[], Step::Members(package::odd_manifest)),
    Change::new("another order", &[], Step::Members(package::reordered)),
    Change::new("another order", &[], Step::Members(package::reordered)),
];

/// None, one, two or three changes, each at another level, in the order of the levels.
pub(super) fn choose(chance: &mut Chance) -> Vec<Change> {
    let levels =
        [head::VALUES, head::TEXTS, manifest::TABLES, manifest::TEXTS, MEMBERS, body::TARS, body::GZIPS, body::BODIES];
    let mut chosen: Vec<Change> = Vec::new();
    for _ in 0..*chance.pick(&[0, 1, 1, 1, 1, 2, 2, 3]) {
        let level = *chance.pick(&levels);
        let change = *chance.pick(level);
        if chosen.iter().all(|other| other.level() != change.level()) {
            chosen.push(change);
        }
    }
    chosen.sort_by_key(Change::level);
    chosen
}

/// Changes some of the first `most` bytes.
pub(super) fn scramble(bytes: &mut [u8], chance: &mut Chance, most: usize) {
    let most = most.min(bytes.len());
    for _ in 0..chance.within(1, 6) {
        let at = chance.below(most);
        bytes[at] = match chance.below(3) {
            0 => bytes[at] ^ (1 << chance.below(8)),
            1 => *chance.pick(&[0, b' ', b'"', b'/', b'\n', 0x7f, 0xff]),
            _ => chance.next().to_le_bytes()[0],
        };
    }
}
