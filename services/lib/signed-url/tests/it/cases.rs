//! Makes the vectors, from fixed seeds.

use std::fmt::Write as _;

use serde_json::{Value, json};
use wharf_domain::{OrgId, Timestamp};
use wharf_signed_url::{KeyRing, Tenant, Ticket, TicketError, expiry, mint};

/// Vigna's SplitMix64: enough to vary cases, and the same on every machine and for ever.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next().to_le_bytes()[0])
    }
}

/// The keys the vectors are made with, as they stand in `keys.json`.
pub(crate) fn keys() -> Vec<(String, [u8; 32])> {
    let mut dice = Dice(1);
    ["a1", "2026q4", "k", "abcdefghij012345"].map(|id| (id.to_owned(), dice.bytes())).to_vec()
}

/// `keys.json`: key id to key in hex.
pub(crate) fn keys_file() -> String {
    let mut text = "{\n".to_owned();
    let lines: Vec<_> = keys().into_iter().map(|(id, key)| format!("  \"{id}\": \"{}\"", hex::encode(key))).collect();
    let _ = write!(text, "{}\n}}\n", lines.join(",\n"));
    text
}

/// A good ticket, taken apart so that a case can spoil one part.
#[derive(Clone)]
struct Request {
    signing: String,
    tenant: Tenant,
    sha256: [u8; 32],
    epoch: u32,
    minted_at: i64,
    host: String,
    path: String,
    query: String,
    now: i64,
    least_epoch: u32,
}

impl Request {
    fn random(dice: &mut Dice) -> Self {
        let keys = keys();
        let signing = keys[dice.below(keys.len() as u64) as usize].0.clone();
        let hosts =
            ["dl.example.com", "DL.Example.COM", "127.0.0.1:7003", "[::1]:7003", "localhost", "cdn-1.acme.test:8443"];
        let host = hosts[dice.below(hosts.len() as u64) as usize].to_owned();
        let (tenant, epoch) = if dice.below(4) == 0 {
            (Tenant::Public, 0)
        } else {
            let org = OrgId(uuid::Builder::from_random_bytes(dice.bytes()).into_uuid());
            (Tenant::Org(org), [0, 1, 9, 10, 4_711, u32::MAX][dice.below(6) as usize])
        };
        let sha256 = dice.bytes();
        let minted_at = 1_750_000_000 + dice.below(500_000_000) as i64;
        let path = Ticket::path(tenant, sha256);
        let mut request = Self {
            signing,
            tenant,
            sha256,
            epoch,
            minted_at,
            host,
            path,
            query: String::new(),
            now: 0,
            least_epoch: if epoch == 0 { 0 } else { epoch - dice.below(2) as u32 },
        };
        request.query = request.minted_query();
        // Any moment of its life, both ends and the skew included.
        request.now = match dice.below(4) {
            0 => minted_at,
            1 => request.end(),
            2 => request.end() + 5,
            _ => minted_at + dice.below((request.end() - minted_at) as u64) as i64,
        };
        request
    }

    fn end(&self) -> i64 {
        expiry(&self.path, Timestamp::from_unix(self.minted_at))
    }

    fn minted_query(&self) -> String {
        let ring = KeyRing::new(&self.signing, keys()).unwrap();
        let now = Timestamp::from_unix(self.minted_at);
        let ticket = mint(&ring, &self.host, self.tenant, self.sha256, self.epoch, now);
        ticket.split_once('?').unwrap().1.to_owned()
    }

    /// The values of `e`, `k` and `s`.
    fn parts(&self) -> [String; 3] {
        let values: Vec<_> = self.query.split('&').map(|part| part[2..].to_owned()).collect();
        values.try_into().unwrap()
    }

    fn with_query(&self, query: String) -> Self {
        Self { query, ..self.clone() }
    }

    fn with_path(&self, path: String) -> Self {
        Self { path, ..self.clone() }
    }

