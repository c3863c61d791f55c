//! Packs, entry by entry. At most a list of references is held, never the bytes of a pack.

use crate::Error;
use crate::blob::Blob;
use crate::forest::Tree;
use crate::head::Head;
use bytes::Bytes;
use std::sync::Arc;
use wharf_git_wire::{Framing, PackStream};

/// The entries of a pack in their order, made or looked up one at a time.
#[derive(Debug)]
pub struct Pack {
    head: Arc<Head>,
    objects: u32,
    is_full: bool,
    front: std::vec::IntoIter<Front>,
    trees: Vec<Arc<Tree>>,
    next_tree: usize,
    files: Files,
}

/// What comes before the directories.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Front {
    Commit,
    Root,
    Config,
}

/// All of it.
pub(crate) const FRONT: [Front; 3] = [Front::Commit, Front::Root, Front::Config];

/// The files, which come last.
#[derive(Debug)]
enum Files {
    /// All those in the directories: the next one's directory and its place in it.
    All { tree: usize, file: usize },
    /// These.
    Some(std::vec::IntoIter<Arc<Blob>>),
}

impl Pack {
    /// Everything below a head.
    pub(crate) fn full(head: &Arc<Head>) -> Result<Pack, Error> {
        Ok(Pack {
            head: Arc::clone(head),
            objects: head.objects()?,
            is_full: true,
            front: FRONT.to_vec().into_iter(),
            trees: head.shown().trees().cloned().collect(),
            next_tree: 0,
            files: Files::All { tree: 0, file: 0 },
        })
    }

    /// Nothing at all.
    pub(crate) fn empty(head: &Arc<Head>) -> Pack {
        let (front, files) = (Vec::new().into_iter(), Files::Some(Vec::new().into_iter()));
        Pack { head: Arc::clone(head), objects: 0, is_full: false, front, trees: Vec::new(), next_tree: 0, files }
    }

    /// The commit, the root, and what else is new.
    pub(crate) fn partial(
        head: &Arc<Head>,
        with_config: bool,
        trees: Vec<Arc<Tree>>,
        blobs: Vec<Arc<Blob>>,
    ) -> Result<Pack, Error> {
        let mut front = vec![Front::Commit, Front::Root];
        front.extend(with_config.then_some(Front::Config));
        let objects = u32::try_from(front.len() + trees.len() + blobs.len()).map_err(|_| Error::TooLarge)?;
        Ok(Pack {
            head: Arc::clone(head),
            objects,
            is_full: false,
            front: front.into_iter(),
            trees,
            next_tree: 0,
            files: Files::Some(blobs.into_iter()),
        })
    }

    /// How many entries there are in all.
    #[must_use]
    pub fn objects(&self) -> u32 {
        self.objects
    }

    /// Begins to send it.
    #[must_use]
    pub fn begin(self, framing: Framing, out: &mut Vec<u8>) -> Transfer {
        let stream = match self.head.trailer().get() {
            Some(trailer) if self.is_full => PackStream::begin_again(self.objects, framing, *trailer, out),
            _ => PackStream::begin(self.objects, framing, out),
        };
        Transfer { pack: self, stream: Some(stream) }
    }

    fn next_blob(&mut self) -> Option<Arc<Blob>> {
        match &mut self.files {
            Files::Some(blobs) => blobs.next(),
            Files::All { tree, file } => loop {
                if let Some(leaf) = self.trees.get(*tree)?.files().get(*file) {
                    *file += 1;
                    return Some(Arc::clone(&leaf.blob));
                }
                (*tree, *file) = (*tree + 1, 0);
            },
        }
    }
}

impl Iterator for Pack {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(front) = self.front.next() {
            return Some(match front {
                Front::Commit => Ok(self.head.commit_entry()),
                Front::Root => self.head.root_entry(),
                Front::Config => Ok(self.head.config_entry()),
            });
        }
        if let Some(tree) = self.trees.get(self.next_tree) {
            self.next_tree += 1;
            return Some(Ok(tree.entry().clone()));
        }
        let blob = self.next_blob()?;
        Some(blob.entry(self.head.memory()))
    }
}

/// A pack on its way.
#[derive(Debug)]
pub struct Transfer {
    pack: Pack,
    stream: Option<PackStream>,
}

impl Transfer {
    /// Appends to `out` until it has at least `enough` bytes or the pack is complete; `false` when it is complete.
    ///
    /// An entry is never split before it is framed, so `out` can become larger by one of them and a frame.
    pub fn fill(&mut self, enough: usize, out: &mut Vec<u8>) -> Result<bool, Error> {
        while out.len() < enough {
            let Some(stream) = &mut self.stream else { return Ok(false) };
            if let Some(entry) = self.pack.next() {
                stream.entry(&entry?, out)?;
            } else if let Some(stream) = self.stream.take() {
                let trailer = stream.finish(out)?;
                if self.pack.is_full {
                    // Two clones at a time find the same one.
                    self.pack.head.trailer().get_or_init(|| trailer);
                }
            }
        }
        Ok(self.stream.is_some())
    }

    /// Ends a pack that cannot be completed, with a text for whoever reads git's output.
    pub fn abort(self, text: &str, out: &mut Vec<u8>) {
        if let Some(stream) = self.stream {
            stream.abort(text, out);
        }
    }
}
