//! A pack as the body of an answer: made as fast as the client takes it, and no further.
//!
//! The connection asks for the next piece when it has sent the last one, so a slow client holds one piece and no thread,
//! and a client that goes away ends the work by not asking any more.

use bytes::Bytes;
use futures::Stream;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use wharf_git_wire::pack;
use wharf_registry::git_index::GitPack;

/// Bytes made in one go: one frame of the side band.
const PIECE_BYTES: usize = pack::FRAME_BYTES;
/// After this many pieces other connections of the thread get their turn, however fast this client reads.
const PIECES_IN_A_ROW: u8 = 4;

/// An answer that ends in a pack.
pub(super) struct Sending {
    begin: Vec<u8>,
    pack: Option<Box<GitPack>>,
    in_a_row: u8,
}

impl Sending {
    /// These bytes, then the pack.
    pub(super) fn new(begin: Vec<u8>, pack: Box<GitPack>) -> Self {
        Self { begin, pack: Some(pack), in_a_row: 0 }
    }
}

impl Stream for Sending {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(mut pack) = self.pack.take() else { return Poll::Ready(None) };
        if self.in_a_row == PIECES_IN_A_ROW {
            self.in_a_row = 0;
            self.pack = Some(pack);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.in_a_row += 1;
        let mut piece = std::mem::take(&mut self.begin);
        match pack.fill(PIECE_BYTES, &mut piece) {
            Ok(true) => self.pack = Some(pack),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(cause = &error as &dyn std::error::Error, "a git pack could not be completed");
                pack.abort("the registry could not complete this pack; fetch again", &mut piece);
            }
        }
        Poll::Ready(Some(Ok(piece.into())))
    }
}
