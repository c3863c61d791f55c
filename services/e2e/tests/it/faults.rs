//! What is promised when something is away: Redis, the database, the crate files. Each comes back by itself, and nothing
//! was changed by a request that was refused meanwhile.

pub(crate) mod redis;

use redis::RedisServer;
use serde_json::json;
use sqlx::Executor;
use std::time::{Duration, Instant};
use wharf_domain::{Token as Secret, TokenKind};
use wharf_testkit::stack::RedisKind;
use wharf_testkit::{Answer, Client, CrateFixture, Org, Stack, Token, until};

/// The same token with another secret.
fn with_secret(token: &Token, secret: &str) -> Token {
    let mut token = token.clone();
    secret.clone_into(&mut token.secret);
    token
}

/// A token of the right form that nobody issued.
fn unknown(stack: &Stack, like: &Token) -> Token {
    let secret = Secret::generate(TokenKind::Download, &*stack.ambient.entropy);
    with_secret(like, secret.secret().expose())
}

/// What a token is answered by both index and both download replicas, and by the cargo web API.
async fn everywhere(token: &Token, name: &str) -> Vec<u16> {
    vec![
        token.index(name).await.status,
        token.index(name).await.status,
        token.client().get(&token.download_url(name, "1.0.0")).await.status,
        token.client().get(&token.download_url(name, "1.0.0")).await.status,
        token.search(name).await.status,
    ]
}

const SEEN: [u16; 5] = [200, 200, 302, 302, 200];
const REFUSED: [u16; 5] = [401, 401, 401, 401, 403];

