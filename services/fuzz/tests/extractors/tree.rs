//! What lies in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A member of a folder.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    Directory,
    File { executable: bool, data: Vec<u8> },
    Other(String),
}

/// Everything below a folder, by its path from there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<String, Item>);

impl Tree {
    /// Reads a folder.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut tree = Self::default();
        tree.read(folder, "");
        tree
    }

    fn read(&mut self, folder: &Path, above: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{above}{}", entry.file_name().into_string().unwrap());
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                self.insert_directory(&path);
                self.read(&entry.path(), &format!("{path}/"));
            } else if kind.is_file() {
                let mode = entry.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o7002, 0, "{path} was unpacked with mode {mode:o}");
                self.insert_file(&path, mode & 0o100 != 0, &fs::read(entry.path()).unwrap());
            } else {
                self.0.insert(path, Item::Other(format!("{kind:?}")));
            }
        }
    }

    pub(crate) fn insert_directory(&mut self, path: &str) {
        self.0.insert(path.to_owned(), Item::Directory);
    }

    pub(crate) fn insert_file(&mut self, path: &str, executable: bool, data: &[u8]) {
        self.0.insert(path.to_owned(), Item::File { executable, data: data.to_vec() });
    }

    pub(crate) fn files_and_bytes(&self) -> (usize, u64) {
        let sizes = self.0.values().filter_map(|item| match item {
            Item::File { data, .. } => Some(data.len() as u64),
            _ => None,
        });
        (sizes.clone().count(), sizes.sum())
    }

    /// The first thing in which another tree is different.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let paths = self.0.keys().chain(other.0.keys());
        let different = paths.map(|path| (path, self.0.get(path), other.0.get(path))).find(|(_, a, b)| a != b);
        let shown = |item: Option<&Item>| match item {
            None => "nothing".to_owned(),
            Some(Item::File { executable, data }) => {
                format!("a file of {} bytes (executable: {executable})", data.len())
            }
            Some(item) => format!("{item:?}"),
        };
        different.map_or_else(String::new, |(path, a, b)| format!("{path:?} is {}, not {}", shown(b), shown(a)))
    }
}
