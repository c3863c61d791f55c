//! The bound of a crate's index file: it grows with every version, and all processes keep it in memory for all tenants.

use super::upload::{gzip, member, tar_of};
use super::{detail, rows};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use wharf_testkit::fixture::frame;
use wharf_testkit::{Answer, CrateFixture, Stack, Token, until};

const BOUND: usize = 16 * 1024 * 1024;

/// A body that is sound but for how much it writes into the index: a little less than a mebibyte of features.
fn wide(name: &str, number: &str) -> Vec<u8> {
    let entries: Vec<String> = (0..280).map(|n| format!("f{n:0>199}")).collect();
    let feature = json!(entries).to_string();
    let (mut head, mut manifest) = (CrateFixture::new(name, number).metadata(), String::from("[features]\n"));
    for entry in &entries {
        head["features"][entry] = json!([]);
        manifest += &format!("{entry} = []\n");
    }
    for group in 0..16 {
        head["features"][format!("g{group}")] = json!(entries);
        manifest += &format!("g{group} = {feature}\n");
    }
    let manifest = format!("{}{manifest}", CrateFixture::new(name, number).manifest(""));
    let path = format!("{name}-{number}/Cargo.toml");
    let archive = gzip(&tar_of(&[member(path.as_bytes(), b'0', 0o644, manifest.as_bytes())]));
    frame(head.to_string().as_bytes(), &archive)
}

async fn publish(publisher: &Token, body: Vec<u8>) -> Answer {
    let headers = [("accept", "application/json")];
    publisher.client().send("PUT", &publisher.crates_url("/new"), &headers, Some(body)).await
}

/// The lengths of the index lines of a crate, each with its line end, in the order of publication.
async fn lengths(database: &mut PgConnection, name: &str) -> Vec<usize> {
    let lengths: Vec<i64> = sqlx::query_scalar(
        "select octet_length(line)::bigint + 1 from index_line join version using (version_id) join crate using (crate_id)
         where name = $1 order by version.published_at, number",
    )
    .bind(name)
    .fetch_all(database)
    .await
    .unwrap();
    lengths.into_iter().map(|length| usize::try_from(length).unwrap()).collect()
}

/// The refusal names the crate, how long the file would be, and the bound.
fn refused_at(answer: &Answer, name: &str, bytes: usize) {
    assert_eq!(answer.status, 409, "{}", answer.text());
    let detail = detail(answer).unwrap();
    let expected = format!("the index file of `{name}` would be {bytes} bytes long; at most {BOUND} are allowed.");
    assert!(detail.contains(&expected) && detail.contains("under another name"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_crate_outgrows_the_memory_of_all_tenants() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut database = stack.setup.database.superuser().await;
    // All of one length, so that their lines are.
    let number = |n: usize| format!("1.0.{}", 10 + n);
    let mut published = 0;
    let refused = loop {
        let before = (rows(&mut database).await, stack.setup.blob_files());
        let answer = publish(&org.owner, wide("wide", &number(published))).await;
        if answer.status != 200 {
            assert_eq!((rows(&mut database).await, stack.setup.blob_files()), before, "a refusal leaves nothing");
            break answer;
        }
        published += 1;
        assert!(published * 900_000 < BOUND, "nothing bounds the index file: {published} versions are in it");
    };
    assert!(published > 0, "{}", refused.text());
    let each = lengths(&mut database, "wide").await;
    let held: usize = each.iter().sum();
    assert!(each[0] > 900_000 && held <= BOUND, "{each:?}");
    refused_at(&refused, "wide", held + each[0]);

    // What the refusal advises works, what is published stays what it is, and other crates are not concerned.
    let small = CrateFixture::new("wide", &number(published));
    let _smaller = org.owner.publish(&small).await.expect(200);
    let _again = publish(&org.owner, wide("wide", &number(0))).await.expect(200);
    let _other = publish(&org.owner, wide("wide-too", "1.0.0")).await.expect(200);
    let index = org.owner.index("wide").await.expect(200);
    assert_eq!(index.body.len(), lengths(&mut database, "wide").await.iter().sum::<usize>());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_fit_alone_one_is_published() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let _first = org.owner.publish(&CrateFixture::new("brink", "1.0.0")).await.expect(200);
    let (mut holder, mut database) = (stack.setup.database.superuser().await, stack.setup.database.superuser().await);
    let line = lengths(&mut database, "brink").await[0];
    // Room for one more version and a half.
    let features =
        r#"update index_line set line = replace(line, '"features":{}', '"features":{"' || repeat('f', $1) || '":[]}')"#;
    let long = i32::try_from(BOUND - 2 * line - line / 2 - r#""":[]"#.len()).unwrap();
    let _filled = sqlx::query(features).bind(long).execute(&mut database).await.unwrap();
    let held = lengths(&mut database, "brink").await[0];
    assert_eq!(held, BOUND - line - line / 2);

    // Both have found room before either has taken it.
    let mut lock = holder.begin().await.unwrap();
    let _held = sqlx::query("select from crate for no key update").execute(&mut *lock).await.unwrap();
    let publishing = ["1.0.1", "1.0.2"].map(|number| {
        let publisher = org.owner.clone();
        tokio::spawn(async move { publisher.publish(&CrateFixture::new("brink", number)).await })
    });
    until("both wait for the crate", async || {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut database).await.unwrap() == 2
    })
    .await;
    lock.commit().await.unwrap();
    let mut answers = Vec::new();
    for one in publishing {
        answers.push(one.await.unwrap());
    }
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers[0].status, 200, "{}", answers[0].text());
    refused_at(&answers[1], "brink", held + 2 * line);
    assert_eq!(lengths(&mut database, "brink").await, [held, line]);
    stack.stop().await;
}
