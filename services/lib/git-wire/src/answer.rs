//! What is said before the pack, and whether one follows.
//!
//! Which haves are known is the caller's verdict, and it must be drawn from what this very credential was offered before:
//! an acknowledgment of anything else would confirm a guess about what others can see. Nothing here looks at objects.
//!
//! The commits served have no parents, so no commit is ever a boundary of a shallow history and no `shallow` line is
//! sent; the section exists where the protocol wants one, and stays empty. Format: gitprotocol-pack, gitprotocol-v2.

use std::collections::HashSet;

use crate::advertisement::Protocol;
use crate::oid::ObjectId;
use crate::pack::Framing;
use crate::pkt_line::{DELIMITER, FLUSH, line};
use crate::request::Fetch;

/// The answer to a request for a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The bytes to begin with; all there is to send if no pack follows.
    pub head: Vec<u8>,
    /// The framing of the pack that follows.
    pub pack: Option<Framing>,
}

/// Answers a fetch whose wants the caller has judged; `known` says whether a have is one it may build on.
pub fn answer(fetch: &Fetch, known: impl Fn(&ObjectId) -> bool) -> Answer {
    if fetch.wants.is_empty() {
        return Answer { head: Vec::new(), pack: None };
    }
    // Each once, however often it was named, so that the answer is no longer than what is known.
    let mut seen = HashSet::new();
    let common: Vec<_> = fetch.haves.iter().copied().filter(|have| known(have) && seen.insert(*have)).collect();
    let mut head = Vec::new();
    let sends_pack = match fetch.protocol {
        Protocol::V0 => v0(fetch, &common, &mut head),
        Protocol::V2 => v2(fetch, &common, &mut head),
    };
    Answer { head, pack: sends_pack.then_some(fetch.framing) }
}

fn v0(fetch: &Fetch, common: &[ObjectId], out: &mut Vec<u8>) -> bool {
    if fetch.deepen {
        out.extend_from_slice(FLUSH);
    }
    if !fetch.done && !fetch.round_ended {
        return false;
    }
    let (Some(first), Some(last)) = (common.first(), common.last()) else {
        line(b"NAK\n", out);
        return fetch.done;
    };
    if !fetch.multi_ack_detailed {
        // A client of the simplest kind reads one line for all it has in common with us.
        acknowledge(first, "", out);
        return fetch.done;
    }
    for id in common {
        acknowledge(id, " common", out);
    }
    if fetch.done {
        acknowledge(last, "", out);
        return true;
    }
    acknowledge(last, " ready", out);
    line(b"NAK\n", out);
    if fetch.no_done {
        acknowledge(last, "", out);
    }
    fetch.no_done
}

fn v2(fetch: &Fetch, common: &[ObjectId], out: &mut Vec<u8>) -> bool {
    if !fetch.done && !fetch.haves.is_empty() {
        line(b"acknowledgments\n", out);
        if common.is_empty() {
            line(b"NAK\n", out);
        }
        for id in common {
            acknowledge(id, "", out);
        }
        if common.is_empty() || fetch.wait_for_done {
            out.extend_from_slice(FLUSH);
            return false;
        }
        line(b"ready\n", out);
        out.extend_from_slice(DELIMITER);
    }
    if fetch.deepen || fetch.shallow {
        line(b"shallow-info\n", out);
        out.extend_from_slice(DELIMITER);
    }
    line(b"packfile\n", out);
    true
}

