//! Requests that no git sends, and clients that do not read: a clear end, and nobody else notices.

use crate::crates::{publish, slim};
use crate::wire::{fetch, fetched, head, lines, objects, post, refs};
use flate2::Compression;
use flate2::write::GzEncoder;
use sqlx::PgConnection;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use wharf_git_wire::{ObjectId, Protocol};
use wharf_testkit::chance::{Chance, runs, seeds};
use wharf_testkit::{Stack, Token};

const GZIP: (&str, &str) = ("content-encoding", "gzip");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_and_oversized_requests_end_clearly() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org.owner, &slim("partner-core", "1.0.0")).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let client = partner.client();
    let commit = head(&partner).await;
    let never = ObjectId::new([7; 20]);
    for protocol in [Protocol::V0, Protocol::V2] {
        let whole = fetch(protocol, commit, &[never; 3]);
        let answered = post(&client, &partner, protocol, &[], whole.clone()).await.expect(200);
        // Cut anywhere: an answer, or a refusal, never an error of ours.
        for cut in 1..whole.len() {
            let answer = post(&client, &partner, protocol, &[], whole[..cut].to_vec()).await;
            assert!(
                matches!(answer.status, 200 | 400),
                "{protocol:?} cut at {cut}: {} {}",
                answer.status,
                answer.text()
            );
        }
        // As git sends what is long.
        let zipped = post(&client, &partner, protocol, &[GZIP], gzip(&whole)).await.expect(200);
        assert!(zipped.body == answered.body);
        for (body, headers, status) in [
            (b"ffff".to_vec(), &[][..], 400),
            ([b"ffff".to_vec(), vec![b'a'; 65_531]].concat(), &[], 400),
            (b"0003".to_vec(), &[], 400),
            (b"zzzz".to_vec(), &[], 400),
            (b"no gzip".to_vec(), &[GZIP], 400),
            (gzip(&whole)[..20].to_vec(), &[GZIP], 400),
            (whole.clone(), &[("content-encoding", "br")], 400),
            // A bomb: sixty-four megabytes in sixty-four kilobytes, and one that never stops being lines.
            (gzip(&vec![0; 64 << 20]), &[GZIP], 413),
            (gzip(&b"0032have 0707070707070707070707070707070707070707\n".repeat(400_000)), &[GZIP], 413),
            (vec![b'0'; 1_100_000], &[], 413),
        ] {
            let started = Instant::now();
            let answer = post(&client, &partner, protocol, headers, body).await;
            assert_eq!(answer.status, status, "{protocol:?}: {}", answer.text());
            assert!(started.elapsed() < Duration::from_secs(10));
        }
        // A hundred thousand haves do not fit; as many as fit are more than are taken.
        let many = |count: usize| {
            let haves: Vec<ObjectId> = (0..count)
                .map(|number| {
                    let mut id = [0; 20];
                    id[..8].copy_from_slice(&number.to_be_bytes());
                    ObjectId::new(id)
                })
                .collect();
            gzip(&fetch(protocol, commit, &haves))
        };
        let _too_large = post(&client, &partner, protocol, &[GZIP], many(100_000)).await.expect(413);
        let refused = post(&client, &partner, protocol, &[GZIP], many(33_000)).await.expect(200).text();
        assert!(refused.contains("ERR upload-pack: the request names too many objects"), "{refused}");
        let taken = post(&client, &partner, protocol, &[GZIP], many(32_000)).await.expect(200);
        assert_eq!(objects(&taken), objects(&answered), "none of them known");
    }
    let url = format!("{}/git-upload-pack", crate::checkout::git_url(&partner));
    let _no_type =
        client.send("POST", &url, &[("content-type", "text/plain")], Some(b"0000".to_vec())).await.expect(400);
    let shouted = lines(&["command=bundle-uri".to_owned(), "0000".to_owned()]);
    let answer = post(&client, &partner, Protocol::V2, &[], shouted).await.expect(200).text();
    assert!(answer.contains("ERR upload-pack: this command is not served"), "{answer}");
    for body in [Vec::new(), b"0000".to_vec()] {
        for protocol in [Protocol::V0, Protocol::V2] {
            assert!(post(&client, &partner, protocol, &[], body.clone()).await.expect(200).body.is_empty());
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_get_an_answer() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let (client, commit) = (partner.client(), head(&partner).await);
    for seed in seeds("random requests", runs(1, 4)) {
        let rng = &mut Chance::new(seed);
        for _ in 0..300 {
            let protocol = *rng.pick(&[Protocol::V0, Protocol::V2]);
            let mut body = fetch(protocol, commit, &[ObjectId::new([7; 20])]);
            for _ in 0..rng.within(1, 6) {
                let at = rng.below(body.len());
                match rng.below(3) {
                    0 => body[at] = u8::try_from(rng.below(256)).unwrap(),
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, *rng.pick(b"0123f\n want")),
                }
            }
            let answer = post(&client, &partner, protocol, &[], body.clone()).await;
            let about = || format!("WHARF_SEED={seed}: {}", String::from_utf8_lossy(&body));
            assert!(matches!(answer.status, 200 | 400), "{}: {}", about(), answer.status);
        }
    }
    stack.stop().await;
}