/// One round of everything; its answers must not depend on what Redis is doing.
async fn round(org: &Org, number: &str, bound: Duration) -> Vec<Answer> {
    let index = org.owner.sparse();
    let krate = CrateFixture::new(&format!("round-{number}"), "1.0.0");
    let _published = org.owner.publish(&krate).await.expect(200);
    assert_eq!(everywhere(&org.owner, &krate.name).await, SEEN, "{number}: visible at once, everywhere");
    assert_eq!(org.owner.download(&krate.name, "1.0.0").await.expect(200).body, krate.archive(&index));

    let partner = org.partner(&format!("partner of {number}"), &["stable"]).await;
    assert_eq!(everywhere(&partner, "stable").await, SEEN, "{number}");
    assert_eq!(partner.index(&krate.name).await.status, 404, "{number}");
    let path = format!("/registries/private/entitlements/{}", partner.entitlement.as_deref().unwrap());
    let start = Instant::now();
    let _disabled = org.manage("POST", &format!("{path}/disable"), &json!({})).await.expect(200);
    assert_eq!(everywhere(&partner, "stable").await, REFUSED, "{number}: refused at once, everywhere");
    assert!(start.elapsed() < bound, "{number}: {:?}", start.elapsed());

    let reader = org.token("owner", "download", &["index:read@private"]).await;
    assert_eq!(everywhere(&reader, "stable").await, SEEN, "{number}");
    let start = Instant::now();
    let _revoked = org.manage("DELETE", &format!("/tokens/{}", reader.id), &json!({})).await.expect(204);
    assert_eq!(everywhere(&reader, "stable").await, REFUSED, "{number}: refused at once, everywhere");
    assert!(start.elapsed() < bound, "{number}: {:?}", start.elapsed());

    vec![org.owner.index("stable").await, org.owner.search("stable").await, org.owner.index("never").await]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nothing_changes_but_speed() {
    let mut redis = RedisServer::start();
    let stack = Stack::builder().indexes(2).downloads(2).redis(RedisKind::At(redis.url())).start().await;
    let org = stack.org("acme").await;
    let _published = org.owner.publish(&CrateFixture::new("stable", "1.0.0")).await.expect(200);
    let (with, without) = (Duration::from_secs(1), Duration::from_secs(3));

    let expected = round(&org, "up", with).await;
    let observed = |answers: Vec<Answer>| answers.iter().map(Answer::observed).collect::<Vec<_>>();
    let expected = observed(expected);
    redis.wipe();
    assert_eq!(observed(round(&org, "wiped", with).await), expected);
    redis.kill();
    assert_eq!(observed(round(&org, "stopped", without).await), expected);
    redis.run();
    assert_eq!(observed(round(&org, "back", without).await), expected);
    until("wake-ups flow again", async || {
        let metrics = Client::anonymous().get(&format!("{}/metrics", stack.setup.internal)).await.expect(200).text();
        metrics.lines().any(|line| line == "wharf_api_redis_up 1")
    })
    .await;
    redis.wipe();
    assert_eq!(observed(round(&org, "good", with).await), expected);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_what_is_known_is_served_for_a_while() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let index = org.owner.sparse();
    let (first, second) = (CrateFixture::new("known", "1.0.0"), CrateFixture::new("known", "1.1.0"));
    let _published = org.owner.publish(&first).await.expect(200);
    let ready = format!("{}/readyz", stack.setup.internal);
    let partner = org.partner("partner", &["known"]).await;
    let stranger = unknown(&stack, &partner);
    let warm = partner.index("known").await.expect(200);
    let _warm = partner.download("known", "1.0.0").await.expect(200);
    let _warm = org.owner.search("known").await.expect(200);

    stack.setup.database.take_down().await;
    assert_eq!(partner.index("known").await.observed(), warm.observed());
    let etag = [("if-none-match", warm.header("etag"))];
    let url = partner.index_url(&Token::index_path("known"));
    assert_eq!(partner.client().send("GET", &url, &etag, None).await.status, 304);
    assert_eq!(partner.download("known", "1.0.0").await.expect(200).body, first.archive(&index));
    assert_eq!(partner.index("unknown").await.status, 404);

    // Not known is not refused: 401 would make clients throw their token away.
    for refused in [
        stranger.index("known").await,
        stranger.client().get(&stranger.download_url("known", "1.0.0")).await,
        stranger.search("known").await,
        org.owner.publish(&second).await,
        org.owner.client().get(&org.url("/registries")).await,
    ] {
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(refused.text().contains("try again in a moment"), "{}", refused.text());
        assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    assert_eq!(org.owner.publish(&second).await.json()["errors"].as_array().unwrap().len(), 1);
    let misread = with_secret(&partner, "not a token");
    assert_eq!(misread.index("known").await.status, 401, "no database is needed to see that this is none");
    until("the process says that it is not ready", async || Client::anonymous().get(&ready).await.status == 503).await;
    // A credential is believed for ten seconds without word from the database, then no longer.
    // Each service looked it up for itself.
    until("what was known is no longer believed", async || {
        let index = partner.index("known").await.status;
        let download = partner.client().get(&partner.download_url("known", "1.0.0")).await.status;
        assert!([200, 503].contains(&index) && [302, 503].contains(&download), "{index} {download}");
        (index, download) == (503, 503)
    })
    .await;

    stack.setup.database.bring_up().await;
    until("the process is ready again", async || Client::anonymous().get(&ready).await.status == 200).await;
    assert_eq!(stranger.index("known").await.status, 401);
    assert_eq!(partner.index("known").await.observed(), warm.observed());
    let _published = org.owner.publish(&second).await.expect(200);
    assert!(partner.index("known").await.expect(200).text().contains(&second.cksum(&index)));
    assert_eq!(partner.download("known", "1.1.0").await.expect(200).body, second.archive(&index));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_cut_off_from_the_database_serves_what_it_knows_and_catches_up() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let index = org.owner.sparse();
    let (old, new) = (CrateFixture::new("slow", "1.0.0"), CrateFixture::new("slow", "1.1.0"));
    let _published = org.owner.publish(&old).await.expect(200);
    let before = org.owner.index("slow").await.expect(200);
    let mut superuser = stack.setup.database.superuser().await;

    // The index service alone may not connect any more.
    let _cut = superuser
        .execute(
            "do $$ begin
                 execute format('revoke connect on database %I from public', current_database());
                 execute format('grant connect on database %I to wharf_api, wharf_download', current_database());
                 perform pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and usename = 'wharf_index';
             end $$",
        )
        .await
        .unwrap();
    let _published = org.owner.publish(&new).await.expect(200);
    assert_eq!(org.owner.download("slow", "1.1.0").await.expect(200).body, new.archive(&index));
    assert_eq!(org.owner.index("slow").await.observed(), before.observed(), "served from memory");

    let _back = superuser
        .execute("do $$ begin execute format('grant connect on database %I to public', current_database()); end $$")
        .await
        .unwrap();
    until("the index has caught up with what it missed", async || {
        org.owner.index("slow").await.expect(200).text().contains(&new.cksum(&index))
    })
    .await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_crate_files_nothing_is_published_and_all_else_goes_on() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let index = org.owner.sparse();
    let (kept, refused) = (CrateFixture::new("kept", "1.0.0"), CrateFixture::new("refused", "1.0.0"));
    let _published = org.owner.publish(&kept).await.expect(200);
    let ticket = org.owner.client().get(&org.owner.download_url("kept", "1.0.0")).await.expect(302);
    let ticket = ticket.header("location").to_owned();
    let (blobs, away) = (stack.setup.directory.path().join("blobs"), stack.setup.directory.path().join("away"));
    let rows = "select array[(select count(*) from crate), (select count(*) from version),
                             (select count(*) from audit_entry), (select count(*) from outbox)]";
    let mut database = stack.setup.database.superuser().await;
    let before: Vec<i64> = sqlx::query_scalar(rows).fetch_one(&mut database).await.unwrap();

    // The disk is gone; then something else lies in its place.
    for instead in [false, true] {
        std::fs::rename(&blobs, &away).unwrap();
        if instead {
            std::fs::write(&blobs, "not a directory").unwrap();
        }
        let answer = org.owner.publish(&refused).await.expect(503);
        assert!(answer.json()["errors"][0]["detail"].as_str().unwrap().contains("nothing was changed"));
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(sqlx::query_scalar::<_, Vec<i64>>(rows).fetch_one(&mut database).await.unwrap(), before);
        let _decision = org.owner.client().get(&org.owner.download_url("kept", "1.0.0")).await.expect(302);
        for method in ["GET", "HEAD"] {
            let answer = Client::anonymous().send(method, &ticket, &[], None).await.expect(503);
            assert!(!answer.header("retry-after").is_empty());
        }
        let _listed = org.owner.index("kept").await.expect(200);
        assert_eq!(org.owner.index("refused").await.status, 404);
        if instead {
            std::fs::remove_file(&blobs).unwrap();
        }
        assert!(!blobs.exists(), "nothing is made in place of the disk: what it took would be lost");
        std::fs::rename(&away, &blobs).unwrap();
    }
    assert_eq!(Client::anonymous().get(&ticket).await.expect(200).body, kept.archive(&index));
    let _published = org.owner.publish(&refused).await.expect(200);
    assert_eq!(org.owner.download("refused", "1.0.0").await.expect(200).body, refused.archive(&index));
    stack.stop().await;
}
