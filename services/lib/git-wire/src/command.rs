//! The body of a v2 `POST git-upload-pack`: a command, its capabilities, a delimiter, its arguments, a flush.
//!
//! Arguments that are not understood are passed over, since they only ask for a smaller or richer answer. Reading stops at
//! the flush. Format: gitprotocol-v2, "Command Request".

use crate::advertisement::Protocol;
use crate::pkt_line::Packet;
use crate::request::{Fetch, Limits, Lines, RequestError, check_object_format};

/// What a v2 client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing: it tried the connection.
    Empty,
    /// The refs.
    LsRefs(LsRefs),
    /// A pack.
    Fetch(Fetch),
}

/// The arguments of `ls-refs` that change its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LsRefs {
    /// Say where symbolic refs point.
    pub symrefs: bool,
    /// Only refs that begin with one of these; none means all.
    pub prefixes: Vec<Vec<u8>>,
}

impl LsRefs {
    /// Whether the ref of this name is asked for.
    pub fn covers(&self, name: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| name.as_bytes().starts_with(prefix))
    }
}

/// Reads a v2 request.
pub fn parse(body: &[u8], limits: &Limits) -> Result<Command, RequestError> {
    let mut lines = Lines::new(body, limits)?;
    if lines.is_at_end() {
        return Ok(Command::Empty);
    }
    let mut command = None;
    let has_arguments = loop {
        match lines.next()? {
            Packet::Data(line) => {
                lines.count_other()?;
                match line.strip_prefix(b"command=") {
                    Some(b"ls-refs") if command.is_none() => command = Some(Command::LsRefs(LsRefs::default())),
                    Some(b"fetch") if command.is_none() => command = Some(Command::Fetch(Fetch::new(Protocol::V2))),
                    Some(_) => return Err(RequestError::Command),
                    None => check_object_format(line)?,
                }
            }
            Packet::Delimiter => break true,
            Packet::Flush => break false,
            Packet::ResponseEnd => return Err(RequestError::Unexpected),
        }
    };
    let Some(mut command) = command else {
        // Capabilities without a command, or arguments to nothing, are no probe.
        return if body == b"0000" { Ok(Command::Empty) } else { Err(RequestError::Command) };
    };
    if has_arguments {
        arguments(&mut command, &mut lines, limits)?;
    }
    Ok(command)
}

fn arguments(command: &mut Command, lines: &mut Lines<'_>, limits: &Limits) -> Result<(), RequestError> {
    loop {
        match lines.next()? {
            Packet::Data(line) => match command {
                Command::LsRefs(request) => ls_refs_argument(line, request, lines)?,
                Command::Fetch(fetch) => fetch_argument(line, fetch, lines, limits)?,
                Command::Empty => return Err(RequestError::Unexpected),
            },
            Packet::Flush => return Ok(()),
            Packet::Delimiter | Packet::ResponseEnd => return Err(RequestError::Unexpected),
        }
    }
}

fn ls_refs_argument(line: &[u8], request: &mut LsRefs, lines: &mut Lines<'_>) -> Result<(), RequestError> {
    lines.count_other()?;
    if line == b"symrefs" {
        request.symrefs = true;
    } else if let Some(prefix) = line.strip_prefix(b"ref-prefix ") {
        request.prefixes.push(prefix.to_vec());
    }
    Ok(())
}

