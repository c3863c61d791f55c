//! Every rule of a publish, broken once through the whole service: refused with a text that helps, and nothing is left of
//! it, neither row nor file. And the rule above them: a published version never changes.

mod cases;
mod index_file;
mod upload;

use cases::{Case, GROUPS};
use serde_json::{Value, json};
use sqlx::PgConnection;
use upload::{NAME, VERSION, sound, with_dependency};
use wharf_testkit::{Answer, CrateFixture, Stack, Token};

async fn put(publisher: &Token, upload: &upload::Upload) -> Answer {
    let mut headers = vec![("accept", "application/json")];
    headers.extend(&upload.headers);
    publisher.client().send("PUT", &publisher.crates_url("/new"), &headers, Some(upload.body.clone())).await
}

/// Everything a publish could leave in the database.
pub(crate) async fn rows(database: &mut PgConnection) -> Vec<i64> {
    sqlx::query_scalar(
        "select array[(select count(*) from crate), (select count(*) from version), (select count(*) from index_line),
                      (select count(*) from crate_owner), (select count(*) from audit_entry), (select count(*) from outbox),
                      (select coalesce(sum(revision), 0)::bigint from crate)]",
    )
    .fetch_one(database)
    .await
    .unwrap()
}

/// The one text of a refusal in the form that cargo shows.
pub(crate) fn detail(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let detail = body["errors"][0]["detail"].as_str()?;
    (answer.header("content-type") == "application/json" && body == json!({ "errors": [{ "detail": detail }] }))
        .then(|| detail.to_owned())
}

/// Publishes a body that breaks a rule; what is wrong with the answer, or with what it left behind.
async fn judge(stack: &Stack, publisher: &Token, (rule, status, text, upload): Case) -> Result<(), String> {
    let mut database = stack.setup.database.superuser().await;
    let before = (rows(&mut database).await, stack.setup.blob_files());
    let answer = put(publisher, &upload).await;
    let said = answer.text();
    let helpful = detail(&answer).is_some_and(|detail| detail.contains(text) && !detail.contains(char::is_control));
    if answer.status != status || !helpful {
        return Err(format!("{rule}: wanted {status} {text:?}, got {} {said}", answer.status));
    }
    let after = (rows(&mut database).await, stack.setup.blob_files());
    if after == before { Ok(()) } else { Err(format!("{rule}: left {after:?} where there was {before:?}")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_is_enforced_and_leaves_nothing() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let owner = &org.owner;
    let _taken = owner.publish(&CrateFixture::new("Taken-Name", "1.0.0+first")).await.expect(200);
    let mut broken = Vec::new();
    for case in GROUPS.iter().flat_map(|group| group()) {
        broken.extend(judge(&stack, owner, case).await.err());
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // What all of them were made of is sound: each was refused for its own rule.
    assert_eq!(owner.index(NAME).await.status, 404);
    let published = put(owner, &sound().into()).await.expect(200);
    assert_eq!(published.json()["warnings"]["other"], json!([]));
    assert_eq!(owner.index(NAME).await.expect(200).text().lines().count(), 1);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_sets_its_own_rules() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let other = "sparse+https://other.example/index/";
    let closed = org
        .add_registry(
            "closed",
            &json!({ "crates_io_allowed": false, "allowed_registries": [other], "max_crate_bytes": 1024 }),
        )
        .await;
    let in_toml = format!("registry-index = \"{other}\"\n");
    let padded: Vec<u8> = (0..2000_u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    let large = upload::with_members(&[upload::member(b"sound-1.0.0/noise", b'0', 0o644, &padded)]);
    let from_crates_io = with_dependency("dep", crates_io(), "");
    judge(&stack, &closed, ("crates.io", 400, "comes from crates.io", from_crates_io)).await.unwrap();
    judge(&stack, &closed, ("a lower limit", 413, "more than the 1024 allowed", large.into())).await.unwrap();
    let _allowed = put(&closed, &with_dependency("dep", other, &in_toml)).await.expect(200);

    // The registry beside it has the usual rules, with the same crate.
    let refused = with_dependency("dep", other, &in_toml);
    judge(&stack, &org.owner, ("not on this list", 400, "comes from the registry", refused)).await.unwrap();
    let _allowed = put(&org.owner, &with_dependency("dep", crates_io(), "")).await.expect(200);
    stack.stop().await;
}

/// The address by which cargo's publish requests speak of crates.io.
fn crates_io() -> &'static str {
    crates_index::git::URL
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_version_never_changes() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let owner = &org.owner;
    let reader = org.token("owner", "download", &["index:read@*"]).await;
    let first = CrateFixture::new("stone", "1.0.0");
    let other = first.clone().salt("other");
    let _published = owner.publish(&first).await.expect(200);
    let mut database = stack.setup.database.superuser().await;
    let blobs = stack.setup.blob_files();

    let url = owner.crates_url("/stone/1.0.0");
    for (method, step, yanked) in
        [("", "", false), ("DELETE", "/yank", true), ("PUT", "/unyank", false), ("DELETE", "/yank", true)]
    {
        if !step.is_empty() {
            let _done = owner.client().send(method, &format!("{url}{step}"), &[], None).await.expect(200);
        }
        let before = entries(&mut database).await;
        for _ in 0..2 {
            let refused = owner.publish(&other).await.expect(409);
            assert!(detail(&refused).unwrap().contains("stone@1.0.0 is already published with other contents"));
            let _same = owner.publish(&first).await.expect(200);
        }
        assert_eq!(entries(&mut database).await, before, "an answer to a repetition is no act");
        let line: Value = serde_json::from_str(owner.index("stone").await.expect(200).text().trim()).unwrap();
        assert_eq!(
            (line["cksum"].as_str().unwrap(), &line["yanked"]),
            (&*first.cksum(&owner.sparse()), &json!(yanked))
        );
        assert_eq!(owner.download("stone", "1.0.0").await.expect(200).body, first.archive(&owner.sparse()));
        assert_eq!(stack.setup.blob_files(), blobs, "refused bytes are not kept");
    }
    // The same bytes are a success for those alone who may publish them.
    assert_eq!(reader.publish(&first).await.status, 403);
    stack.stop().await;
}

/// How many versions and audit entries there are.
async fn entries(database: &mut PgConnection) -> (i64, i64) {
    sqlx::query_as("select (select count(*) from version), (select count(*) from audit_entry)")
        .fetch_one(database)
        .await
        .unwrap()
}

#[test]
fn the_cases_are_about_one_crate() {
    let head = upload::head();
    assert_eq!((head["name"].as_str().unwrap(), head["vers"].as_str().unwrap()), (NAME, VERSION));
    assert_eq!(upload::ROOT, format!("{NAME}-{VERSION}"));
}
