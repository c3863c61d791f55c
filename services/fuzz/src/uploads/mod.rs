//! Whole publish bodies: sound ones of every shape, and the same with something done to them at some level.
//!
//! What was done decides the verdict, and nothing else does: a change is harmless, or it is refused for one of the reasons
//! that are written beside it. Changes of single bytes have no verdict, only the promises that hold for whatever is
//! accepted ([`judge`]).

mod body;
mod changes;
mod head;
mod judge;
mod manifest;
mod package;
mod sound;

use crate::archives::build::{Maker, tar};
use changes::Change;
use serde_json::Value;
use toml::Table;
use wharf_testkit::chance::Chance;

pub use judge::{OWN_INDEX, judge, presentable, submit};
pub use sound::OTHER_INDEX;

/// Why something is refused: a text that the refusal contains. None: it is accepted.
pub type Reasons = &'static [&'static str];

/// A publish body and what is to become of it.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The body of the request.
    pub body: Vec<u8>,
    /// What was done to a sound body, in words.
    pub story: Vec<String>,
    /// What is to happen.
    pub fate: Fate,
}

/// What is to happen to an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is published.
    Accepted,
    /// It is refused for one of these reasons.
    Refused(Vec<&'static str>),
    /// Bytes were changed at random: whatever is accepted keeps every promise.
    Open,
}

/// An upload on its way to its bytes; each level is open to changes before the next is made of it.
struct Draft {
    maker: Maker,
    version: String,
    head: Value,
    manifest: Table,
    files: Vec<Vec<u8>>,
}

impl Draft {
    fn root(&self) -> String {
        format!("{}-{}", self.maker.name, self.version)
    }
}

/// Makes an upload for the registry whose index is at `own`. `name` is the crate's, where that matters to the caller.
pub fn make(chance: &mut Chance, name: Option<&str>, own: &str) -> Upload {
    let mut draft = sound::draft(chance, name, own);
    let blind = chance.one_in(8);
    let chosen = if blind { Vec::new() } else { changes::choose(chance) };
    let mut story = Vec::new();
    let mut reasons: Vec<&'static str> = Vec::new();
    let mut note = |change: &Change| {
        story.push(change.name.to_owned());
        reasons.extend(change.reasons);
    };
    for change in &chosen {
        if let changes::Step::Head(step) = change.step {
            note(change);
            step(&mut draft.head, chance);
        }
        if let changes::Step::Manifest(step) = change.step {
            note(change);
            step(&mut draft.manifest, chance);
        }
    }
    let mut head = draft.head.to_string().into_bytes();
    let mut manifest = draft.manifest.to_string().into_bytes();
    for change in &chosen {
        if let changes::Step::HeadText(step) = change.step {
            note(change);
            step(&mut head, chance);
        }
        if let changes::Step::ManifestText(step) = change.step {
            note(change);
            step(&mut manifest, chance);
        }
    }
    let mut members = vec![package::manifest(&draft, &manifest)];
    members.append(&mut draft.files);
    for change in &chosen {
        if let changes::Step::Members(step) = change.step {
            let (done, why) = step(&draft, &mut members, chance);
            story.push(format!("{}: {done}", change.name));
            reasons.extend(why);
        }
    }
    let mut inner = tar(&members);
    for change in &chosen {
        if let changes::Step::Tar(step) = change.step {
            note_into(&mut story, &mut reasons, change);
            step(&mut inner, chance);
        }
    }
    if blind && chance.one_in(3) {
        changes::scramble(&mut inner, chance, 512);
        inner = crate::reading::repaired(&inner);
        story.push("random changes in the tar".to_owned());
    }
    let mut archive = package::compress(&inner, chance);
    for change in &chosen {
        if let changes::Step::Gzip(step) = change.step {
            note_into(&mut story, &mut reasons, change);
            step(&mut archive, chance);
        }
    }
    let mut body = wharf_testkit::fixture::frame(&head, &archive);
    for change in &chosen {
        if let changes::Step::Body(step) = change.step {
            note_into(&mut story, &mut reasons, change);
            step(&mut body, head.len(), chance);
        }
    }
    if blind && story.is_empty() {
        let most = if chance.one_in(2) { head.len() } else { body.len() };
        changes::scramble(&mut body, chance, most);
        story.push("random changes in the body".to_owned());
    }
    let fate = match (blind, reasons.is_empty()) {
        (true, _) => Fate::Open,
        (false, true) => Fate::Accepted,
        (false, false) => Fate::Refused(reasons),
    };
    Upload { body, story, fate }
}

fn note_into(story: &mut Vec<String>, reasons: &mut Vec<&'static str>, change: &Change) {
    story.push(change.name.to_owned());
    reasons.extend(change.reasons);
}