fn fetch_argument(line: &[u8], fetch: &mut Fetch, lines: &mut Lines<'_>, limits: &Limits) -> Result<(), RequestError> {
    if let Some(hex) = line.strip_prefix(b"want ") {
        return fetch.want(hex, limits);
    }
    if let Some(hex) = line.strip_prefix(b"have ") {
        return fetch.have(hex, limits);
    }
    lines.count_other()?;
    match line {
        b"done" => fetch.done = true,
        b"wait-for-done" => fetch.wait_for_done = true,
        _ if line.starts_with(b"shallow ") => fetch.shallow = true,
        // `deepen`, `deepen-since`, `deepen-not`; `deepen-relative` comes only beside one of them.
        _ if line.starts_with(b"deepen") => fetch.deepen = true,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid::ObjectId;
    use crate::pkt_line::{self, PacketError};
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn body(lines: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in lines {
            match *line {
                "0000" | "0001" | "0002" => out.extend_from_slice(line.as_bytes()),
                line => pkt_line::write(line.as_bytes(), &mut out).unwrap(),
            }
        }
        out
    }

    fn read(lines: &[&str]) -> Result<Command, RequestError> {
        parse(&body(lines), &Limits::default())
    }

    #[test]
    fn what_git_and_gitoxide_send() {
        let refs = read(&[
            "command=ls-refs\n",
            "agent=git/2.47.3",
            "object-format=sha1",
            "0001",
            "peel\n",
            "symrefs\n",
            "unborn\n",
            "ref-prefix HEAD\n",
            "0000",
        ]);
        assert_eq!(refs, Ok(Command::LsRefs(LsRefs { symrefs: true, prefixes: vec![b"HEAD".to_vec()] })));
        let fetch = read(&[
            "command=fetch",
            "agent=x",
            "0001",
            "thin-pack",
            "no-progress",
            "ofs-delta",
            "deepen 1",
            &format!("shallow {A}\n"),
            &format!("want {A}\n"),
            &format!("have {A}\n"),
            "filter blob:none",
            "done\n",
            "0000",
        ]);
        let id = ObjectId::from_hex(A.as_bytes()).unwrap();
        let expected = Fetch {
            wants: vec![id],
            haves: vec![id],
            done: true,
            deepen: true,
            shallow: true,
            ..Fetch::new(Protocol::V2)
        };
        assert_eq!(fetch, Ok(Command::Fetch(expected)));
        assert_eq!(read(&["command=ls-refs", "0000"]), Ok(Command::LsRefs(LsRefs::default())));
    }

    #[test]
    fn probes_and_refusals() {
        assert_eq!((read(&[]), read(&["0000"])), (Ok(Command::Empty), Ok(Command::Empty)));
        let cases: &[(&[&str], RequestError)] = &[
            (&["command=fetch"], PacketError::Truncated.into()),
            (&["command=fetch", "0001", "done"], PacketError::Truncated.into()),
            (&["command=push", "0000"], RequestError::Command),
            (&["command=object-info", "0001", "0000"], RequestError::Command),
            (&["command=fetch", "command=ls-refs", "0000"], RequestError::Command),
            (&["agent=x", "0000"], RequestError::Command),
            (&["0001", "0000"], RequestError::Command),
            (&["command=fetch", "object-format=sha256"], RequestError::ObjectFormat),
            (&["command=fetch", "0001", "want x"], RequestError::Id),
            (&["command=fetch", "0001", "0001"], RequestError::Unexpected),
            (&["command=fetch", "0002"], RequestError::Unexpected),
        ];
        for (lines, error) in cases {
            assert_eq!(read(lines), Err(*error), "{lines:?}");
        }
    }

    #[test]
    fn every_limit_holds_at_its_edge() {
        let limits = Limits { wants: 1, haves: 2, other_lines: 5, ..Limits::default() };
        let other = "b".repeat(40);
        let try_with = |arguments: Vec<String>| {
            let mut lines = vec!["command=fetch", "0001"];
            lines.extend(arguments.iter().map(String::as_str));
            lines.push("0000");
            parse(&body(&lines), &limits).map(|_| ())
        };
        assert_eq!(try_with(vec![format!("want {A}"), format!("want {A}")]), Ok(()));
        assert_eq!(try_with(vec![format!("want {A}"), format!("want {other}")]), Err(RequestError::Wants));
        assert_eq!(try_with(vec![format!("have {A}"); 2]), Ok(()));
        assert_eq!(try_with(vec![format!("have {A}"); 3]), Err(RequestError::Haves));
        assert_eq!(try_with(vec!["x".to_owned(); 4]), Ok(()));
        assert_eq!(try_with(vec!["x".to_owned(); 5]), Err(RequestError::Lines));
        let prefixes = [vec!["command=ls-refs", "0001"], vec!["ref-prefix a"; 5], vec!["0000"]].concat();
        assert_eq!(parse(&body(&prefixes), &limits), Err(RequestError::Lines));
        // A hundred thousand haves are more than a body or a list may hold.
        let many = [vec!["command=fetch".to_owned(), "0001".to_owned()], vec![format!("have {A}"); 100_000]].concat();
        let many = body(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(parse(&many, &Limits::default()), Err(RequestError::Body));
        assert_eq!(parse(&many[..4 << 20], &Limits::default()), Err(RequestError::Haves));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_stay_within_bounds(bytes: Vec<u8>) {
            let _ = parse(&bytes, &Limits::default());
        }

        #[test]
        fn arbitrary_lines_stay_within_bounds(
            picks in proptest::collection::vec(0_usize..11, 0..60),
            command in 0_usize..3,
            cut in any::<proptest::sample::Index>(),
        ) {
            let words = [
                "0000", "0001", "done", "deepen 3", "shallow x", "x", "symrefs", "ref-prefix HEAD", "have x",
                "want aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "have aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ];
            let start = [vec!["command=fetch", "0001"], vec!["command=ls-refs", "0001"], vec![]][command].clone();
            let lines: Vec<_> = start.into_iter().chain(picks.iter().map(|pick| words[*pick])).collect();
            let whole = body(&lines);
            let limits = Limits { wants: 1, haves: 3, other_lines: 7, ..Limits::default() };
            for bytes in [&whole[..], &whole[..cut.index(whole.len() + 1)]] {
                match parse(bytes, &limits) {
                    Ok(Command::Fetch(fetch)) => prop_assert!(fetch.wants.len() <= 1 && fetch.haves.len() <= 3),
                    Ok(Command::LsRefs(request)) => prop_assert!(request.prefixes.len() < 7),
                    Ok(Command::Empty) | Err(_) => {}
                }
            }
        }
    }
}
