//! A map that knows what was used longest ago. Who owns it decides how much is too much.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    entries: HashMap<K, (u64, V)>,
    by_use: BTreeMap<u64, K>,
    uses: u64,
}

impl<K, V> Default for Lru<K, V> {
    fn default() -> Self {
        Lru { entries: HashMap::new(), by_use: BTreeMap::new(), uses: 0 }
    }
}

impl<K: Copy + Eq + Hash, V> Lru<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The value, which now is the one used last.
    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        let (used, value) = self.entries.get_mut(key)?;
        self.by_use.remove(used);
        self.uses += 1;
        *used = self.uses;
        self.by_use.insert(self.uses, *key);
        Some(value)
    }

    /// Puts a value in as the one used last; returns the one in whose place it stands.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.uses += 1;
        self.by_use.insert(self.uses, key);
        let (used, former) = self.entries.insert(key, (self.uses, value))?;
        self.by_use.remove(&used);
        Some(former)
    }

    /// Takes out what was used longest ago.
    pub(crate) fn pop(&mut self) -> Option<(K, V)> {
        let (_, key) = self.by_use.pop_first()?;
        self.entries.remove(&key).map(|(_, value)| (key, value))
    }

    /// Takes out every key the predicate holds for.
    pub(crate) fn remove_if(&mut self, gone: impl Fn(&K) -> bool) -> Vec<V> {
        let keys: Vec<_> = self.entries.keys().filter(|key| gone(key)).copied().collect();
        keys.iter()
            .filter_map(|key| self.entries.remove(key))
            .map(|(used, value)| {
                self.by_use.remove(&used);
                value
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first() {
        let mut lru = Lru::default();
        for key in [1, 2, 3] {
            assert_eq!(lru.insert(key, key * 10), None);
        }
        assert_eq!(lru.get(&1), Some(&mut 10));
        assert_eq!(lru.get(&9), None);
        assert_eq!(lru.insert(2, 21), Some(20));
        assert_eq!(lru.len(), 3);
        assert_eq!([lru.pop(), lru.pop(), lru.pop(), lru.pop()], [Some((3, 30)), Some((1, 10)), Some((2, 21)), None]);
        for key in [1, 2, 3, 4] {
            lru.insert(key, key);
        }
        assert_eq!(lru.remove_if(|key| *key > 1 && *key < 4).len(), 2);
        assert_eq!([lru.pop(), lru.pop(), lru.pop()], [Some((1, 1)), Some((4, 4)), None]);
    }
}
