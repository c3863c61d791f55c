//! The master keys of this installation: one that signs, several that verify.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Tenant;

/// Length of a master key, and of every key derived from one.
pub const KEY_LEN: usize = 32;

/// Longest key id, in bytes.
pub const KEY_ID_MAX: usize = 16;

/// Why a list of keys is not a key ring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyRing {
    /// A key id is not of the form `[a-z0-9]{1,16}`.
    #[error("`{0}` is not a key id; use 1 to {KEY_ID_MAX} characters of a-z and 0-9")]
    KeyId(String),
    /// Two keys have one id.
    #[error("the key id `{0}` is used twice")]
    Duplicate(String),
    /// The id of the signing key is not among the keys.
    #[error("the signing key `{0}` is not in the list of keys")]
    NoSigningKey(String),
}

struct Master {
    id: String,
    secret: Zeroizing<[u8; KEY_LEN]>,
}

/// Named master keys. Printing it shows key ids only; the keys are cleared from memory when it is dropped.
///
/// To change keys: list the next key for an hour, then sign with it, then keep the old one for ten minutes.
pub struct KeyRing {
    masters: Vec<Master>,
    signing: usize,
}

impl KeyRing {
    /// Builds a ring from (key id, key) pairs, all of which verify; the one called `signing` also signs.
    pub fn new(signing: &str, keys: impl IntoIterator<Item = (String, [u8; KEY_LEN])>) -> Result<Self, InvalidKeyRing> {
        let mut masters: Vec<Master> = Vec::new();
        for (id, secret) in keys {
            let secret = Zeroizing::new(secret);
            if !is_key_id(&id) {
                return Err(InvalidKeyRing::KeyId(id));
            }
            if masters.iter().any(|known| known.id == id) {
                return Err(InvalidKeyRing::Duplicate(id));
            }
            masters.push(Master { id, secret });
        }
        match masters.iter().position(|master| master.id == signing) {
            Some(signing) => Ok(Self { masters, signing }),
            None => Err(InvalidKeyRing::NoSigningKey(signing.to_owned())),
        }
    }

    /// The id of the key that signs.
    #[must_use]
    pub fn signing_id(&self) -> &str {
        &self.masters[self.signing].id
    }

    /// The key for one tenant under one `kid`, or none when the ring lacks the key the `kid` names.
    pub(crate) fn derive(&self, key_id: &str, kid: &str, tenant: Tenant) -> Option<Zeroizing<[u8; KEY_LEN]>> {
        let master = self.masters.iter().find(|master| master.id == key_id)?;
        let purpose = wharf_trial::mutant!(OneKeyForAllOrgs => format!("dl|{kid}"); format!("dl|{kid}|{tenant}"));
        let mut key = Zeroizing::new([0; KEY_LEN]);
        Hkdf::<Sha256>::new(None, master.secret.as_slice())
            .expand(purpose.as_bytes(), key.as_mut_slice())
            .expect("32 bytes are within what HKDF-SHA256 gives");
        Some(key)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.masters.iter().map(|master| &master.id).collect();
        f.debug_struct("KeyRing").field("signing", &self.signing_id()).field("verifying", &ids).finish()
    }
}

/// No `-`: the first one in a `kid` ends the key id, so no two pairs of key and epoch share a `kid`.
pub(crate) fn is_key_id(text: &str) -> bool {
    (1..=KEY_ID_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(signing: &str, ids: &[&str]) -> Result<KeyRing, InvalidKeyRing> {
        KeyRing::new(signing, ids.iter().map(|id| ((*id).to_owned(), [0xA5; KEY_LEN])))
    }

    #[test]
    fn refuses_what_would_be_ambiguous() {
        for bad in ["", "a-1", "A", "a b", "a\n", "abcdefghijklmnopq"] {
            assert_eq!(ring("a", &["a", bad]).unwrap_err(), InvalidKeyRing::KeyId(bad.to_owned()), "{bad:?}");
        }
        assert_eq!(ring("a", &["a", "b", "a"]).unwrap_err(), InvalidKeyRing::Duplicate("a".to_owned()));
        assert_eq!(ring("c", &["a", "b"]).unwrap_err(), InvalidKeyRing::NoSigningKey("c".to_owned()));
        assert_eq!(ring("a", &[]).unwrap_err(), InvalidKeyRing::NoSigningKey("a".to_owned()));
    }

    #[test]
    fn printing_shows_ids_only() {
        let text = format!("{:?} {:#?}", ring("b", &["a", "b"]).unwrap(), ring("b", &["b"]).unwrap());
        assert!(text.starts_with(r#"KeyRing { signing: "b", verifying: ["a", "b"] }"#), "{text}");
        for secret in ["165", "a5", "A5"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
