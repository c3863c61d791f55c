//! Blobs in a directory of a local disk.
//!
//! A blob is written to a temporary file beside its place, synced, renamed, and the directories above it are synced: after
//! a crash it is there whole or not at all, and when `put` has returned it is there.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use wharf_domain::Timestamp;

use crate::blobs::{Listed, PAGE, Page, Put};
use crate::digest::{key, parse_name};
use crate::error::{BlobError, OpenError};
use crate::range::Range;
use crate::stream::{BlobStream, CHUNK};

/// How the names of unfinished files begin; no blob is called so.
const UNFINISHED: &str = ".put-";

/// A backend on a local disk.
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Opens a directory that was prepared.
    ///
    /// One that was not is refused, never made: where its disk is not mounted lies an empty directory, which would take
    /// new files and lack all the old ones.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        match fs::metadata(path.join("sha256")) {
            Ok(_) => Ok(Self { root: path.to_owned() }),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(OpenError::Unprepared { path: path.to_owned() }),
            Err(source) => Err(OpenError::File { key: "path", path: path.to_owned(), source }),
        }
    }

    /// Prepares a directory for an installation that has no files yet. Harmless to repeat.
    pub fn prepare(path: &Path) -> Result<(), OpenError> {
        fs::create_dir_all(path.join("sha256")).and_then(|()| sync_directory(path)).map_err(|source| OpenError::File {
            key: "path",
            path: path.to_owned(),
            source,
        })
    }

    fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        self.root.join(key(sha256))
    }

    pub(crate) async fn put(&self, sha256: [u8; 32], bytes: Bytes) -> Result<Put, BlobError> {
        let path = self.path(&sha256);
        blocking("store a blob", move || store(&path, &sha256, &bytes)).await
    }

    pub(crate) async fn get(&self, sha256: [u8; 32], range: Option<Range>) -> Result<Option<BlobStream>, BlobError> {
        let failed = |error| BlobError::unavailable("read a blob", error);
        let mut file = match tokio::fs::File::open(self.path(&sha256)).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let len = file.metadata().await.map_err(failed)?.len();
        let range = match range {
            Some(range) => range.resolve(len).ok_or(BlobError::Range { len })?,
            None => 0..len,
        };
        file.set_max_buf_size(CHUNK);
        if range.start > 0 {
            file.seek(io::SeekFrom::Start(range.start)).await.map_err(failed)?;
        }
        let part = ReaderStream::with_capacity(file.take(range.end - range.start), CHUNK).map_err(failed);
        Ok(Some(BlobStream::checked(sha256, len, range, part)))
    }

    pub(crate) async fn stat(&self, sha256: [u8; 32]) -> Result<Option<u64>, BlobError> {
        match tokio::fs::metadata(self.path(&sha256)).await {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BlobError::unavailable("look at a blob", error)),
        }
    }

    pub(crate) async fn delete(&self, sha256: [u8; 32]) -> Result<(), BlobError> {
        let path = self.path(&sha256);
        blocking("delete a blob", move || match fs::remove_file(&path) {
            Ok(()) => sync_directory(parent(&path)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    pub(crate) async fn list(&self, after: Option<[u8; 32]>) -> Result<Page, BlobError> {
        let root = self.root.join("sha256");
        blocking("list blobs", move || list(&root, after)).await
    }

    pub(crate) async fn collect(&self, older_than: Timestamp) -> Result<u64, BlobError> {
        let root = self.root.join("sha256");
        blocking("remove unfinished files", move || collect(&root, older_than)).await
    }

    pub(crate) async fn check(&self) -> Result<(), BlobError> {
        let root = self.root.join("sha256");
        // Writing something notices a full disk and one that was remounted read-only.
        blocking("write to its directory", move || unfinished(&root)?.write_all(b"ready?")).await
    }
}

/// Runs file work on the threads meant for it.
async fn blocking<T: Send + 'static>(
    action: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(BlobError::unavailable(action, error)),
        Err(error) => Err(BlobError::unavailable(action, error)),
    }
}

fn store(path: &Path, sha256: &[u8; 32], bytes: &[u8]) -> io::Result<Put> {
    let place = parent(path)?;
    // Not the root: when its disk is gone, a directory made in its stead would take blobs and lose them.
    for directory in [parent(place)?, place] {
        match fs::create_dir(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let mut put = Put::Existed;
    if !holds(path, sha256, bytes.len())? {
        let mut file = unfinished(place)?;
        file.write_all(bytes)?;
        wharf_trial::moment!("directory: file written");
        file.as_file().sync_all()?;
        wharf_trial::moment!("directory: file synced");
        put = match file.persist_noclobber(path) {
            Ok(_) => Put::Created,
            // Either another writer was faster, or damaged bytes stand there: those are not kept.
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                if holds(path, sha256, bytes.len())? {
                    Put::Existed
                } else {
                    tracing::warn!(sha256 = hex::encode(sha256), "a damaged blob is replaced");
                    error.file.persist(path)?;
                    Put::Created
                }
            }
            Err(error) => return Err(error.error),
        };
        wharf_trial::moment!("directory: file named");
    }
    // Also when another writer made the file or the directories: it may not have come so far, and we are about to say
    // that the blob is durable.
    for directory in path.ancestors().skip(1).take(3) {
        sync_directory(directory)?;
    }
    wharf_trial::moment!("directory: names synced");
    Ok(put)
}

/// Whether the file is there with the right bytes.
fn holds(path: &Path, sha256: &[u8; 32], len: usize) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() != len as u64 {
        return Ok(false);
    }
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match io::Read::read(&mut file, &mut buffer) {
            Ok(0) => break,
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(<[u8; 32]>::from(hasher.finalize()) == *sha256)
}

fn unfinished(place: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(place)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a blob lies in a directory"))
}

fn list(root: &Path, after: Option<[u8; 32]>) -> io::Result<Page> {
    let after_hex = after.map(hex::encode).unwrap_or_default();
    let mut blobs = Vec::new();
    for first in fan(root, &after_hex[..after_hex.len().min(2)])? {
        let same_first = after_hex.starts_with(&first);
        let least = if same_first { after_hex.get(2..4).unwrap_or_default() } else { "" };
        for second in fan(&root.join(&first), least)? {
            let place = root.join(&first).join(&second);
            for name in names(&place)? {
                let Some(sha256) = parse_name(&name) else { continue };
                if !(name.starts_with(&first) && name[2..].starts_with(&second))
                    || after.is_some_and(|after| sha256 <= after)
                {
                    continue;
                }
                // One deleted since the directory was read is not there.
                let Some(metadata) = found(fs::metadata(place.join(&name)))? else { continue };
                blobs.push(Listed { sha256, len: metadata.len(), stored_at: Timestamp::from_unix(metadata.mtime()) });
                if blobs.len() > PAGE {
                    return Ok(Page::cut(blobs));
                }
            }
        }
    }
    Ok(Page::cut(blobs))
}

fn collect(root: &Path, older_than: Timestamp) -> io::Result<u64> {
    let mut removed = 0;
    let mut places = vec![root.to_owned()];
    for first in fan(root, "")? {
        let first = root.join(first);
        places.extend(fan(&first, "")?.into_iter().map(|second| first.join(second)));
    }
    for place in places {
        for name in names(&place)?.iter().filter(|name| name.starts_with(UNFINISHED)) {
            let path = place.join(name);
            let Some(metadata) = found(fs::metadata(&path))? else { continue };
            if Timestamp::from_unix(metadata.mtime()) < older_than && found(fs::remove_file(&path))?.is_some() {
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// The directories of one level of the fan, sorted, from `least`.
fn fan(path: &Path, least: &str) -> io::Result<Vec<String>> {
    let mut names = names(path)?;
    names.retain(|name| {
        name.len() == 2 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) && name.as_str() >= least
    });
    Ok(names)
}

/// What a directory holds, sorted. Names that are not text are not ours.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
