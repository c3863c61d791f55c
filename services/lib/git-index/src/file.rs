//! Index files: the whole file of a crate, deflated once, and where in it which version stands.

use crate::blob::Blob;
use crate::gauge::{self, Held};
use crate::{Error, Memory};
use bytes::Bytes;
use semver::Version;
use std::sync::Arc;
use wharf_domain::view::{Sight, View};
use wharf_domain::{CrateName, Timestamp};
use wharf_git_wire::{Kind, ObjectId, object};

/// One version of a crate, as the sparse index shows it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The number of the version.
    pub number: &'a Version,
    /// When it was published.
    pub published_at: Timestamp,
    /// The bytes of its line, line feed included. A file is its lines one after the other and nothing else, so that the
    /// renderer of the sparse index stays the only one.
    pub bytes: &'a [u8],
}

/// What is kept of a version: little, since a registry has millions. The number is parsed again when a filter asks.
#[derive(Debug, PartialEq, Eq)]
struct Fact {
    line_ends: u32,
    number_ends: u32,
    published_at: Timestamp,
}

/// The whole index file of a crate, deflated once.
#[derive(Debug)]
pub struct File {
    blob: Arc<Blob>,
    facts: Box<[Fact]>,
    numbers: Box<str>,
    held: Held,
}

impl File {
    /// Hashes and deflates the file of these lines; `None` without lines, since a crate without versions is no crate.
    ///
    /// Costs some 100 µs; call it outside of any lock, from as many threads as there are.
    pub fn new(memory: &Memory, lines: &[Line<'_>]) -> Result<Option<Arc<File>>, Error> {
        if lines.is_empty() {
            return Ok(None);
        }
        let mut content = Vec::with_capacity(lines.iter().map(|line| line.bytes.len()).sum());
        let mut numbers = String::new();
        let mut facts = Vec::with_capacity(lines.len());
        for line in lines {
            content.extend_from_slice(line.bytes);
            numbers.push_str(&line.number.to_string());
            facts.push(Fact {
                line_ends: u32::try_from(content.len()).map_err(|_| Error::TooLarge)?,
                number_ends: u32::try_from(numbers.len()).map_err(|_| Error::TooLarge)?,
                published_at: line.published_at,
            });
        }
        let oid = object::id(Kind::Blob, &content)?;
        let entry = Bytes::from(memory.encoders().deflating(|deflater| deflater.entry(Kind::Blob, &content))?);
        let (facts, numbers) = (facts.into_boxed_slice(), numbers.into_boxed_str());
        let bytes = gauge::shared::<File>()
            + gauge::shared::<Blob>()
            + gauge::bytes(entry.len())
            + gauge::boxed::<Fact>(facts.len())
            + gauge::allocated(numbers.len());
        let held = memory.files().hold(bytes);
        Ok(Some(Arc::new(File { blob: Arc::new(Blob::whole(oid, entry)), facts, numbers, held })))
    }

    /// The id of the file as a blob.
    #[must_use]
    pub fn oid(&self) -> ObjectId {
        self.blob.oid()
    }

    /// Bytes held by the file.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held.bytes()
    }

    pub(crate) fn blob(&self) -> &Arc<Blob> {
        &self.blob
    }

    /// Whether every view shows the same of both.
    pub(crate) fn is_same(&self, other: &File) -> bool {
        self.oid() == other.oid() && self.facts == other.facts && self.numbers == other.numbers
    }

    /// The versions that are seen.
    pub(crate) fn shown(&self, sight: &Sight) -> VersionSet {
        let mut set = VersionSet::none(self.facts.len());
        let mut from = 0;
        for (index, fact) in self.facts.iter().enumerate() {
            let number = &self.numbers[from..fact.number_ends as usize];
            from = fact.number_ends as usize;
            // It was written by the same library, so it parses; what does not is not shown.
            if Version::parse(number).is_ok_and(|number| sight.shows(&number, fact.published_at)) {
                set.insert(index);
            }
        }
        set
    }

    /// The file with only the lines in the set.
    pub(crate) fn extract(&self, memory: &Memory, set: &VersionSet) -> Result<Vec<u8>, Error> {
        let entry = self.blob.entry(memory)?;
        let whole = memory.encoders().inflating(|inflater| inflater.content(&entry))?;
        let mut part = Vec::with_capacity(whole.len());
        let mut from = 0;
        for (index, fact) in self.facts.iter().enumerate() {
            let to = fact.line_ends as usize;
            if set.contains(index) {
                part.extend_from_slice(&whole[from..to]);
            }
            from = to;
        }
        Ok(part)
    }
}

/// Which versions of a file are seen, one bit for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VersionSet {
    words: Box<[u64]>,
    versions: usize,
}

impl VersionSet {
    fn none(versions: usize) -> VersionSet {
        VersionSet { words: vec![0; versions.div_ceil(64)].into_boxed_slice(), versions }
    }

    fn insert(&mut self, index: usize) {
        self.words[index / 64] |= 1 << (index % 64);
    }

    fn contains(&self, index: usize) -> bool {
        self.words[index / 64] >> (index % 64) & 1 == 1
    }

    fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(crate) fn is_all(&self) -> bool {
        self.count() == self.versions
    }

    pub(crate) fn allocated(&self) -> usize {
        gauge::boxed::<u64>(self.words.len())
    }
}

/// The id of the blob by which a view shows a crate with these lines; `None` when it shows nothing, or bytes that were made
/// to share their id with others.
///
/// For the old states in [`crate::Was`]: the same rules and the same bytes as in [`crate::Index::head`].
pub fn visible_oid(view: &View, name: &CrateName, lines: &[Line<'_>]) -> Option<ObjectId> {
    let sight = view.sight(&name.canonical());
    let mut shown = lines.iter().filter(|line| sight.shows(line.number, line.published_at)).peekable();
    shown.peek()?;
    let content: Vec<_> = shown.flat_map(|line| line.bytes).copied().collect();
    object::id(Kind::Blob, &content).ok()
}
