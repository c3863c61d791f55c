//! Files as objects: an id, and an entry that is there or can be made.

use crate::file::{File, VersionSet};
use crate::parts::Part;
use crate::{Error, Memory};
use bytes::Bytes;
use std::sync::Arc;
use wharf_git_wire::ObjectId;

#[derive(Debug)]
pub(crate) struct Blob {
    oid: ObjectId,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Whole(Bytes),
    Part(Part),
}

impl Blob {
    pub(crate) fn whole(oid: ObjectId, entry: Bytes) -> Blob {
        Blob { oid, body: Body::Whole(entry) }
    }

    pub(crate) fn part(oid: ObjectId, part: Part) -> Blob {
        Blob { oid, body: Body::Part(part) }
    }

    pub(crate) fn oid(&self) -> ObjectId {
        self.oid
    }

    /// The pack entry. That of a part is made anew if it was forgotten; the same bytes come out, so nobody can tell.
    pub(crate) fn entry(&self, memory: &Memory) -> Result<Bytes, Error> {
        match &self.body {
            Body::Whole(entry) => Ok(entry.clone()),
            Body::Part(part) => memory.parts().entry(self.oid, part, memory),
        }
    }

    /// Lets a part be cut out of a newer file from now on; returns the former recipe.
    pub(crate) fn cut_from(&self, source: &Arc<File>, set: &VersionSet) -> Option<(Arc<File>, VersionSet)> {
        match &self.body {
            Body::Whole(_) => None,
            Body::Part(part) => Some(part.cut_from(source, set)),
        }
    }
}