fn acknowledge(id: &ObjectId, status: &str, out: &mut Vec<u8>) {
    line(format!("ACK {id}{status}\n").as_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ObjectId = ObjectId::new([0xaa; 20]);
    const B: ObjectId = ObjectId::new([0xbb; 20]);
    const C: ObjectId = ObjectId::new([0xcc; 20]);

    /// The head with one line for each packet, and whether a pack follows; `B` and `C` are known.
    fn say(fetch: Fetch) -> (String, bool) {
        let answer = answer(&fetch, |id| *id != A);
        let mut text = String::from_utf8(answer.head).unwrap();
        for (id, name) in [(A, "A"), (B, "B"), (C, "C")] {
            text = text.replace(&id.to_string(), name);
        }
        if let Some(framing) = answer.pack {
            assert_eq!(framing, fetch.framing);
        }
        (text.replace('\n', "|"), answer.pack.is_some())
    }

    fn v0() -> Fetch {
        Fetch { wants: vec![A], multi_ack_detailed: true, ..Fetch::new(Protocol::V0) }
    }

    fn v2() -> Fetch {
        Fetch { wants: vec![A], ..Fetch::new(Protocol::V2) }
    }

    #[test]
    fn v0_answers() {
        let known = vec![A, B, A, C, B];
        let rows = [
            (Fetch { wants: vec![], done: true, ..v0() }, "", false),
            (v0(), "", false),
            (Fetch { deepen: true, ..v0() }, "0000", false),
            (Fetch { done: true, ..v0() }, "0008NAK|", true),
            (Fetch { done: true, deepen: true, ..v0() }, "00000008NAK|", true),
            (Fetch { round_ended: true, ..v0() }, "0008NAK|", false),
            (Fetch { round_ended: true, haves: vec![A], no_done: true, ..v0() }, "0008NAK|", false),
            (Fetch { done: true, haves: vec![A], ..v0() }, "0008NAK|", true),
            (
                Fetch { round_ended: true, haves: known.clone(), ..v0() },
                "0038ACK B common|0038ACK C common|0037ACK C ready|0008NAK|",
                false,
            ),
            (
                Fetch { round_ended: true, haves: known.clone(), no_done: true, ..v0() },
                "0038ACK B common|0038ACK C common|0037ACK C ready|0008NAK|0031ACK C|",
                true,
            ),
            (Fetch { done: true, haves: known.clone(), ..v0() }, "0038ACK B common|0038ACK C common|0031ACK C|", true),
            (Fetch { round_ended: true, haves: known.clone(), multi_ack_detailed: false, ..v0() }, "0031ACK B|", false),
            (Fetch { done: true, haves: known, multi_ack_detailed: false, ..v0() }, "0031ACK B|", true),
        ];
        for (fetch, head, pack) in rows {
            assert_eq!(say(fetch.clone()), (head.to_owned(), pack), "{fetch:?}");
        }
    }

    #[test]
    fn v2_answers() {
        let known = vec![A, C, B, C];
        let rows = [
            (Fetch { wants: vec![], done: true, ..v2() }, "", false),
            (v2(), "000dpackfile|", true),
            (Fetch { done: true, haves: known.clone(), ..v2() }, "000dpackfile|", true),
            (Fetch { done: true, deepen: true, ..v2() }, "0011shallow-info|0001000dpackfile|", true),
            (Fetch { done: true, shallow: true, ..v2() }, "0011shallow-info|0001000dpackfile|", true),
            (Fetch { haves: vec![A, A], deepen: true, ..v2() }, "0014acknowledgments|0008NAK|0000", false),
            (
                Fetch { haves: known.clone(), ..v2() },
                "0014acknowledgments|0031ACK C|0031ACK B|000aready|0001000dpackfile|",
                true,
            ),
            (
                Fetch { haves: known.clone(), deepen: true, ..v2() },
                "0014acknowledgments|0031ACK C|0031ACK B|000aready|00010011shallow-info|0001000dpackfile|",
                true,
            ),
            (
                Fetch { haves: known.clone(), wait_for_done: true, ..v2() },
                "0014acknowledgments|0031ACK C|0031ACK B|0000",
                false,
            ),
            (Fetch { haves: known, wait_for_done: true, done: true, ..v2() }, "000dpackfile|", true),
        ];
        for (fetch, head, pack) in rows {
            assert_eq!(say(fetch.clone()), (head.to_owned(), pack), "{fetch:?}");
        }
    }
}
