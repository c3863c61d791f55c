use super::assert_presentable;
use gix_packetline::PacketLineRef;
use gix_packetline::decode::{self, Stream};
use std::collections::HashSet;
use wharf_git_wire::pkt_line::{self, MAX_PAYLOAD_BYTES};
use wharf_git_wire::{
    Command, Fetch, Framing, Limits, ObjectId, Packet, PacketError, RequestError, command, upload_request,
};

pub(super) const WORDS: &[&str] = &[
    "0000",
    "0001",
    "0002",
    "0004",
    "0009done\n",
    "0032want aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
    "0032have bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n",
    "0011command=fetch",
    "0014command=ls-refs\n",
    "000cdeepen 1",
    "0009peel\n",
    "000csymrefs\n",
    "0014ref-prefix HEAD\n",
    "0017object-format=sha1",
    "0035shallow aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
    " multi_ack_detailed",
    " no-done",
    " side-band-64k",
    "0011wait-for-done",
    "fff0",
    "fff1",
];

/// Low, so that small inputs reach them.
const LIMITS: Limits = Limits { body_bytes: 1536, line_bytes: 120, wants: 2, haves: 4, other_lines: 6 };

/// The lines of a body as gitoxide reads them, up to the first that is none or is longer than we take.
fn second_reading(mut body: &[u8]) -> Vec<PacketLineRef<'_>> {
    let mut lines = Vec::new();
    loop {
        // Gitoxide refuses the empty line, which git sends and reads.
        if let Some(rest) = body.strip_prefix(b"0004") {
            lines.push(PacketLineRef::Data(b""));
            body = rest;
            continue;
        }
        let Ok(Stream::Complete { line, bytes_consumed }) = decode::streaming(body) else { return lines };
        lines.push(line);
        body = &body[bytes_consumed..];
    }
}

/// A single line after another: the same as gitoxide's reader sees, and written back byte for byte.
pub(super) fn pkt_line(bytes: &[u8]) {
    let mut rest = bytes;
    loop {
        let second = decode::streaming(rest);
        match pkt_line::read(rest, MAX_PAYLOAD_BYTES) {
            Ok((packet, after)) => {
                let (payload, control): (&[u8], &[u8]) = match packet {
                    Packet::Flush => (b"", b"0000"),
                    Packet::Delimiter => (b"", b"0001"),
                    Packet::ResponseEnd => (b"", b"0002"),
                    Packet::Data(data) => (data, b""),
                };
                let mut written = control.to_vec();
                if control.is_empty() {
                    pkt_line::write(payload, &mut written).expect("what was read can be written");
                }
                let read = &rest[..rest.len() - after.len()];
                assert!(read.eq_ignore_ascii_case(&written) && read[4..] == written[4..], "{read:?} and {written:?}");
                assert!(pkt_line::read(rest, payload.len()).is_ok());
                assert!(payload.is_empty() || pkt_line::read(rest, payload.len() - 1) == Err(PacketError::TooLong));
                if read != b"0004" {
                    let Ok(Stream::Complete { line, bytes_consumed }) = second else { panic!("{read:?}: {second:?}") };
                    assert_eq!(
                        (line.as_slice(), bytes_consumed),
                        ((control.is_empty()).then_some(payload), read.len())
                    );
                }
                rest = after;
            }
            Err(error) => {
                assert_presentable(&error.to_string());
                let complete = matches!(second, Ok(Stream::Complete { .. }));
                assert!(!complete, "{error}, and {second:?} by gitoxide");
                return;
            }
        }
    }
}

fn ids<'a>(lines: &[PacketLineRef<'a>], word: &[u8]) -> Vec<ObjectId> {
    let data = lines.iter().filter_map(PacketLineRef::as_slice);
    let named = data.filter_map(|line| line.strip_prefix(word)?.strip_prefix(b" "));
    named.filter_map(|rest| ObjectId::from_hex(rest.trim_ascii_start().get(..40)?)).collect()
}

fn assert_bounded(fetch: &Fetch) {
    assert!(fetch.wants.len() <= LIMITS.wants && fetch.haves.len() <= LIMITS.haves, "{fetch:?}");
    let different: HashSet<_> = fetch.wants.iter().collect();
    assert_eq!(different.len(), fetch.wants.len(), "a want was kept twice");
}

/// The answer confirms nothing that is not known, and is made of whole lines.
fn judge_answer(fetch: &Fetch) {
    let known = fetch.haves.first().copied();
    let answer = wharf_git_wire::answer(fetch, |id| Some(*id) == known);
    let mut rest = &answer.head[..];
    while !rest.is_empty() {
        let (packet, after) = pkt_line::read(rest, MAX_PAYLOAD_BYTES).expect("an answer is made of lines");
        if let Packet::Data(line) = packet
            && let Some(id) = line.strip_prefix(b"ACK ")
        {
            assert_eq!(ObjectId::from_hex(&id[..40]), known, "an object was confirmed that is not known");
        }
        rest = after;
    }
    assert!(answer.pack.is_none() || !fetch.wants.is_empty(), "a pack for one who wants nothing");
    let nothing = wharf_git_wire::answer(fetch, |_| false);
    assert!(!nothing.head.windows(4).any(|four| four == b"ACK "), "a guess was confirmed");
}

