//! Digests and the names made of them.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::error::BlobError;

/// Above this many bytes hashing leaves the async threads, which have other requests to serve.
const HASH_INLINE_MAX: usize = 64 * 1024;

/// The place of a blob below the root of its backend.
pub(crate) fn key(sha256: &[u8; 32]) -> String {
    let hex = hex::encode(sha256);
    format!("sha256/{}/{}/{hex}", &hex[..2], &hex[2..4])
}

/// The digest a file name stands for, in the one spelling we write.
pub(crate) fn parse_name(name: &str) -> Option<[u8; 32]> {
    let mut sha256 = [0; 32];
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    hex::decode_to_slice(name, &mut sha256).ok()?;
    Some(sha256)
}

/// The SHA-256 of some bytes.
pub(crate) async fn sha256(bytes: &Bytes) -> Result<[u8; 32], BlobError> {
    if bytes.len() <= HASH_INLINE_MAX {
        return Ok(Sha256::digest(bytes).into());
    }
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || Sha256::digest(&bytes).into())
        .await
        .map_err(|error| BlobError::unavailable("hash the bytes", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        let digest = std::array::from_fn(|i| i as u8 * 8);
        let key = key(&digest);
        assert!(key.starts_with("sha256/00/08/00081018"), "{key}");
        let name = key.rsplit('/').next().unwrap();
        assert_eq!(parse_name(name), Some(digest));
        assert_eq!(parse_name(&name.to_ascii_uppercase()), None);
        assert_eq!(parse_name(&name[2..]), None);
        assert_eq!(parse_name(".put-x"), None);
    }
}
