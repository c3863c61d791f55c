//! Encoders and decoders that are used again and again.
//!
//! A fresh zlib encoder takes some 300 KB from the allocator; when small entries survive between such requests they pin
//! the holes, and a process grows by the half megabyte for each small view. So they are kept, as many as ever worked at
//! the same time, and no more than [`KEPT`].

use std::sync::{Mutex, PoisonError};
use wharf_git_wire::{Deflater, Inflater};

/// The most of each kind that wait for work.
const KEPT: usize = 16;

#[derive(Debug)]
struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut tool = waiting.unwrap_or_default();
        let result = work(&mut tool);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < KEPT {
            waiting.push(tool);
        }
        result
    }
}

#[derive(Debug)]
pub(crate) struct Encoders {
    deflaters: Pool<Deflater>,
    inflaters: Pool<Inflater>,
}

impl Default for Encoders {
    fn default() -> Encoders {
        Encoders { deflaters: Pool(Mutex::default()), inflaters: Pool(Mutex::default()) }
    }
}

impl Encoders {
    pub(crate) fn deflating<R>(&self, work: impl FnOnce(&mut Deflater) -> R) -> R {
        self.deflaters.with(work)
    }

    pub(crate) fn inflating<R>(&self, work: impl FnOnce(&mut Inflater) -> R) -> R {
        self.inflaters.with(work)
    }
}
