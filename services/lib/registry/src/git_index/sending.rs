//! A pack on its way to a client.

use super::GitVisitor;
use super::places::{Place, Places};
use crate::{Error, Result};
use std::sync::Arc;
use wharf_git_index::{Head, Pack, Transfer};
use wharf_git_wire::Framing;

/// A whole pack of more bytes takes one of the places.
const LARGE_PACK_BYTES: u64 = 8 << 20;
/// No entry is shorter: one byte of head, and what zlib makes of nothing.
const ENTRY_BYTES_MIN: u64 = 9;

/// A pack that is sent piece by piece. Dropping it ends all work for it.
#[derive(Debug)]
pub struct GitPack {
    transfer: Transfer,
    begun: Vec<u8>,
    _place: Option<Place>,
}

impl GitPack {
    /// The whole of a head, when it is the visitor's turn.
    pub(super) async fn whole(
        places: &Places,
        visitor: &GitVisitor,
        head: &Arc<Head>,
        framing: Framing,
    ) -> Result<Self> {
        let is_large = is_longer(head, LARGE_PACK_BYTES).await?;
        let place = if is_large { Some(places.take(visitor).await?) } else { None };
        let pack = head.full().map_err(Error::internal)?;
        Ok(Self { _place: place, ..Self::part(pack, framing) })
    }

    /// What somebody lacks.
    pub(super) fn part(pack: Pack, framing: Framing) -> Self {
        let mut begun = Vec::new();
        let transfer = pack.begin(framing, &mut begun);
        Self { transfer, begun, _place: None }
    }

    /// Appends at least `enough` bytes to `out`, or what is left; `false` when that was the end.
    ///
    /// Errors: an entry cannot be made. Only [`GitPack::abort`] is left to do.
    pub fn fill(&mut self, enough: usize, out: &mut Vec<u8>) -> Result<bool> {
        out.append(&mut self.begun);
        self.transfer.fill(enough, out).map_err(Error::internal)
    }

    /// Ends a pack that cannot be completed, with a text for whoever reads git's output.
    pub fn abort(self, text: &str, out: &mut Vec<u8>) {
        self.transfer.abort(text, out);
    }
}

/// Whether the whole pack of a head has more than so many bytes of entries. Looks at no more entries than it takes.
pub(super) async fn is_longer(head: &Arc<Head>, bytes: u64) -> Result<bool> {
    if u64::from(head.objects().map_err(Error::internal)?) * ENTRY_BYTES_MIN > bytes {
        return Ok(true);
    }
    let head = Arc::clone(head);
    // Files of which a view shows a part may have to be deflated first: for 8 MiB of them half a second.
    tokio::task::spawn_blocking(move || {
        let mut counted = 0;
        for entry in head.full().map_err(Error::internal)? {
            counted += entry.map_err(Error::internal)?.len() as u64;
            if counted > bytes {
                return Ok(true);
            }
        }
        Ok(false)
    })
    .await
    .map_err(Error::internal)?
}
