//! Creates that are safe to send again: the same key with the same request gets the same answer, secrets included.
//!
//! An answer is remembered in the transaction that made it, sealed with ChaCha20-Poly1305 under a key derived from the
//! caller's token and the key of the request (HKDF-SHA256). Of the token the database knows only a keyed digest, so
//! whoever reads the database reads no answer; nor does it learn the keys or requests, which are stored as MACs.

use crate::{Error, Result};
use chacha20poly1305::aead::{Aead, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use wharf_domain::{Entropy, OrgId, Timestamp, Token, TokenId};
use wharf_store::TenantTx;
use wharf_store::idempotency::RememberedAnswer;
use zeroize::Zeroizing;

const NONCE: usize = 12;

/// A create that may be sent again, as its caller marked it.
pub struct Once {
    token: TokenId,
    /// Names the row.
    key: [u8; 32],
    /// Tells whether it is the same request.
    request: [u8; 32],
    seal: Zeroizing<[u8; 32]>,
    org: [u8; 16],
}

impl Once {
    /// A request of the bearer of `token`, made of `parts` (method, path, body), under the caller's `key`.
    #[must_use]
    pub fn new(token: &Token, id: TokenId, key: &str, parts: &[&[u8]]) -> Self {
        let kdf = Hkdf::<Sha256>::new(Some(b"wharf-idempotency-1"), token.secret().expose().as_bytes());
        let mut request_key = Zeroizing::new([0; 32]);
        let (mut name, mut seal, mut org) = ([0; 32], Zeroizing::new([0; 32]), [0; 16]);
        let outputs: [(&[u8], &mut [u8]); 4] =
            [(b"name", &mut name), (b"request", &mut *request_key), (b"seal", &mut *seal), (b"org", &mut org)];
        for (purpose, output) in outputs {
            kdf.expand_multi_info(&[purpose, b"\n", key.as_bytes()], output)
                .expect("HKDF-SHA256 gives up to 8160 bytes");
        }
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&*request_key).expect("HMAC takes any key");
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        Self { token: id, key: name, request: mac.finalize().into_bytes().into(), seal, org }
    }

    /// The identity an org made by this request has: the same each time it is sent, so that it is found again.
    pub(crate) fn org(&self) -> OrgId {
        OrgId(uuid::Builder::from_random_bytes(self.org).into_uuid())
    }

    /// The answer given before, if this request was already done. Until the transaction ends, the same request
    /// elsewhere is told to wait.
    pub(crate) async fn earlier<T: DeserializeOwned>(once: Option<&Self>, tx: &mut TenantTx) -> Result<Option<T>> {
        let Some(once) = once else { return Ok(None) };
        if !tx.lock_idempotency(&once.key).await? {
            return Err(Error::conflict(
                "in_progress",
                "a request with this Idempotency-Key is being worked on; ask again in a moment",
            ));
        }
        let Some(answer) = tx.find_answer(once.token, &once.key).await? else { return Ok(None) };
        let clear = once.open(tx.org(), &answer)?;
        wharf_trial::moment!("idempotency: found");
        serde_json::from_slice(&clear).map(Some).map_err(Error::internal)
    }

    /// Remembers the answer, in the transaction of the act.
    pub(crate) async fn keep(
        once: Option<&Self>,
        tx: &mut TenantTx,
        entropy: &dyn Entropy,
        now: Timestamp,
        answer: &impl Serialize,
    ) -> Result<()> {
        let Some(once) = once else { return Ok(()) };
        let clear = Zeroizing::new(serde_json::to_vec(answer).map_err(Error::internal)?);
        let answer = once.seal(tx.org(), entropy, &clear)?;
        tx.insert_answer(once.token, &once.key, &answer, now).await?;
        wharf_trial::moment!("idempotency: kept");
        Ok(())
    }

    fn bound_to(&self, org: OrgId) -> Vec<u8> {
        [&org.0.as_bytes()[..], self.token.0.as_bytes(), &self.key, &self.request].concat()
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.seal))
    }

    fn seal(&self, org: OrgId, entropy: &dyn Entropy, clear: &[u8]) -> Result<RememberedAnswer> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: clear, aad: &self.bound_to(org) };
        let sealed = self
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::internal("an answer is too long to be sealed"))?;
        Ok(RememberedAnswer { request: self.request, sealed: [&nonce[..], &sealed].concat() })
    }

    fn open(&self, org: OrgId, answer: &RememberedAnswer) -> Result<Zeroizing<Vec<u8>>> {
        if answer.request != self.request {
            return Err(Self::reused());
        }
        let damaged = || Error::internal("a remembered answer cannot be opened: the row was altered");
        let (nonce, sealed) = answer.sealed.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let payload = Payload { msg: sealed, aad: &self.bound_to(org) };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| damaged())
    }

    pub(crate) fn reused() -> Error {
        Error::conflict(
            "idempotency_conflict",
            "this Idempotency-Key was used for another request; use a new key for each thing you create",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;
    use wharf_domain::TokenKind;

    struct Same(u8);
    impl Entropy for Same {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    const ORG: OrgId = OrgId(Uuid::from_u128(1));

    fn once(token: u8, key: &str, body: &str) -> Once {
        let token = Token::generate(TokenKind::Personal, &Same(token));
        Once::new(&token, TokenId(Uuid::from_u128(2)), key, &[b"POST", b"/api/v1/orgs", body.as_bytes()])
    }

    #[test]
    fn sealed_answers_open_for_the_same_request_only() {
        let clear = br#"{"secret":"whfa_example"}"#;
        let first = once(1, "key", "{}");
        let stored = first.seal(ORG, &Same(9), clear).unwrap();
        assert!(!stored.sealed.windows(6).any(|bytes| bytes == b"secret"), "the row shows the answer");
        assert_eq!(&**once(1, "key", "{}").open(ORG, &stored).unwrap(), clear);

        let error = once(1, "key", r#"{"a":1}"#).open(ORG, &stored).unwrap_err();
        assert_eq!(error.code(), "idempotency_conflict");
        assert!(once(1, "key", "{}").open(OrgId(Uuid::from_u128(5)), &stored).is_err(), "moved to another org");
        // Someone who can write rows but does not know the token.
        let forged = RememberedAnswer { request: once(2, "key", "{}").request, ..stored.clone() };
        assert!(once(2, "key", "{}").open(ORG, &forged).is_err());
        for at in 0..stored.sealed.len() {
            let mut altered = stored.clone();
            altered.sealed[at] ^= 1;
            assert!(once(1, "key", "{}").open(ORG, &altered).is_err(), "byte {at}");
        }
        assert!(once(1, "key", "{}").open(ORG, &RememberedAnswer { sealed: vec![1; 5], ..stored }).is_err());
    }

    #[test]
    fn names_depend_on_token_and_key_and_nothing_else() {
        let one = once(1, "key", "a");
        assert_eq!((one.key, one.org()), (once(1, "key", "b").key, once(1, "key", "b").org()));
        assert_ne!(one.key, once(1, "other", "a").key);
        assert_ne!(one.key, once(2, "key", "a").key);
        assert_ne!(one.org(), once(2, "key", "a").org());
        assert_eq!(one.org().0.get_version_num(), 4);
        // The parts are told apart: moving bytes between them is another request.
        let token = Token::generate(TokenKind::Personal, &Same(1));
        let id = TokenId(Uuid::from_u128(2));
        let request = |parts: &[&[u8]]| Once::new(&token, id, "key", parts).request;
        assert_ne!(request(&[b"ab", b"c"]), request(&[b"a", b"bc"]));
    }
}
