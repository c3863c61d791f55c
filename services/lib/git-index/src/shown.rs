//! What a view shows, brought up to date when it is asked for.

use crate::contents::Contents;
use crate::file::File;
use crate::forest::Edit;
use crate::name::Name;
use crate::root::Root;
use crate::{Definition, Error, Memory};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use wharf_domain::view::View;

/// The state of one view. A publish does not touch it.
#[derive(Debug, Default)]
pub(crate) struct Shown(Mutex<Option<(u64, Arc<Root>)>>);

impl Shown {
    /// What the view shows now, and the number of the newest change that is taken into account.
    ///
    /// Who comes while another thread is at work for the same view waits for the result. The contents are locked only to
    /// copy references.
    pub(crate) fn now(
        &self,
        contents: &RwLock<Contents>,
        definition: &Definition,
        memory: &Memory,
    ) -> Result<(u64, Arc<Root>), Error> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let view = definition.view();
        let (seq, former, edits) = match &*state {
            None => {
                let (seq, found) = {
                    let contents = contents.read().unwrap_or_else(PoisonError::into_inner);
                    (contents.seq(), contents.candidates(&[view]))
                };
                let former = Root::new(Vec::new(), memory.repositories_gauge());
                let crates = found.into_iter().map(|(name, file)| (name, Some(file)));
                let edits = edits(crates, view, &former, memory)?;
                (seq, former, edits)
            }
            Some((seq, root)) => {
                let (now, mut changed) = {
                    let contents = contents.read().unwrap_or_else(PoisonError::into_inner);
                    if contents.seq() == *seq {
                        return Ok((*seq, Arc::clone(root)));
                    }
                    (contents.seq(), contents.changed_after(*seq))
                };
                changed.sort_unstable_by(|(a, _), (b, _)| a.by_path(b));
                (now, Arc::clone(root), edits(changed, view, root, memory)?)
            }
        };
        let is_first = state.is_none();
        let root = if edits.is_empty() && !is_first { former } else { memory.forest().edit(&former, &edits)? };
        *state = Some((seq, Arc::clone(&root)));
        Ok((seq, root))
    }
}

/// What has to be edited in the root so that it shows these crates as they are now. What looks the same is left out, and
/// so is everything hidden: a view on which nothing visible happened keeps the very same root.
pub(crate) fn edits(
    crates: impl IntoIterator<Item = (Arc<Name>, Option<Arc<File>>)>,
    view: &View,
    root: &Root,
    memory: &Memory,
) -> Result<Vec<Edit>, Error> {
    let mut edits = Vec::new();
    for (name, file) in crates {
        let sight = view.sight(name.canonical());
        let sight = wharf_trial::mutant!(GitFilesWhole =>
            if matches!(sight, wharf_domain::view::Sight::Part(_)) { wharf_domain::view::Sight::Whole } else { sight };
            sight);
        let blob = match &file {
            Some(file) => memory.parts().visible(&sight, file, memory)?,
            None => None,
        };
        if root.find(&name).map(|former| former.oid()) != blob.as_ref().map(|blob| blob.oid()) {
            edits.push(Edit { name, blob });
        }
    }
    Ok(edits)
}