    fn with_host(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    fn with_kid(&self, kid: &str) -> Self {
        let [e, _, s] = self.parts();
        self.with_query(format!("e={e}&k={kid}&s={s}"))
    }

    fn with_expiry(&self, expiry: &str) -> Self {
        let [_, k, s] = self.parts();
        self.with_query(format!("e={expiry}&k={k}&s={s}"))
    }

    fn with_tag(&self, tag: &str) -> Self {
        let [e, k, _] = self.parts();
        self.with_query(format!("e={e}&k={k}&s={tag}"))
    }

    fn line(&self, case: &str) -> Value {
        json!({
            "case": case, "host": self.host, "path": self.path, "query": self.query,
            "now": self.now, "least_epoch": self.least_epoch,
        })
    }
}

/// `good.jsonl`.
pub(crate) fn good_file() -> String {
    let mut dice = Dice(2);
    let mut text = String::new();
    for number in 1..=240 {
        let request = Request::random(&mut dice);
        let [end, kid, _] = request.parts();
        let mut line = request.line(&format!("good {number}"));
        line["tenant"] = json!(request.tenant.to_string());
        line["sha256"] = json!(hex::encode(request.sha256));
        line["key"] = json!(request.signing);
        line["epoch"] = json!(request.epoch);
        line["minted_at"] = json!(request.minted_at);
        let host = request.host.to_ascii_lowercase();
        line["canonical"] = json!(format!("whf-DL-1\n{kid}\nGET\n{host}\n{}\n{end}", request.path));
        let _ = writeln!(text, "{line}");
    }
    text
}

/// `bad.jsonl`.
pub(crate) fn bad_file() -> String {
    let mut dice = Dice(3);
    let mut text = String::new();
    for _ in 0..10 {
        let good = Request::random(&mut dice);
        let stranger = Request::random(&mut dice);
        let cases = [
            host_cases(&good),
            path_cases(&good, &mut dice),
            query_cases(&good),
            forged_cases(&good, &stranger, &mut dice),
        ];
        for (case, request, error) in cases.into_iter().flatten().chain(late_cases(&good)) {
            let mut line = request.line(&case);
            line["error"] = json!(format!("{error:?}"));
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

type Case = (String, Request, TicketError);

fn host_cases(good: &Request) -> Vec<Case> {
    let mut cases = Vec::new();
    for bad in [
        "",
        "dl.example.com\n/v1/pub",
        "dl example.com",
        "dl.example.com/",
        "user@dl.example.com",
        "dl%2eexample.com",
        "dl.exämple.com",
    ] {
        cases.push((format!("host {bad:?}"), good.with_host(bad), TicketError::Host));
    }
    for other in ["evil.example.com", "dl.example.com.", "dl.example.com:443", "127.0.0.1", "127.0.0.1:70030"] {
        cases.push((format!("other host {other:?}"), good.with_host(other), TicketError::Signature));
    }
    cases
}

fn path_cases(good: &Request, dice: &mut Dice) -> Vec<Case> {
    let (tenant, hex) = (good.tenant.to_string(), hex::encode(good.sha256));
    let (p, org) = (&good.path, uuid::Builder::from_random_bytes(dice.bytes()).into_uuid());
    let mut cases = Vec::new();
    let malformed = [
        ("empty", String::new()),
        ("no slash", p[1..].to_owned()),
        ("double slash first", format!("/{p}")),
        ("double slash within", p.replacen("/v1/", "/v1//", 1)),
        ("slash last", format!("{p}/")),
        ("dot segment", p.replacen("/v1/", "/v1/./", 1)),
        ("dot-dot segment", p.replacen("/v1/", "/v1/x/../", 1)),
        ("leaves the root", format!("/..{p}")),
        ("other version", p.replacen("/v1/", "/v2/", 1)),
        ("upper-case version", p.replacen("/v1/", "/V1/", 1)),
        ("percent-encoded slash", p.replacen("/v1/", "/v1%2F", 1)),
        ("percent-encoded letter", p.replacen(".crate", ".crat%65", 1)),
        ("percent-encoded dot", p.replacen(".crate", "%2ecrate", 1)),
        ("backslash", p.replacen("/v1/", "/v1\\", 1)),
        ("line break", format!("{p}\n")),
        ("null byte", format!("{p}\0")),
        ("space", format!("{p} ")),
        ("semicolon", format!("{p};x")),
        ("plus", p.replacen(".crate", "+.crate", 1)),
        ("letter outside ASCII", p.replacen(".crate", ".crat\u{435}", 1)),
        ("full-width digit", p.replacen("/v1/", "/v\u{ff11}/", 1)),
        ("query in the path", format!("{p}?e=1")),
        ("fragment in the path", format!("{p}#x")),
        ("no suffix", p.replacen(".crate", "", 1)),
        ("other suffix", p.replacen(".crate", ".tar", 1)),
        ("upper-case suffix", p.replacen(".crate", ".CRATE", 1)),
        ("suffix twice", format!("{p}.crate")),
        ("upper-case digest", format!("/v1/{tenant}/{}.crate", hex.to_ascii_uppercase())),
        ("short digest", format!("/v1/{tenant}/{}.crate", &hex[..62])),
        ("odd digest", format!("/v1/{tenant}/{}.crate", &hex[..63])),
        ("long digest", format!("/v1/{tenant}/{hex}00.crate")),
        ("digest not hex", format!("/v1/{tenant}/{}g.crate", &hex[..63])),
        ("no tenant", format!("/v1/{hex}.crate")),
        ("empty tenant", format!("/v1//{hex}.crate")),
        ("tenant not a UUID", format!("/v1/acme/{hex}.crate")),
        ("upper-case public", format!("/v1/PUB/{hex}.crate")),
        ("upper-case org", format!("/v1/A{}/{hex}.crate", &org.to_string()[1..])),
        ("org without hyphens", format!("/v1/{}/{hex}.crate", org.simple())),
        ("org in braces", format!("/v1/{{{org}}}/{hex}.crate")),
        ("org as URN", format!("/v1/urn:uuid:{org}/{hex}.crate")),
        ("segment more", format!("/v1/{tenant}/x/{hex}.crate")),
    ];
    for (case, path) in malformed {
        cases.push((format!("path: {case}"), good.with_path(path), TicketError::Path));
    }
    let mut sha256 = good.sha256;
    sha256[dice.below(32) as usize] ^= 1 << dice.below(8);
    cases.push((
        "another digest".to_owned(),
        good.with_path(Ticket::path(good.tenant, sha256)),
        TicketError::Signature,
    ));
    let path = Ticket::path(Tenant::Org(OrgId(org)), good.sha256);
    cases.push(("another tenant".to_owned(), good.with_path(path), TicketError::Signature));
    cases
}

fn query_cases(good: &Request) -> Vec<Case> {
    let [e, k, s] = good.parts();
    let (key_id, epoch) = k.split_once('-').unwrap();
    let q = &good.query;
    let mut stray = s.clone().into_bytes();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.iter().position(|letter| Some(letter) == stray.last()).unwrap();
    *stray.last_mut().unwrap() = alphabet[last | 1];
    let stray = String::from_utf8(stray).unwrap();
    let malformed = [
        ("none", String::new()),
        ("first empty", format!("&{q}")),
        ("last empty", format!("{q}&")),
        ("one more", format!("{q}&x=1")),
        ("twice e", format!("e={e}&{q}")),
        ("twice s", format!("{q}&s={s}")),
        ("order k e s", format!("k={k}&e={e}&s={s}")),
        ("order s last first", format!("s={s}&e={e}&k={k}")),
        ("no e", format!("k={k}&s={s}")),
        ("no k", format!("e={e}&s={s}")),
        ("no s", format!("e={e}&k={k}")),
        ("upper-case name", format!("E={e}&k={k}&s={s}")),
        ("semicolons", format!("e={e};k={k};s={s}")),
        ("encoded name", format!("%65={e}&k={k}&s={s}")),
        ("question mark", format!("?{q}")),
        ("fragment", format!("{q}#")),
        ("e empty", format!("e=&k={k}&s={s}")),
        ("e with zero", format!("e=0{e}&k={k}&s={s}")),
        ("e with plus", format!("e=+{e}&k={k}&s={s}")),
        ("e with minus", format!("e=-{e}&k={k}&s={s}")),
        ("e with space", format!("e={e} &k={k}&s={s}")),
        ("e with fraction", format!("e={e}.0&k={k}&s={s}")),
        ("e with exponent", format!("e={e}e0&k={k}&s={s}")),
        ("e hexadecimal", format!("e=0x7fffffff&k={k}&s={s}")),
        ("e too great", format!("e=99999999999999999999&k={k}&s={s}")),
        ("e in other digits", format!("e=\u{661}{e}&k={k}&s={s}")),
        ("k empty", format!("e={e}&k=&s={s}")),
        ("k without epoch", format!("e={e}&k={key_id}&s={s}")),
        ("k with empty epoch", format!("e={e}&k={key_id}-&s={s}")),
        ("k without key", format!("e={e}&k=-{epoch}&s={s}")),
        ("k in upper case", format!("e={e}&k={}-{epoch}&s={s}", key_id.to_ascii_uppercase())),
        ("k with two epochs", format!("e={e}&k={k}-1&s={s}")),
        ("epoch with zero", format!("e={e}&k={key_id}-0{epoch}&s={s}")),
        ("epoch with plus", format!("e={e}&k={key_id}-+{epoch}&s={s}")),
        ("epoch too great", format!("e={e}&k={key_id}-4294967296&s={s}")),
        ("epoch not a number", format!("e={e}&k={key_id}-x&s={s}")),
        ("line break in k", format!("e={e}&k={key_id}%0a-{epoch}&s={s}")),
        ("s empty", format!("e={e}&k={k}&s=")),
        ("s padded", format!("e={e}&k={k}&s={s}=")),
        ("s short by a letter", format!("e={e}&k={k}&s={}", &s[..42])),
        ("s of 31 bytes", format!("e={e}&k={k}&s={}", &s[..41])),
        ("s of 16 bytes", format!("e={e}&k={k}&s={}", &s[..22])),
        ("s long", format!("e={e}&k={k}&s={s}A")),
        ("s of 33 bytes", format!("e={e}&k={k}&s={}AA", &s[..42])),
        ("s in standard alphabet", format!("e={e}&k={k}&s=+/{}", &s[2..])),
        ("s percent-encoded", format!("e={e}&k={k}&s=%41{}", &s[1..])),
        ("s with stray bits", format!("e={e}&k={k}&s={stray}")),
        ("s with a line break", format!("e={e}&k={k}&s={s}\n")),
    ];
    malformed
        .into_iter()
        .map(|(case, query)| (format!("query: {case}"), good.with_query(query), TicketError::Query))
        .collect()
}

fn forged_cases(good: &Request, stranger: &Request, dice: &mut Dice) -> Vec<Case> {
    let [e, k, s] = good.parts();
    let (key_id, epoch) = k.split_once('-').unwrap();
    let other_key = keys().into_iter().map(|(id, _)| id).find(|id| id != key_id).unwrap();
    let end: i64 = e.parse().unwrap();
    let unlike = |text: String| if text == s { "A".repeat(43) } else { text };
    let mut cases = vec![
        ("unknown key", good.with_kid(&format!("zz-{epoch}")), TicketError::UnknownKey),
        ("key id cut short", good.with_kid(&format!("a-{epoch}")), TicketError::UnknownKey),
        ("another key of the ring", good.with_kid(&format!("{other_key}-{epoch}")), TicketError::Signature),
        ("another epoch", good.with_kid(&format!("{key_id}-77")), TicketError::Signature),
        ("longer life", good.with_expiry(&(end + 60).to_string()), TicketError::Signature),
        ("endless life", good.with_expiry("9223372036854775807"), TicketError::Signature),
        ("shorter life", good.with_expiry(&(end - 1).to_string()), TicketError::Signature),
        ("no life", good.with_expiry("0"), TicketError::Signature),
        ("tag of zeros", good.with_tag(&"A".repeat(43)), TicketError::Signature),
        ("tag of ones", good.with_tag(&format!("{}8", "_".repeat(42))), TicketError::Signature),
        ("tag of another ticket", good.with_tag(&unlike(stranger.parts()[2].clone())), TicketError::Signature),
        ("query of another ticket", good.with_query(stranger.query.clone()), TicketError::Signature),
        ("tag in lower case", good.with_tag(&format!("{}A", s[..42].to_ascii_lowercase())), TicketError::Signature),
    ];
    for _ in 0..4 {
        let mut letters = s.clone().into_bytes();
        let at = dice.below(42) as usize;
        letters[at] = if letters[at] == b'x' { b'y' } else { b'x' };
        cases.push((
            "one letter of the tag",
            good.with_tag(std::str::from_utf8(&letters).unwrap()),
            TicketError::Signature,
        ));
    }
    cases.into_iter().map(|(case, request, error)| (format!("forged: {case}"), request, error)).collect()
}

fn late_cases(good: &Request) -> Vec<Case> {
    let end = good.end();
    let mut cases: Vec<Case> = [6, 7, 60, 86_400, 1_000_000_000]
        .into_iter()
        .map(|late| {
            (format!("expired {late} s ago"), Request { now: end + late, ..good.clone() }, TicketError::Expired)
        })
        .collect();
    if let Some(least_epoch) = good.epoch.checked_add(1) {
        let request = Request { least_epoch, now: good.minted_at, ..good.clone() };
        cases.push(("withdrawn by the next epoch".to_owned(), request, TicketError::Withdrawn));
        let request = Request { least_epoch: u32::MAX, now: good.minted_at, ..good.clone() };
        cases.push(("withdrawn by a far epoch".to_owned(), request, TicketError::Withdrawn));
    }
    cases
}