/// In every org crates whose index files make a pack of more than twenty megabytes, straight into the database.
async fn fill(database: &mut PgConnection) {
    sqlx::raw_sql(
        "with place as (select r.org_id, r.registry_id from registry r where r.slug = 'private'),
         made as (
             insert into crate (org_id, registry_id, crate_id, name, canonical, created_at)
             select org_id, registry_id, md5(org_id::text || n)::uuid, 'large-' || n, 'large-' || n, now()
             from place, generate_series(1, 5000) n returning org_id, crate_id, name),
         released as (
             insert into version (org_id, crate_id, version_id, number, identity, cksum, size_bytes, metadata,
                                  published_at, published_by_token)
             select org_id, crate_id, crate_id, '1.0.0', '1.0.0', decode(repeat('ab', 32), 'hex'), 1, '{}',
                    '2026-01-01T00:00:00Z', crate_id from made)
         insert into index_line (org_id, version_id, line)
         select org_id, crate_id, '{\"name\":\"' || name || '\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"'
             || (select string_agg(md5(name || i), '') from generate_series(1, 250) i)
             || '\",\"features\":{},\"yanked\":false}' from made",
    )
    .execute(database)
    .await
    .unwrap();
}

/// Asks for a pack over a connection with little room, and reads no more than the head of the answer.
async fn stall(token: &Token, index: &str, want: ObjectId) -> TcpStream {
    let address = index.trim_start_matches("http://").parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let body = fetch(Protocol::V2, want, &[]);
    let head = format!(
        "POST /{}/private/git-upload-pack HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\ngit-protocol: version=2\r\n\
         content-type: application/x-git-upload-pack-request\r\ncontent-length: {}\r\n\r\n",
        token.org,
        index.trim_start_matches("http://"),
        token.secret,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    stream
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Places for large packs: in all, for one org, for one reader.
fn places() -> [usize; 3] {
    let all = std::thread::available_parallelism().unwrap().get() * 16;
    [all, all / 2, all / 4]
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_hold_nobody_up() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    fill(&mut stack.setup.database.superuser().await).await;
    let reader = org.partner("reader", &["large-*"]).await;
    let patient = org.partner("patient", &["large-*"]).await;
    let want = head(&reader).await;
    assert_eq!(head(&patient).await, want);
    let whole = fetched(&reader, Protocol::V2, want, &[]).await;
    assert!(whole.body.len() > 20 << 20, "{} bytes", whole.body.len());
    let before = resident_kib();
    let [_, _, of_reader] = places();
    let mut slow = Vec::new();
    for token in [&reader, &patient] {
        for _ in 1..of_reader {
            slow.push(stall(token, &stack.setup.index, want).await);
        }
    }
    let _offered = refs(&reader.client(), &reader, Protocol::V2).await.expect(200);
    let again = fetched(&reader, Protocol::V0, want, &[]).await;
    assert_eq!(objects(&again), objects(&whole));
    drop(again);
    let grown = resident_kib().saturating_sub(before);
    // Each of them would take twenty megabytes if packs were made before they are taken.
    let readers = slow.len() as u64;
    assert!(grown < readers * (10 << 10), "{grown} KiB for {readers} readers that do not read");
    // Whoever begins to read gets what was promised.
    let mut reading = slow.pop().unwrap();
    let mut rest = Vec::new();
    let mut piece = vec![0; 1 << 16];
    while !rest.ends_with(b"0000\r\n0\r\n\r\n") {
        let read = reading.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "cut off after {} bytes", rest.len());
        rest.extend_from_slice(&piece[..read]);
    }
    assert!(rest.len() > whole.body.len());
    stack.stop().await;
}

/// As many large packs as one reader, one org and all may take, by clients that never read them: others are served until
/// there is no place at all, each is told why it is not, and those who go away make room.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_the_places_of_others() {
    // Clients that read nothing stay for as long as the test takes.
    let stack = Stack::builder().limit("write_stall_s", 600).start().await;
    let (acme, bolt, cogs) = (stack.org("acme").await, stack.org("bolt").await, stack.org("cogs").await);
    fill(&mut stack.setup.database.superuser().await).await;
    let [one, two, three] = ["one", "two", "three"].map(|name| acme.partner(name, &["large-*"]));
    let (one, two, three) = (one.await, two.await, three.await);
    let (other, another) = (bolt.partner("other", &["large-*"]).await, bolt.partner("another", &["large-*"]).await);
    let (last, few) = (cogs.partner("last", &["large-*"]).await, cogs.partner("few", &["large-1"]).await);
    let ask = async |token: &Token| {
        let want = head(token).await;
        let answer = post(&token.client(), token, Protocol::V2, &[], fetch(Protocol::V2, want, &[])).await;
        if answer.status == 200 { format!("{} objects", objects(&answer)) } else { answer.text() }
    };
    let whole = ask(&last).await;
    let [all, _, of_reader] = places();
    let mut slow = Vec::new();
    for (token, served) in [(&one, [&two, &other]), (&two, [&other, &last]), (&other, [&another, &last])] {
        let want = head(token).await;
        for _ in 0..of_reader {
            slow.push(stall(token, &stack.setup.index, want).await);
        }
        for token in served {
            assert_eq!(ask(token).await, whole, "{} of {}", slow.len(), all);
        }
    }
    let want = head(&another).await;
    while slow.len() < all {
        slow.push(stall(&another, &stack.setup.index, want).await);
    }
    // Whoever wants little waits for nobody.
    let (of_reader, of_org, of_all, few) = tokio::join!(ask(&one), ask(&three), ask(&last), ask(&few));
    assert!(
        of_reader.contains("for this entitlement or token") && of_reader.contains("let one of them end"),
        "{of_reader}"
    );
    assert!(of_org.contains("of this org: fetch again when"), "{of_org}");
    assert!(of_all.contains("try again in a moment"), "{of_all}");
    assert_eq!(few, "6 objects");
    drop(slow);
    for token in [&one, &three, &last] {
        assert_eq!(ask(token).await, whole);
    }
    stack.stop().await;
}
