//! A table in which what is absent takes as long to look up as what is there.

use foldhash::fast::FixedState;
use indexmap::IndexMap;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::hint::black_box;

/// Values by key, of which nothing is ever removed.
///
/// A key that is found is compared, and its value is fetched from memory; in nanoseconds that can be measured. So a key
/// that is not found is compared with itself, and another one is given to the caller, whichever its hash leads to: what is
/// read of a value that is found is then to be read of that one.
#[derive(Debug)]
pub(crate) struct Table<K, V>(IndexMap<K, V>);

/// What a table has for a key.
#[derive(Debug)]
pub(crate) enum Found<'a, V> {
    /// Its value.
    There(&'a V),
    /// Nothing; and the value of another key, unless there is none.
    Absent(Option<&'a V>),
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(IndexMap::new())
    }
}

impl<K: Borrow<str> + Hash + Eq, V> Table<K, V> {
    pub(crate) fn find(&self, key: &K) -> Found<'_, V> {
        let another = black_box(quick_hash(key)).checked_rem(self.0.len() as u64);
        if let Some(value) = self.0.get(key) {
            return Found::There(value);
        }
        let another = another.and_then(|index| self.0.get_index(usize::try_from(index).ok()?));
        if let Some((another, _)) = another {
            black_box(another.borrow().as_bytes().first());
        }
        black_box(black_box(key) == black_box(key));
        Found::Absent(another.map(|(_, value)| value))
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert(key, value);
    }
}

/// A hash that is made in a few nanoseconds and that anyone can make: nothing may depend on its being hard to meet.
pub(crate) fn quick_hash<T: Hash + ?Sized>(value: &T) -> u64 {
    FixedState::default().hash_one(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_comes_with_another() {
        let mut table: Table<String, usize> = Table::default();
        assert!(matches!(table.find(&"foo".to_owned()), Found::Absent(None)));
        for number in 0..100 {
            table.insert(format!("key-{number}"), number);
        }
        let mut others = std::collections::BTreeSet::new();
        for number in 0..100 {
            assert!(matches!(table.find(&format!("key-{number}")), Found::There(found) if *found == number));
            let Found::Absent(Some(other)) = table.find(&format!("none-{number}")) else { panic!("found") };
            others.insert(*other);
        }
        assert!(others.len() > 40, "not always the same one: {others:?}");
    }
}
