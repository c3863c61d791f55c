//! The body of a v0 `POST git-upload-pack`: wants, a flush, then haves in batches, or `done`.
//!
//! Connections are stateless: each request repeats everything, and is answered from its own content alone. Reading stops
//! at `done`. Format: gitprotocol-pack, "Packfile Negotiation".

use crate::advertisement::Protocol;
use crate::pack::Framing;
use crate::pkt_line::{Packet, PacketError};
use crate::request::{Fetch, Limits, Lines, RequestError, check_object_format};

/// Reads a v0 request. An empty body and a lone flush, by which git tries a connection, want nothing.
pub fn parse(body: &[u8], limits: &Limits) -> Result<Fetch, RequestError> {
    let mut fetch = Fetch::new(Protocol::V0);
    let mut lines = Lines::new(body, limits)?;
    if lines.is_at_end() {
        return Ok(fetch);
    }
    loop {
        match lines.next()? {
            Packet::Flush => break,
            Packet::Data(line) => wanted(line, &mut fetch, &mut lines, limits)?,
            Packet::Delimiter | Packet::ResponseEnd => return Err(RequestError::Unexpected),
        }
    }
    if fetch.wants.is_empty() {
        return Ok(fetch);
    }
    let mut open = false;
    while !lines.is_at_end() {
        open = true;
        match lines.next()? {
            Packet::Flush => {
                lines.count_other()?;
                fetch.round_ended = true;
                open = false;
            }
            Packet::Data(b"done") => {
                fetch.done = true;
                return Ok(fetch);
            }
            Packet::Data(line) => match line.strip_prefix(b"have ") {
                Some(hex) => fetch.have(hex.trim_ascii_end(), limits)?,
                None => return Err(RequestError::Unexpected),
            },
            Packet::Delimiter | Packet::ResponseEnd => return Err(RequestError::Unexpected),
        }
    }
    // Haves that nobody closed are the beginning of a request whose rest was lost.
    if open { Err(PacketError::Truncated.into()) } else { Ok(fetch) }
}

