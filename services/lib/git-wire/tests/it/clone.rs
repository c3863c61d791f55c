//! Git as a client: clone and fetch over HTTP from a server that is nothing but this crate and a socket.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use wharf_git_wire::advertisement::{ADVERTISEMENT_TYPE, REQUEST_TYPE, RESULT_TYPE};
use wharf_git_wire::{Command, Fetch, Limits, Protocol, advertisement, answer, command, refs, upload_request};

use crate::git::{git, try_git};
use crate::snapshot::Snapshot;

/// What the server offers, what it remembers to have offered, and how many objects its packs held.
struct State {
    current: Snapshot,
    former: Vec<Snapshot>,
    packs: Vec<(usize, usize)>,
}

struct Server {
    state: Arc<Mutex<State>>,
    url: String,
}

impl Server {
    /// Serves until the process ends.
    fn start(current: Snapshot) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/index", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { current, former: Vec::new(), packs: Vec::new() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &mut shared.lock().unwrap());
            }
        });
        Server { state, url }
    }

    fn publish(&self, next: Snapshot) {
        let mut state = self.state.lock().unwrap();
        let former = std::mem::replace(&mut state.current, next);
        state.former.push(former);
    }

    /// Objects in the packs since the last call, and the size of the answers that brought them.
    fn packs(&self) -> Vec<(usize, usize)> {
        std::mem::take(&mut self.state.lock().unwrap().packs)
    }
}

fn serve(stream: TcpStream, state: &mut State) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let protocol = Protocol::of_header(headers.get("git-protocol").map(String::as_str));
    let (media_type, answer) = if first.starts_with("GET ") {
        (ADVERTISEMENT_TYPE, advertisement(protocol, state.current.commit))
    } else {
        assert_eq!(headers["content-type"], REQUEST_TYPE);
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
            let mut plain = Vec::new();
            GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
            body = plain;
        }
        (RESULT_TYPE, post(protocol, &body, state))
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    let mut stream = stream;
    stream.write_all(&[head.as_bytes(), &answer].concat()).unwrap();
}

fn post(protocol: Protocol, body: &[u8], state: &mut State) -> Vec<u8> {
    let limits = Limits::default();
    match protocol {
        Protocol::V0 => fetch(&upload_request::parse(body, &limits).unwrap(), state),
        Protocol::V2 => match command::parse(body, &limits).unwrap() {
            Command::Empty => Vec::new(),
            Command::LsRefs(request) => refs(&request, state.current.commit),
            Command::Fetch(request) => fetch(&request, state),
        },
    }
}

fn fetch(request: &Fetch, state: &mut State) -> Vec<u8> {
    if request.wants.iter().any(|want| *want != state.current.commit) {
        return wharf_git_wire::pkt_line::error_answer("upload-pack: not our ref");
    }
    let offered = |id: &_| *id == state.current.commit || state.former.iter().any(|former| former.commit == *id);
    let answer = answer(request, offered);
    let mut out = answer.head;
    if let Some(framing) = answer.pack {
        let newest_first = std::iter::once(&state.current).chain(state.former.iter().rev());
        let base = newest_first.into_iter().find(|snapshot| request.haves.contains(&snapshot.commit));
        let objects = state.current.pack(base, framing, &mut out);
        state.packs.push((objects, out.len()));
    }
    out
}

fn check_out(path: &std::path::Path, expected: &Snapshot) {
    assert_eq!(git(path, &["fsck", "--strict", "--full", "--no-dangling", "--no-progress"], b""), "");
    let reference = if path.join("HEAD").exists() { "refs/heads/master" } else { "refs/remotes/origin/master" };
    assert_eq!(git(path, &["rev-parse", reference], b"").trim(), expected.commit.to_string());
    for (name, content) in expected.files.iter().take(20) {
        assert_eq!(git(path, &["cat-file", "blob", &format!("{reference}:{name}")], b"").as_bytes(), content);
    }
}

#[test]
fn git_clones_and_fetches_in_every_protocol_shallow_and_full() {
    for version in ["0", "1", "2"] {
        for depth in [None, Some("--depth=1")] {
            let first = Snapshot::sample(150, "");
            let server = Server::start(first.clone());
            let home = tempfile::tempdir().unwrap();
            let protocol = format!("protocol.version={version}");
            let clone = ["-c", &protocol, "clone", "-q", "--bare", &server.url, "copy"];
            let clone: Vec<_> = clone.into_iter().chain(depth).collect();
            assert_eq!(git(home.path(), &clone, b""), "");
            let copy = home.path().join("copy");
            check_out(&copy, &first);
            assert_eq!(server.packs().len(), 1);
            assert!(!copy.join("shallow").exists(), "a commit without parents is no boundary");

            // cargo's refspec is forced too: the new commit is no descendant of the old one.
            let refspec = "+refs/heads/master:refs/heads/master";
            let fetch = ["-c", &protocol, "fetch", "-q", &server.url, refspec];
            let fetch: Vec<_> = fetch.into_iter().chain(depth).collect();
            let second = Snapshot::sample(150, "published");
            server.publish(second.clone());
            assert_eq!(git(&copy, &fetch, b""), "");
            check_out(&copy, &second);
            let packs = server.packs();
            assert_eq!(packs.iter().map(|(objects, _)| *objects).collect::<Vec<_>>(), [5], "{version} {depth:?}");
            assert!(packs[0].1 < 8192, "{packs:?}");

            // Nothing new. Git asks nevertheless when a depth is given, and is content with a pack of no objects.
            assert_eq!(git(&copy, &fetch, b""), "");
            let packs: Vec<_> = server.packs().iter().map(|(objects, _)| *objects).collect();
            assert_eq!(packs, vec![0; usize::from(depth.is_some())]);
            check_out(&copy, &second);

            // A client of a forgotten past gets everything.
            server.state.lock().unwrap().former.clear();
            let third = Snapshot::sample(151, "again");
            server.state.lock().unwrap().current = third.clone();
            assert!(["", "warning: no common commits\n"].contains(&git(&copy, &fetch, b"").as_str()));
            check_out(&copy, &third);
            assert_eq!(server.packs()[0].0, third.objects.len());
        }
    }
}