/// The old protocol.
pub(super) fn request_v0(bytes: &[u8]) {
    let fetch = match upload_request::parse(bytes, &LIMITS) {
        Ok(fetch) => fetch,
        Err(error) => return refused(error, bytes),
    };
    assert!(bytes.len() <= LIMITS.body_bytes);
    assert_bounded(&fetch);
    assert!(!fetch.wants.is_empty() || (fetch.haves.is_empty() && !fetch.done));
    let lines = second_reading(bytes);
    let wants = ids(&lines, b"want");
    let flush = lines.iter().position(|line| *line == PacketLineRef::Flush).unwrap_or(lines.len());
    let done = lines.iter().position(|line| line.as_slice().is_some_and(|line| pkt_line::trim(line) == b"done"));
    assert!(fetch.wants.iter().all(|want| wants.contains(want)));
    if !fetch.wants.is_empty() {
        assert_eq!(fetch.haves, ids(&lines[flush..done.unwrap_or(lines.len())], b"have"));
        assert_eq!(fetch.done, done.is_some_and(|at| at > flush));
    }
    judge_answer(&fetch);
    let written = write_v0(&fetch);
    assert_eq!(upload_request::parse(&written, &Limits::default()).as_ref(), Ok(&fetch), "written again");
}

fn write_v0(fetch: &Fetch) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = |text: String| pkt_line::write(text.as_bytes(), &mut out).unwrap();
    let named = [
        (fetch.multi_ack_detailed, "multi_ack_detailed"),
        (fetch.no_done, "no-done"),
        (fetch.framing == Framing::SideBand64k, "side-band-64k"),
    ];
    let capabilities: String = named.iter().filter(|(on, _)| *on).map(|(_, name)| format!(" {name}")).collect();
    for want in &fetch.wants {
        line(format!("want {want}{capabilities}\n"));
    }
    if fetch.shallow {
        line(format!("shallow {}\n", "a".repeat(40)));
    }
    if fetch.deepen {
        line("deepen 1\n".to_owned());
    }
    if fetch.wants.is_empty() {
        out.extend_from_slice(pkt_line::FLUSH);
        return out;
    }
    out.extend_from_slice(pkt_line::FLUSH);
    for have in &fetch.haves {
        pkt_line::write(format!("have {have}\n").as_bytes(), &mut out).unwrap();
    }
    if fetch.round_ended {
        out.extend_from_slice(pkt_line::FLUSH);
    }
    if fetch.done {
        pkt_line::write(b"done\n", &mut out).unwrap();
    }
    out
}

/// The new protocol.
pub(super) fn command_v2(bytes: &[u8]) {
    let command = match command::parse(bytes, &LIMITS) {
        Ok(command) => command,
        Err(error) => return refused(error, bytes),
    };
    assert!(bytes.len() <= LIMITS.body_bytes);
    let mut out = Vec::new();
    let mut line = |text: &[u8]| pkt_line::write(text, &mut out).unwrap();
    match &command {
        Command::Empty => return assert!(bytes.is_empty() || bytes == b"0000"),
        Command::LsRefs(asked) => {
            assert!(asked.prefixes.len() <= LIMITS.other_lines);
            line(b"command=ls-refs");
            out.extend_from_slice(pkt_line::DELIMITER);
            if asked.symrefs {
                pkt_line::write(b"symrefs", &mut out).unwrap();
            }
            for prefix in &asked.prefixes {
                pkt_line::write(&[b"ref-prefix ", &prefix[..], b"\n"].concat(), &mut out).unwrap();
            }
        }
        Command::Fetch(fetch) => {
            assert_bounded(fetch);
            let lines = second_reading(bytes);
            let end = lines.iter().position(|line| *line == PacketLineRef::Flush).unwrap();
            // What stands before the delimiter are capabilities, whatever they look like.
            let begin = lines[..end].iter().position(|line| *line == PacketLineRef::Delimiter).unwrap_or(end);
            let arguments = &lines[begin..end];
            assert_eq!(fetch.haves, ids(arguments, b"have"));
            assert!(fetch.wants.iter().all(|want| ids(arguments, b"want").contains(want)));
            judge_answer(fetch);
            line(b"command=fetch");
            out.extend_from_slice(pkt_line::DELIMITER);
            let mut line = |text: String| pkt_line::write(text.as_bytes(), &mut out).unwrap();
            fetch.wants.iter().for_each(|want| line(format!("want {want}\n")));
            fetch.haves.iter().for_each(|have| line(format!("have {have}\n")));
            for (on, word) in [
                (fetch.done, "done"),
                (fetch.wait_for_done, "wait-for-done"),
                (fetch.deepen, "deepen 1"),
                (fetch.shallow, "shallow x"),
            ] {
                if on {
                    line(word.to_owned());
                }
            }
        }
    }
    out.extend_from_slice(pkt_line::FLUSH);
    assert_eq!(command::parse(&out, &Limits::default()).as_ref(), Ok(&command), "written again");
}

fn refused(error: RequestError, bytes: &[u8]) {
    assert_presentable(&error.to_string());
    assert_eq!(error == RequestError::Body, bytes.len() > LIMITS.body_bytes);
}
