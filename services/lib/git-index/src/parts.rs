//! Files that show some versions of a crate only.
//!
//! A view keeps no bytes of them but a recipe: the whole file and a set of versions. Recipes are shared by all views
//! that show the same versions, whatever rule says so. Deflated entries are kept within a number of bytes and made anew
//! when they are needed again.

use crate::blob::Blob;
use crate::file::{File, VersionSet};
use crate::gauge::{self, Held};
use crate::lru::Lru;
use crate::{Error, Memory};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use wharf_domain::view::Sight;
use wharf_git_wire::{Kind, ObjectId, object};

type Key = (ObjectId, VersionSet);

/// How a part is made.
#[derive(Debug)]
pub(crate) struct Part {
    /// A newer file takes the place of the older one, or the view would keep alive the file of every revision that
    /// brought it nothing new.
    recipe: Mutex<(Arc<File>, VersionSet)>,
    oid: ObjectId,
    known: Arc<Known>,
    _held: Held,
}

impl Part {
    fn recipe(&self) -> MutexGuard<'_, (Arc<File>, VersionSet)> {
        self.recipe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the part out of a newer file from now on; returns the former recipe.
    pub(crate) fn cut_from(&self, source: &Arc<File>, set: &VersionSet) -> (Arc<File>, VersionSet) {
        std::mem::replace(&mut *self.recipe(), (Arc::clone(source), set.clone()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let (source, set) = self.recipe.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut tables = self.known.tables();
        // Another thread may have made the same part again between the last reference and this moment.
        if tables.by_oid.get(&self.oid).is_some_and(|known| known.strong_count() == 0) {
            tables.by_oid.remove(&self.oid);
        }
        let key = (source.oid(), set.clone());
        if tables.by_recipe.get(&key).is_some_and(|known| known.strong_count() == 0) {
            tables.by_recipe.remove(&key);
        }
    }
}

/// The parts that are alive.
#[derive(Debug, Default)]
struct Known(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    by_oid: HashMap<ObjectId, Weak<Blob>>,
    by_recipe: HashMap<Key, Weak<Blob>>,
}

impl Known {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Rendered {
    entries: Lru<ObjectId, (Bytes, Held)>,
}

#[derive(Debug, Default)]
pub(crate) struct Parts {
    known: Arc<Known>,
    rendered: Mutex<Rendered>,
}

impl Parts {
    /// What is seen of a file: nothing, the file itself, or a part of it.
    pub(crate) fn visible(&self, sight: &Sight, file: &Arc<File>, memory: &Memory) -> Result<Option<Arc<Blob>>, Error> {
        match sight {
            Sight::Hidden => return Ok(None),
            Sight::Whole => return Ok(Some(Arc::clone(file.blob()))),
            Sight::Part(_) => {}
        }
        let set = file.shown(sight);
        if set.is_empty() {
            return Ok(None);
        }
        if set.is_all() {
            return Ok(Some(Arc::clone(file.blob())));
        }
        let key = (file.oid(), set);
        if let Some(known) = self.known.tables().by_recipe.get(&key).and_then(Weak::upgrade) {
            return Ok(Some(known));
        }
        // As with whole files: a publisher who forged such bytes takes the crate from git, and nothing else from anybody.
        let Ok(oid) = object::id(Kind::Blob, &file.extract(memory, &key.1)?) else { return Ok(None) };
        Ok(Some(self.intern(oid, file, key, memory)))
    }

    fn intern(&self, oid: ObjectId, file: &Arc<File>, key: Key, memory: &Memory) -> Arc<Blob> {
        // Made before the lock is taken, and dropped after: the end of a part takes the lock too.
        let bytes = gauge::shared::<Blob>()
            + 2 * key.1.allocated()
            + gauge::entry::<ObjectId, Weak<Blob>>()
            + gauge::entry::<Key, Weak<Blob>>();
        let recipe = Mutex::new((Arc::clone(file), key.1.clone()));
        let part = Part { recipe, oid, known: Arc::clone(&self.known), _held: memory.repositories_gauge().hold(bytes) };
        let fresh = Arc::new(Blob::part(oid, part));
        let mut tables = self.known.tables();
        let Some(known) = tables.by_oid.get(&oid).and_then(Weak::upgrade) else {
            tables.by_oid.insert(oid, Arc::downgrade(&fresh));
            tables.by_recipe.insert(key, Arc::downgrade(&fresh));
            drop(tables);
            return fresh;
        };
        let former = known.cut_from(file, &key.1);
        if let Some((source, set)) = &former {
            tables.by_recipe.remove(&(source.oid(), set.clone()));
        }
        tables.by_recipe.insert(key, Arc::downgrade(&known));
        drop(tables);
        known
    }

    /// The deflated part. Bytes are the same each time: level, encoder and content are.
    pub(crate) fn entry(&self, oid: ObjectId, part: &Part, memory: &Memory) -> Result<Bytes, Error> {
        if let Some((entry, _)) = self.rendered().entries.get(&oid) {
            return Ok(entry.clone());
        }
        let (source, set) = {
            let recipe = part.recipe();
            (Arc::clone(&recipe.0), recipe.1.clone())
        };
        let content = source.extract(memory, &set)?;
        let entry = Bytes::from(memory.encoders().deflating(|deflater| deflater.entry(Kind::Blob, &content))?);
        let weight = gauge::bytes(entry.len()) + gauge::entry::<ObjectId, (u64, (Bytes, Held))>() + 48;
        let mut rendered = self.rendered();
        rendered.entries.insert(oid, (entry.clone(), memory.parts_gauge().hold(weight)));
        while memory.parts_gauge().bytes() > memory.limits().parts_bytes && rendered.entries.pop().is_some() {}
        Ok(entry)
    }

    fn rendered(&self) -> MutexGuard<'_, Rendered> {
        self.rendered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Line};
    use semver::Version;
    use wharf_domain::view::{Rule, View};
    use wharf_domain::{CrateName, CratePattern, Timestamp};

    fn file(memory: &Memory, numbers: &[&str]) -> Arc<File> {
        let numbers: Vec<_> = numbers.iter().map(|number| Version::parse(number).unwrap()).collect();
        let bytes: Vec<_> = numbers.iter().map(|number| format!("{{\"vers\":\"{number}\"}}\n")).collect();
        let published_at = Timestamp::from_unix(0);
        let lines = numbers.iter().zip(&bytes);
        let lines: Vec<_> =
            lines.map(|(number, bytes)| Line { number, published_at, bytes: bytes.as_bytes() }).collect();
        File::new(memory, &lines).unwrap().unwrap()
    }

    fn sight(versions: &str) -> Sight {
        let rule =
            Rule { allow: vec![CratePattern::all()], versions: Some(versions.parse().unwrap()), ..Rule::default() };
        View::new([rule]).sight(&CrateName::parse("x").unwrap().canonical())
    }

    #[test]
    fn parts_are_shared_while_they_live_and_forgotten_with_the_last_view() {
        let memory = Memory::new(Limits { repositories_bytes: 0, parts_bytes: 0 });
        let parts = memory.parts();
        let sizes = || {
            let tables = parts.known.tables();
            (tables.by_oid.len(), tables.by_recipe.len())
        };
        let old = file(&memory, &["1.0.0", "1.1.0", "2.0.0"]);
        let see = |versions, file: &Arc<File>| parts.visible(&sight(versions), file, &memory).unwrap();
        let one = see("^1", &old).unwrap();
        assert!(Arc::ptr_eq(&one, &see("<1.5", &old).unwrap()), "another rule, the same versions");
        assert!(Arc::ptr_eq(&see("*", &old).unwrap(), old.blob()), "all of it is the file itself");
        assert!(see("^3", &old).is_none());
        let new = file(&memory, &["1.0.0", "1.1.0", "2.0.0", "3.0.0"]);
        assert_eq!(sizes(), (1, 1));
        assert!(Arc::ptr_eq(&one, &see("^1", &new).unwrap()), "the same bytes out of a newer file");
        assert_eq!(Arc::strong_count(&old), 1, "which takes the place of the older one");
        assert_eq!(sizes(), (1, 1));
        let other = see("^2", &new).unwrap();
        assert_eq!(sizes(), (2, 2));
        assert_eq!(other.entry(&memory).unwrap(), other.entry(&memory).unwrap(), "forgotten and made again");
        drop((one, other));
        assert_eq!(sizes(), (0, 0));
        assert_eq!((memory.usage().repositories_bytes, memory.usage().parts_bytes), (0, 0));
    }
}
