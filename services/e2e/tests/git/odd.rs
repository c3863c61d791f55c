//! What git can be made to ask, and requests at the edge of what HTTP allows: an answer that is right, or a clear refusal.

use crate::checkout::{Checkout, Manner, git_url, sparse_files};
use crate::crates::{publish, publish_bulk, slim};
use crate::wire::{fetch, fetched, head, lines, objects, post, refs, refs_url};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wharf_git_wire::{ObjectId, Protocol};
use wharf_testkit::chance::{Chance, seeds};
use wharf_testkit::{Client, Git, Stack, Token};

/// Whatever a user of git may add to a clone changes nothing but what git makes of it.
#[tokio::test(flavor = "multi_thread")]
async fn options_of_git_that_people_use() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let git = Git::with_token(&stack.setup.index, &partner.secret);
    let url = git_url(&partner);
    let slash = format!("{url}/");
    let commit = head(&partner).await.to_string();
    for (number, options) in [
        &[url.as_str()][..],
        &[&slash],
        &["--filter=blob:none", &url],
        &["--filter=tree:0", "--no-checkout", &url],
        &["--depth=1", "--no-single-branch", &url],
        &["--shallow-since=2000-01-01", &url],
        &["--branch=master", "--single-branch", "--no-tags", &url],
        &["--mirror", &url],
    ]
    .into_iter()
    .enumerate()
    {
        for version in ["0", "1", "2"] {
            let place = format!("clone-{number}-{version}");
            let manner = format!("protocol.version={version}");
            let cloned = git.run(git.home(), &[&["-c", &manner, "clone", "-q"], options, &[&place]].concat()).await;
            // v0 has no word for it, and git says so by itself.
            if version != "2" && options[0].starts_with("--shallow-since") {
                assert!(cloned.stderr.contains("shallow-since"), "{}", cloned.stderr);
                continue;
            }
            assert!(cloned.success, "{options:?} by v{version}: {}", cloned.stderr);
            let shown = git.run(&git.home().join(&place), &["rev-parse", "HEAD"]).await;
            assert_eq!(shown.stdout.trim(), commit, "{options:?} by v{version}");
        }
    }
    let place = git.home().join("clone-0-2");
    for again in [
        &["fetch", "-q", "origin", &commit][..],
        &["fetch", "-q", "--depth=5"],
        &["fetch", "-q", "--prune", "--tags", "--force"],
        &["pull", "-q"],
        &["remote", "set-head", "origin", "--auto"],
        &["ls-remote", "--symref", "origin"],
        &["ls-remote", "--exit-code", "--heads", "origin", "master"],
    ] {
        let done = git.run(&place, again).await;
        assert!(done.success, "{again:?}: {}", done.stderr);
    }
    stack.stop().await;
}

/// A client with a long history of its own names so much that git packs it, or sends it in chunks.
#[tokio::test(flavor = "multi_thread")]
async fn long_negotiations_arrive_whole() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("negotiations", 1)[0]);
    let names = publish_bulk(&org.owner, "large", rng).await;
    let reader = org.partner("reader", &["large-*"]).await;
    for version in [0, 2] {
        let checkout = Checkout::of(&reader).await;
        let manner = Manner { version, shallow: false };
        checkout.fetch(manner).await;
        // Commits of the client's own, which it names as it names ours.
        let mut import = String::new();
        for number in 0..4000 {
            let message = format!("{number:040}");
            import += &format!(
                "commit refs/heads/own-{number}\ncommitter A <a@example.com> {} +0000\ndata 40\n{message}\n",
                2_000_000_000 + number
            );
        }
        let script = checkout.git.home().join("import");
        std::fs::write(&script, import).unwrap();
        let alias = format!("alias.bring=!git fast-import --quiet < '{}'", script.display());
        let brought = checkout.git.run(&checkout.path, &["-c", &alias, "bring"]).await;
        assert!(brought.success, "{}", brought.stderr);
        let _small = checkout.git.run(&checkout.path, &["config", "http.postBuffer", "65536"]).await;
        publish(&org.owner, &slim("large-00", &format!("2.{version}.0"))).await;
        let before = checkout.objects().await;
        checkout.fetch(manner).await;
        let ours =
            checkout.git.run(&checkout.path, &["ls-tree", "-r", "--name-only", "refs/remotes/origin/HEAD"]).await;
        assert_eq!(ours.stdout.lines().count(), sparse_files(&reader, &names).await.len(), "v{version}");
        let grown = checkout.objects().await - before;
        assert_eq!(grown, 5, "v{version}: the one commit that both know was found among its own");
        assert_eq!(checkout.commit().await, head(&reader).await);
    }
    stack.stop().await;
}

