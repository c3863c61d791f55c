//! What can go wrong. Nothing here is for a client's eyes.

use wharf_git_wire::{CollisionError, DeflateError, InflateError, PackError, TreeError};

/// An object cannot be made. Of these only [`Error::Collision`] can be caused by a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Bytes that were made to share their id with others.
    #[error(transparent)]
    Collision(#[from] CollisionError),
    /// The encoder failed.
    #[error(transparent)]
    Deflate(#[from] DeflateError),
    /// An entry made here does not open.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// A name that may not stand in a tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The pack got another number of objects than announced.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A file, or the number of objects in a pack, is beyond 32 bits.
    #[error("too large for an index file or a pack")]
    TooLarge,
}

/// Why a difference cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// The index knows changes that [`crate::Base::covers`] does not: read the changes again, or send the full pack.
    #[error("the index has moved beyond the changes that were read")]
    Behind,
    /// An object cannot be made.
    #[error(transparent)]
    Object(#[from] Error),
}
