//! Counting bytes: what is alive is counted when it is made and taken off when it goes, so a figure is never a guess.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes held by everything of one kind.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts these bytes for as long as the guard lives.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
        Held { gauge: Arc::clone(self), bytes }
    }
}

/// Bytes that are counted.
#[derive(Debug)]
pub(crate) struct Held {
    gauge: Arc<Gauge>,
    bytes: usize,
}

impl Held {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes as u64
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.0.fetch_sub(self.bytes as u64, Ordering::Relaxed);
    }
}

/// What an allocator takes for a request of this size: eight bytes for itself, in steps of sixteen, at least 32.
pub(crate) const fn allocated(bytes: usize) -> usize {
    let rounded = (bytes + 8).next_multiple_of(16);
    if bytes == 0 {
        0
    } else if rounded < 32 {
        32
    } else {
        rounded
    }
}

/// The same for a `T` in an `Arc`.
pub(crate) const fn shared<T>() -> usize {
    allocated(16 + size_of::<T>())
}

/// The same for `length` times a `T` in a box.
pub(crate) const fn boxed<T>(length: usize) -> usize {
    allocated(length * size_of::<T>())
}

/// The same for [`bytes::Bytes`] of this length that have been cloned.
pub(crate) const fn bytes(length: usize) -> usize {
    allocated(length) + allocated(32)
}

/// The same for one entry in a hash table of these: growth leaves a table between seven sixteenths and seven eighths full.
pub(crate) const fn entry<K, V>() -> usize {
    (size_of::<(K, V)>() + 1) * 3 / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let gauge = Arc::new(Gauge::default());
        let held = gauge.hold(10);
        let more = gauge.hold(5);
        assert_eq!(gauge.bytes(), 15);
        drop(held);
        assert_eq!(gauge.bytes(), 5);
        drop(more);
        assert_eq!(gauge.bytes(), 0);
    }

    #[test]
    fn allocations_are_rounded_as_allocators_do() {
        assert_eq!([0, 1, 24, 25, 40, 41].map(allocated), [0, 32, 32, 48, 48, 64]);
        assert_eq!(shared::<u64>(), 32);
        assert_eq!(boxed::<u64>(100), 816);
    }
}