/// A request as bytes, and the whole answer, which ends when the server closes.
async fn raw(index: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(index.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn upload_pack(token: &Token, headers: &str, body: &[u8]) -> Vec<u8> {
    let url = git_url(token);
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let head = format!(
        "POST /{path}/git-upload-pack HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: {}\r\n\
         git-protocol: version=2\r\ncontent-type: application/x-git-upload-pack-request\r\n{headers}\r\n",
        token.secret,
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_every_dress() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let index = &stack.setup.index;
    let asked = lines(&["command=ls-refs", "0001", "ref-prefix HEAD", "0000"].map(str::to_owned));
    let commit = head(&partner).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&asked).unwrap();
    let zipped = encoder.finish().unwrap();
    let trailing = [&zipped[..], b"and what follows"].concat();
    let chunked: Vec<u8> = asked
        .chunks(7)
        .flat_map(|piece| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    let length = |body: &[u8]| format!("content-length: {}\r\n", body.len());
    for (headers, body) in [
        (length(&asked), &asked),
        (length(&zipped) + "content-encoding: gzip\r\n", &zipped),
        (length(&zipped) + "content-encoding: x-gzip\r\n", &zipped),
        (length(&trailing) + "content-encoding: gzip\r\n", &trailing),
        (length(&asked) + "content-encoding: identity\r\n", &asked),
        (length(&asked) + "expect: 100-continue\r\n", &asked),
        ("transfer-encoding: chunked\r\n".to_owned(), &chunked),
    ] {
        let answer = raw(index, &upload_pack(&partner, &headers, body)).await;
        let last = answer.rsplit("HTTP/1.1 ").next().unwrap();
        assert!(last.starts_with("200 ") && last.contains(&format!("{commit} HEAD\n")), "{headers}: {answer}");
        assert_eq!(answer.contains("HTTP/1.1 100"), headers.contains("expect"), "{answer}");
    }
    // Two lengths, or a length that lies, are no request.
    for headers in ["content-length: 10\r\ncontent-length: 11\r\n", "content-length: -1\r\n"] {
        let answer = raw(index, &upload_pack(&partner, headers, &asked)).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{headers}: {answer}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_nobody_offered() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let (client, commit) = (partner.client(), head(&partner).await);
    let whole = objects(&fetched(&partner, Protocol::V0, commit, &[]).await);
    let say = |all: &[&str]| {
        let all: Vec<String> = all.iter().map(|line| line.replace("COMMIT", &commit.to_string())).collect();
        lines(&all)
    };
    // Wishes that are not granted, beside one that is.
    for (protocol, body) in [
        (Protocol::V0, say(&["want COMMIT thin-pack include-tag filter allow-tip-sha1-in-want\n", "0000", "done\n"])),
        (Protocol::V0, say(&["want COMMIT side-band-64k\n", "want COMMIT\n", "deepen 1\n", "0000", "done\n"])),
        (Protocol::V0, say(&["want COMMIT\n", "shallow COMMIT\n", "deepen 2147483647\n", "0000", "done\n"])),
        (
            Protocol::V2,
            say(&["command=fetch", "object-format=sha1", "0001", "want COMMIT", "filter blob:none", "done", "0000"]),
        ),
        (
            Protocol::V2,
            say(&["command=fetch", "0001", "want COMMIT", "deepen-not refs/x", "sideband-all", "done", "0000"]),
        ),
        (
            Protocol::V2,
            say(&[
                "command=fetch",
                "0001",
                "want COMMIT",
                "want-ref refs/heads/master",
                "packfile-uris https",
                "done",
                "0000",
            ]),
        ),
    ] {
        let answer = post(&client, &partner, protocol, &[], body.clone()).await.expect(200);
        assert_eq!(objects(&answer), whole, "{}", String::from_utf8_lossy(&body));
    }
    for (protocol, body, status, said) in [
        (
            Protocol::V0,
            say(&["want COMMIT object-format=sha256\n", "0000", "done\n"]),
            200,
            "ERR upload-pack: only the object format sha1",
        ),
        (
            Protocol::V2,
            say(&["command=fetch", "object-format=sha256", "0001", "want COMMIT", "done", "0000"]),
            200,
            "ERR upload-pack: only",
        ),
        (
            Protocol::V2,
            say(&["command=object-info", "0001", "size", "oid COMMIT", "0000"]),
            200,
            "ERR upload-pack: this command is not served",
        ),
        (Protocol::V0, say(&["want COMMIT\n", "filter blob:none\n", "0000", "done\n"]), 400, "unexpected line"),
        (Protocol::V0, say(&["want COMMIT\n", "deepen -1\n", "0000", "done\n"]), 400, "unexpected line"),
    ] {
        let answer = post(&client, &partner, protocol, &[], body.clone()).await.expect(status);
        assert!(answer.text().contains(said), "{}: {}", String::from_utf8_lossy(&body), answer.text());
    }
    // A want that was offered beside one that was not is no way in.
    let never = ObjectId::new([7; 20]).to_string();
    let both = say(&["command=fetch", "0001", "want COMMIT", &format!("want {never}"), "done", "0000"]);
    assert!(post(&client, &partner, Protocol::V2, &[], both).await.expect(200).text().contains("not our ref"));
    // As many haves as are taken, all of them in one round.
    let haves: Vec<ObjectId> = (0..32_768_u32)
        .map(|number| {
            let mut id = [1; 20];
            id[..4].copy_from_slice(&number.to_be_bytes());
            ObjectId::new(id)
        })
        .collect();
    for protocol in [Protocol::V0, Protocol::V2] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&fetch(protocol, commit, &haves)).unwrap();
        let gzip = [("content-encoding", "gzip")];
        let answer = post(&client, &partner, protocol, &gzip, encoder.finish().unwrap()).await.expect(200);
        assert_eq!(objects(&answer), whole);
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_credentials_at_the_edge() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let basic = |pair: &str| Client::with(format!("Basic {}", STANDARD.encode(pair)));
    let secret = &partner.secret;
    for pair in [format!(":{secret}"), format!("{secret}:"), format!("a b:{secret}"), format!("ä@x:{secret}")] {
        let _offered = refs(&basic(&pair), &partner, Protocol::V0).await.expect(200);
    }
    for pair in [String::new(), ":".to_owned(), secret.clone(), format!("x:y{secret}")] {
        let _refused = refs(&basic(&pair), &partner, Protocol::V0).await.expect(401);
    }
    let _too_long = refs(&basic(&"x".repeat(8000)), &partner, Protocol::V0).await.expect(400);
    // HEAD says what GET would.
    let (client, url) = (partner.client(), git_url(&partner));
    let told = client.send("HEAD", &refs_url(&partner), &[], None).await.expect(200);
    assert_eq!(told.header("content-type"), "application/x-git-upload-pack-advertisement");
    assert!(told.body.is_empty());
    let absent = client.get(&format!("{}/acme/absent/info/refs?service=git-upload-pack", stack.setup.index)).await;
    for path in [
        "/info/refs/?service=git-upload-pack",
        "//info/refs?service=git-upload-pack",
        "/INFO/refs?service=git-upload-pack",
    ] {
        assert_eq!(client.get(&format!("{url}{path}")).await.expect(404).body, absent.body, "{path}");
    }
    for path in ["/git-upload-pack", "/git-upload-pack/"] {
        let _absent = client.get(&format!("{url}{path}")).await.expect(404);
    }
    stack.stop().await;
}