fn wanted(line: &[u8], fetch: &mut Fetch, lines: &mut Lines<'_>, limits: &Limits) -> Result<(), RequestError> {
    // libgit2 leaves a blank in front of the line feed, so words are taken and not positions.
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    match words.next() {
        Some(b"want") => {
            fetch.want(words.next().ok_or(RequestError::Id)?, limits)?;
            for capability in words {
                match capability {
                    b"multi_ack_detailed" => fetch.multi_ack_detailed = true,
                    b"no-done" => fetch.no_done = true,
                    b"side-band-64k" => fetch.framing = Framing::SideBand64k,
                    other => check_object_format(other)?,
                }
            }
        }
        Some(b"shallow") => {
            lines.count_other()?;
            fetch.shallow = true;
        }
        Some(b"deepen") => {
            lines.count_other()?;
            let depth = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse::<u32>().ok());
            // Zero is git's way to say "as deep as it gets".
            fetch.deepen |= depth.ok_or(RequestError::Unexpected)? > 0;
        }
        _ => return Err(RequestError::Unexpected),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid::ObjectId;
    use crate::pkt_line;
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    /// `0000` is a flush, everything else a line.
    fn body(lines: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in lines {
            match *line {
                "0000" | "0001" => out.extend_from_slice(line.as_bytes()),
                line => pkt_line::write(line.as_bytes(), &mut out).unwrap(),
            }
        }
        out
    }

    fn read(lines: &[&str]) -> Result<Fetch, RequestError> {
        parse(&body(lines), &Limits::default())
    }

    fn id(hex: &str) -> ObjectId {
        ObjectId::from_hex(hex.as_bytes()).unwrap()
    }

    #[test]
    fn what_libgit2_and_git_send() {
        let clone = read(&[
            &format!("want {A} multi_ack_detailed side-band-64k include-tag thin-pack ofs-delta \n"),
            &format!("want {A} \n"),
            "0000",
            "done\n",
        ])
        .unwrap();
        let expected = Fetch {
            wants: vec![id(A)],
            done: true,
            multi_ack_detailed: true,
            framing: Framing::SideBand64k,
            ..Fetch::new(Protocol::V0)
        };
        assert_eq!(clone, expected);

        let round = read(&[
            &format!("want {A} no-done agent=git/2.47.3 object-format=sha1\n"),
            &format!("shallow {B}"),
            "deepen 1",
            "0000",
            &format!("have {B}\n"),
            "0000",
            &format!("have {A}\n"),
            "0000",
        ])
        .unwrap();
        let expected = Fetch {
            wants: vec![id(A)],
            haves: vec![id(B), id(A)],
            deepen: true,
            shallow: true,
            round_ended: true,
            no_done: true,
            ..Fetch::new(Protocol::V0)
        };
        assert_eq!(round, expected);
    }

    #[test]
    fn who_wants_nothing_is_not_wrong() {
        for lines in [&[][..], &["0000"]] {
            assert_eq!(read(lines).unwrap(), Fetch::new(Protocol::V0));
        }
        let only_wants = read(&[&format!("want {A}\n"), "deepen 0", "0000"]).unwrap();
        assert!(!only_wants.round_ended && !only_wants.deepen && !only_wants.done);
    }

    #[test]
    fn what_is_refused() {
        let want = format!("want {A}");
        let cases: &[(&[&str], RequestError)] = &[
            (&[&want], PacketError::Truncated.into()),
            (&[&want, "0000", &format!("have {A}")], PacketError::Truncated.into()),
            (&["want"], RequestError::Id),
            (&["want abc", "0000"], RequestError::Id),
            (&[&want, "0000", "have abc"], RequestError::Id),
            (&[&format!("{want} object-format=sha256")], RequestError::ObjectFormat),
            (&["deepen x"], RequestError::Unexpected),
            (&["deepen -1"], RequestError::Unexpected),
            (&["done"], RequestError::Unexpected),
            (&["0001"], RequestError::Unexpected),
            (&[&want, "0000", &want], RequestError::Unexpected),
            (&[&want, "0000", "0001"], RequestError::Unexpected),
            (&["filter blob:none"], RequestError::Unexpected),
            (&[""], RequestError::Unexpected),
        ];
        for (lines, error) in cases {
            assert_eq!(read(lines), Err(*error), "{lines:?}");
        }
    }

    #[test]
    fn every_limit_holds_at_its_edge() {
        let limits = Limits { body_bytes: 1000, line_bytes: 60, wants: 2, haves: 3, other_lines: 4 };
        let wants = |count: usize| {
            let lines: Vec<_> = (0..count).map(|i| format!("want {i:040x}")).collect();
            let lines: Vec<_> = lines.iter().map(String::as_str).chain(["0000"]).collect();
            parse(&body(&lines), &limits).map(|fetch| fetch.wants.len())
        };
        assert_eq!((wants(2), wants(3)), (Ok(2), Err(RequestError::Wants)));
        let haves = |count: usize| {
            let want = format!("want {A}");
            let have = format!("have {A}");
            let lines = [vec![want.as_str(), "0000"], vec![have.as_str(); count], vec!["0000"]].concat();
            parse(&body(&lines), &limits).map(|fetch| fetch.haves.len())
        };
        assert_eq!((haves(3), haves(4)), (Ok(3), Err(RequestError::Haves)));
        let flushes = |count: usize| {
            let want = format!("want {A}");
            parse(&body(&[vec![want.as_str()], vec!["0000"; count + 1]].concat()), &limits)
                .map(|fetch| fetch.round_ended)
        };
        assert_eq!((flushes(4), flushes(5)), (Ok(true), Err(RequestError::Lines)));
        let shallows = |count| parse(&body(&[vec!["shallow x"; count], vec!["0000"]].concat()), &limits).map(|_| ());
        assert_eq!((shallows(4), shallows(5)), (Ok(()), Err(RequestError::Lines)));
        let wide =
            |blanks: usize| parse(&body(&[&format!("want {A}{}", " ".repeat(blanks)), "0000"]), &limits).map(|_| ());
        assert_eq!((wide(15), wide(16)), (Ok(()), Err(PacketError::TooLong.into())));
        assert_eq!(parse(&[b'0'; 1001], &limits), Err(RequestError::Body));
        assert!(parse(&[b'0'; 1000], &limits).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_stay_within_bounds(bytes: Vec<u8>) {
            let _ = parse(&bytes, &Limits::default());
        }

        #[test]
        fn arbitrary_lines_stay_within_bounds(
            picks in proptest::collection::vec(0_usize..9, 0..60),
            cut in any::<proptest::sample::Index>(),
        ) {
            let words = [
                "0000", "0001", "done\n", "deepen 3\n", "shallow ", "x",
                "want aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \n", "want bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb no-done",
                "have bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n",
            ];
            let lines: Vec<_> = picks.iter().map(|pick| words[*pick]).collect();
            let whole = body(&lines);
            let limits = Limits { wants: 1, haves: 5, other_lines: 7, ..Limits::default() };
            for bytes in [&whole[..], &whole[..cut.index(whole.len() + 1)]] {
                if let Ok(fetch) = parse(bytes, &limits) {
                    prop_assert!(fetch.wants.len() <= 1 && fetch.haves.len() <= 5);
                    prop_assert!(!fetch.wants.is_empty() || (fetch.haves.is_empty() && !fetch.done));
                }
            }
        }
    }
}
