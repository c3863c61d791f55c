//! Secrets that configuration names by file.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use wharf_domain::Secret;
use zeroize::Zeroizing;

/// The content of a file that holds one secret text of at least `MIN` bytes.
#[derive(Clone)]
pub struct SecretFile<const MIN: usize> {
    path: PathBuf,
    secret: Secret,
}

/// The content of a file that holds one 32-byte key as 64 hexadecimal digits.
#[derive(Clone)]
pub struct KeyFile {
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
}

impl<const MIN: usize> SecretFile<MIN> {
    /// The secret itself.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl KeyFile {
    /// The key itself. The name is meant to stand out in a review.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.key
    }
}

impl<const MIN: usize> fmt::Debug for SecretFile<MIN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretFile({})", self.path.display())
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({})", self.path.display())
    }
}

impl<'de, const MIN: usize> Deserialize<'de> for SecretFile<MIN> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        let secret = read(&path, MIN).map_err(D::Error::custom)?;
        Ok(Self { path, secret })
    }
}

impl<'de> Deserialize<'de> for KeyFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        let text = read(&path, 64).map_err(D::Error::custom)?;
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.expose(), key.as_mut_slice()).map_err(|_| {
            D::Error::custom(format!(
                "{}: not 64 hexadecimal digits; make one with `openssl rand -hex 32`",
                path.display()
            ))
        })?;
        if key.iter().all(|byte| *byte == key[0]) {
            return Err(D::Error::custom(format!(
                "{}: a placeholder, not a key; make one with `openssl rand -hex 32`",
                path.display()
            )));
        }
        Ok(Self { path, key })
    }
}

fn read(path: &Path, min: usize) -> Result<Secret, String> {
    let name = path.display();
    let metadata = fs::metadata(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    refuse_open_to_others(path, &metadata)?;
    let mut text = fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    if text.ends_with('\n') {
        text.pop();
    }
    let secret = Secret::new(text);
    match secret.expose().len() {
        0 => Err(format!("{name} is empty")),
        length if length < min => Err(format!("{name}: too short a secret: {length} bytes, {min} are the least")),
        _ => Ok(secret),
    }
}

#[cfg(unix)]
fn refuse_open_to_others(path: &Path, metadata: &fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o006 == 0 {
        return Ok(());
    }
    let name = path.display();
    Err(format!("{name} is open to every user of the machine; run `chmod 600 '{name}'`"))
}

#[cfg(not(unix))]
fn refuse_open_to_others(_: &Path, _: &fs::Metadata) -> Result<(), String> {
    Ok(())
}
