//! Runs the files in `vectors/`.

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::Value;
use wharf_domain::Timestamp;
use wharf_signed_url::{KeyRing, Tenant, TicketError, Verified, mint, verify};

use crate::cases;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "vectors", name].iter().collect()
}

fn lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(file(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ring(signing: &str) -> KeyRing {
    let text = std::fs::read_to_string(file("keys.json")).unwrap();
    let keys: std::collections::BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    KeyRing::new(signing, keys.into_iter().map(|(id, key)| (id, hex::decode(key).unwrap().try_into().unwrap())))
        .unwrap()
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_else(|| panic!("{field} in {line}"))
}

fn number(line: &Value, field: &str) -> i64 {
    line[field].as_i64().unwrap_or_else(|| panic!("{field} in {line}"))
}

fn run(ring: &KeyRing, line: &Value) -> Result<Verified, TicketError> {
    let now = Timestamp::from_unix(number(line, "now"));
    let least = u32::try_from(number(line, "least_epoch")).unwrap();
    verify(ring, text(line, "host"), text(line, "path"), text(line, "query"), now, |_| least)
}

fn tenant(text: &str) -> Tenant {
    if text == "pub" { Tenant::Public } else { Tenant::Org(text.parse().unwrap()) }
}

/// With `WHARF_WRITE_VECTORS=1` the files are written first.
#[test]
fn regenerating_gives_the_same_bytes() {
    for (name, made) in
        [("keys.json", cases::keys_file()), ("good.jsonl", cases::good_file()), ("bad.jsonl", cases::bad_file())]
    {
        if std::env::var_os("WHARF_WRITE_VECTORS").is_some() {
            std::fs::write(file(name), &made).unwrap();
        }
        let kept = std::fs::read_to_string(file(name)).unwrap();
        assert!(kept == made, "{name} is not what the generator makes; see vectors/README.md");
    }
}

#[test]
fn every_good_vector_is_minted_and_verified() {
    let lines = lines("good.jsonl");
    assert!(lines.len() >= 200, "{}", lines.len());
    let any = ring("a1");
    for line in &lines {
        let tenant = tenant(text(line, "tenant"));
        let sha256 = hex::decode(text(line, "sha256")).unwrap().try_into().unwrap();
        assert_eq!(run(&any, line), Ok(Verified { tenant, sha256 }), "{line}");

        let epoch = u32::try_from(number(line, "epoch")).unwrap();
        let minted_at = Timestamp::from_unix(number(line, "minted_at"));
        let ticket = mint(&ring(text(line, "key")), text(line, "host"), tenant, sha256, epoch, minted_at);
        assert_eq!(ticket, format!("{}?{}", text(line, "path"), text(line, "query")));
    }
}

#[test]
fn every_bad_vector_is_refused_for_its_reason() {
    let lines = lines("bad.jsonl");
    assert!(lines.len() >= 500, "{}", lines.len());
    let ring = ring("a1");
    let mut reasons = HashSet::new();
    for line in &lines {
        let error = run(&ring, line).expect_err(&line.to_string());
        assert_eq!(format!("{error:?}"), text(line, "error"), "{line}");
        reasons.insert(error);
    }
    assert_eq!(reasons.len(), 7, "a reason has no vector: {reasons:?}");
}

#[test]
fn a_key_taken_from_the_ring_ends_its_tickets() {
    let lines = lines("good.jsonl");
    let line = lines.iter().find(|line| text(line, "key") == "k").unwrap();
    let without = KeyRing::new("a1", cases::keys().into_iter().filter(|(id, _)| id != "k")).unwrap();
    assert_eq!(run(&without, line), Err(TicketError::UnknownKey));
}

#[test]
fn least_epoch_is_asked_only_for_a_true_signature() {
    for line in lines("bad.jsonl").iter().filter(|line| text(line, "error") != "Withdrawn") {
        let now = Timestamp::from_unix(number(line, "now"));
        let asked = std::cell::Cell::new(false);
        let result = verify(&ring("a1"), text(line, "host"), text(line, "path"), text(line, "query"), now, |_| {
            asked.set(true);
            0
        });
        assert!(result.is_err() && !asked.get(), "{line}");
    }
}
