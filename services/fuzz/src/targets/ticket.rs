use std::sync::LazyLock;
use wharf_domain::{OrgId, Timestamp};
use wharf_signed_url::{KeyRing, SKEW_S, Tenant, Ticket, Verified, mint, verify};

pub(super) const WORDS: &[&str] =
    &["/v1/pub/", "/v1/", ".crate", "e=", "&k=", "&s=", "k1-0", "dl.example.com", "%2f", "&"];

const HOST: &str = "dl.example.com";
static RING: LazyLock<KeyRing> =
    LazyLock::new(|| KeyRing::new("k1", [("k1".to_owned(), [0x17; 32]), ("old".to_owned(), [0x2a; 32])]).unwrap());

/// Text is the address of a ticket. After a byte 0xff stand the fields of one that is minted and then edited: however it
/// was changed, it opens nothing any more.
pub(super) fn check(bytes: &[u8]) {
    match bytes.split_first() {
        Some((0xff, rest)) => minted(rest),
        _ => {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            let (path, query) = text.split_once('?').unwrap_or((text, ""));
            // A signature cannot be guessed. Nothing is ever signed for this host: a fuzzer watches what is compared, and
            // learns real signatures.
            assert!(open("text.example.com", path, query, Timestamp::from_unix(0), 0).is_none(), "{text}");
            if let Ok((tenant, sha256)) = Ticket::parse_path(path) {
                assert_eq!(Ticket::path(tenant, sha256), path, "a second spelling of a path");
            }
        }
    }
}

fn open(host: &str, path: &str, query: &str, now: Timestamp, least_epoch: u32) -> Option<Verified> {
    verify(&RING, host, path, query, now, |_| least_epoch).ok()
}

fn minted(fields: &[u8]) {
    let Some((fields, edits)) = fields.split_first_chunk::<8>() else { return };
    let [kind, digest, epoch, late, least, a, b, c] = *fields;
    let now = Timestamp::from_unix(i64::from(u32::from_be_bytes([a, b, c, 0])));
    let tenant = if kind & 1 == 0 { Tenant::Public } else { Tenant::Org(OrgId(uuid::Uuid::from_bytes([digest; 16]))) };
    let (epoch, least) = (u32::from(epoch), u32::from(least));
    let ticket = mint(&RING, HOST, tenant, [digest; 32], epoch, now);
    let edited = edit(&ticket, edits);
    let opened = |text: &str, at: Timestamp| {
        let (path, query) = text.split_once('?')?;
        open(HOST, path, query, at, least)
    };
    let at = Timestamp::from_unix(now.unix() + i64::from(late));
    let expiry = wharf_signed_url::expiry(&Ticket::path(tenant, [digest; 32]), now);
    let lives = at.unix() <= expiry + SKEW_S && epoch >= least;
    assert!((61..=120).contains(&(expiry - now.unix())), "a life of {} seconds", expiry - now.unix());
    assert_eq!(opened(&ticket, at), lives.then_some(Verified { tenant, sha256: [digest; 32] }));
    if edited != ticket {
        assert_eq!(opened(&edited, at), None, "{edited} is a second spelling, or a forgery, of {ticket}");
    }
    let (path, query) = ticket.split_once('?').unwrap();
    assert_eq!(open(&HOST.to_uppercase(), path, query, at, least).is_some(), lives, "hosts have no case");
    assert!(open("dl.example.com:80", path, query, at, least).is_none(), "another host");
}

/// Changes made by triples of place, kind and byte.
fn edit(text: &str, edits: &[u8]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for step in edits.chunks_exact(3) {
        let at = usize::from(step[0]) % (bytes.len() + 1);
        match step[1] % 4 {
            0 => bytes.insert(at, step[2]),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] = step[2],
            _ => bytes.truncate(at),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