#[test]
fn cargo_updates_through_libgit2_git_and_gitoxide() {
    // Gitoxide is behind an unstable flag; RUSTC_BOOTSTRAP lets a stable cargo take it.
    for (with_cli, flags) in [("false", None), ("true", None), ("false", Some("-Zgitoxide=fetch"))] {
        let index = |versions: &[&str]| {
            let lines = versions.iter().map(|version| {
                let checksum = "0".repeat(64);
                format!("{{\"name\":\"one-two\",\"vers\":\"{version}\",\"deps\":[],\"cksum\":\"{checksum}\",\"features\":{{}},\"yanked\":false}}\n")
            });
            let mut files = Snapshot::sample(40, "").files;
            files.insert("on/e-/one-two".to_owned(), lines.collect::<String>().into_bytes());
            Snapshot::of(&files)
        };
        let server = Server::start(index(&["1.0.0"]));
        let home = tempfile::tempdir().unwrap();
        let manifest = format!(
            "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n\
             one-two = {{ version = \"1\", registry-index = \"{}\" }}\n\n[workspace]\n",
            server.url
        );
        std::fs::write(home.path().join("Cargo.toml"), manifest).unwrap();
        std::fs::create_dir(home.path().join("src")).unwrap();
        std::fs::write(home.path().join("src/lib.rs"), "").unwrap();
        let update = || {
            let output = std::process::Command::new(env!("CARGO"))
                .arg("update")
                .args(flags)
                .current_dir(home.path())
                .env_clear()
                .envs(
                    ["PATH", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"]
                        .iter()
                        .filter_map(|name| Some((name, std::env::var_os(name)?))),
                )
                .env("HOME", std::env::var_os("HOME").unwrap_or_default())
                .env("CARGO_HOME", home.path().join("cargo"))
                .env("CARGO_NET_GIT_FETCH_WITH_CLI", with_cli)
                .env("CARGO_HTTP_PROXY", "")
                .envs(flags.map(|_| ("RUSTC_BOOTSTRAP", "1")))
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            std::fs::read_to_string(home.path().join("Cargo.lock")).unwrap()
        };
        assert!(update().contains("name = \"one-two\"\nversion = \"1.0.0\""));
        assert_eq!(server.packs().len(), 1);
        server.publish(index(&["1.0.0", "1.1.0"]));
        let lock = update();
        assert!(lock.contains("name = \"one-two\"\nversion = \"1.1.0\""), "{lock}");
        // Commit, root, two directories, one file.
        assert_eq!(server.packs().iter().map(|(objects, _)| *objects).collect::<Vec<_>>(), [5], "{with_cli} {flags:?}");
    }
}

#[test]
fn many_local_commits_are_negotiated_in_rounds() {
    for version in ["0", "2"] {
        let first = Snapshot::sample(30, "");
        let server = Server::start(first.clone());
        let home = tempfile::tempdir().unwrap();
        let protocol = format!("protocol.version={version}");
        git(home.path(), &["-c", &protocol, "clone", "-q", "--bare", &server.url, "copy"], b"");
        let copy = home.path().join("copy");
        // A history of its own, newer than ours: its commits are offered first, and none of them is known.
        let mut stream = String::new();
        for i in 0..100 {
            let time = 1_900_000_000 + i;
            stream.push_str(&format!("commit refs/heads/own\ncommitter x <x@x.invalid> {time} +0000\ndata 1\nx\n"));
        }
        git(&copy, &["fast-import", "--quiet"], stream.as_bytes());
        server.packs();
        let second = Snapshot::sample(30, "published");
        server.publish(second.clone());
        let refspec = "+refs/heads/master:refs/heads/master";
        git(&copy, &["-c", &protocol, "fetch", "-q", &server.url, refspec], b"");
        assert_eq!(git(&copy, &["rev-parse", "refs/heads/master"], b"").trim(), second.commit.to_string());
        assert_eq!(git(&copy, &["fsck", "--strict", "--full", "--no-dangling", "--no-progress"], b""), "");
        assert_eq!(server.packs().iter().map(|(objects, _)| *objects).collect::<Vec<_>>(), [5], "{version}");
    }
}

#[test]
fn the_reason_of_a_refusal_reaches_the_user() {
    for version in ["0", "2"] {
        let server = Server::start(Snapshot::sample(3, ""));
        let home = tempfile::tempdir().unwrap();
        git(home.path(), &["init", "-q", "--bare", "copy"], b"");
        let strange = "1234567890123456789012345678901234567890";
        let protocol = format!("protocol.version={version}");
        let (success, text) =
            try_git(&home.path().join("copy"), &["-c", &protocol, "fetch", "-q", &server.url, strange], b"");
        assert!(!success);
        // v0 refuses on the client's side: nothing beyond the refs was offered.
        let reason = if version == "2" { "not our ref" } else { "unadvertised object" };
        assert!(text.contains(reason), "{text}");
        assert_eq!(server.packs(), []);
    }
}
