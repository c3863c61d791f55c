//! The walls between orgs and registries, each wall alone.

use super::{entitle, publish};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use std::collections::BTreeSet;
use wharf_testkit::{CrateFixture, Org, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_opens_its_own_org_and_registry() {
    let stack = Stack::start().await;
    let (acme, globex) = (stack.org("acme").await, stack.org("globex").await);
    publish(&acme, "tool", &["1.0.0"]).await;
    let second = acme.add_registry("second", &json!({})).await;
    let _published = second.publish(&CrateFixture::new("tool", "1.0.0")).await.expect(200);
    let partner = entitle(&acme, "partner", json!({ "allow": ["*"] })).await;
    assert_eq!(partner.index("tool").await.status, 200);
    let placed = acme.member("placed", "admin", "personal", &["index:read@private", "crate:yank@private"]).await;
    assert_eq!(placed.index("tool").await.status, 200);
    let mut stranger = globex.owner.clone();
    "acme".clone_into(&mut stranger.org);
    for outside in [partner.on("second"), placed.on("second"), stranger] {
        assert_eq!(outside.index("tool").await.status, 404);
        assert_eq!(outside.client().get(&outside.index_url("config.json")).await.status, 404);
        assert_eq!(outside.download("tool", "1.0.0").await.status, 404);
        assert_eq!(outside.search("").await.status, 404);
    }
    stack.stop().await;
}

/// Everything an owner can list of an org, by address.
async fn lists(org: &Org) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for path in
        ["", "/registries", "/members", "/teams", "/tokens", "/audit?limit=100", "/registries/private/entitlements"]
    {
        let mut list = org.owner.client().get(&org.url(path)).await.expect(200).json();
        forget_use(&mut list);
        found.push((path.to_owned(), list));
    }
    found
}

/// The day of last use is written some time after the use.
fn forget_use(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget_use),
        Value::Object(members) => {
            members.remove("last_used_on");
            members.values_mut().for_each(forget_use);
        }
        _ => {}
    }
}

/// The first wall alone: with row-level security out of order, no query may be found that forgot its org.
#[tokio::test(flavor = "multi_thread")]
async fn without_row_security_every_query_still_names_its_org() {
    let stack = Stack::start().await;
    let (acme, globex) = (stack.org("acme").await, stack.org("globex").await);
    let mut ids = Vec::new();
    for org in [&acme, &globex] {
        publish(org, "tool", &["1.0.0"]).await;
        let _team = org.manage("POST", "/teams", &json!({ "slug": "core" })).await.expect(201);
        let partner = entitle(org, "partner", json!({ "allow": ["*"] })).await;
        let token = org.member("kim", "reader", "download", &["index:read@*"]).await;
        ids.push((partner.entitlement.unwrap(), token.id));
    }
    let (with, mut database) = (lists(&acme).await, stack.setup.database.superuser().await);
    let open: Vec<String> = sqlx::query_scalar(
        "select format('alter table %I disable row level security', relname) from pg_class where relrowsecurity",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    for statement in open {
        let _opened = database.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    assert_eq!(lists(&acme).await, with, "the second wall hid what the first let through");
    let (entitlement, token) = &ids[1];
    for path in [
        format!("/tokens/{token}"),
        format!("/registries/private/entitlements/{entitlement}"),
        format!("/registries/private/entitlements/{entitlement}/view"),
    ] {
        assert_eq!(globex.owner.client().get(&globex.url(&path)).await.status, 200, "{path}");
        assert_eq!(acme.owner.client().get(&acme.url(&path)).await.status, 404, "{path}");
    }
    for (method, path) in [
        ("DELETE", format!("/tokens/{token}")),
        ("POST", format!("/tokens/{token}/rotate")),
        ("PATCH", format!("/registries/private/entitlements/{entitlement}")),
        ("POST", format!("/registries/private/entitlements/{entitlement}/rotate")),
        ("POST", format!("/registries/private/entitlements/{entitlement}/disable")),
        ("DELETE", format!("/registries/private/entitlements/{entitlement}")),
    ] {
        assert_eq!(acme.manage(method, &path, &json!({})).await.status, 404, "{method} {path}");
    }
    let found = acme.owner.search("").await.expect(200).json();
    assert_eq!(found["meta"]["total"], 1);
    // People and teams of another org by name.
    let _gus = globex.member("gus", "publisher", "upload", &["index:read@*"]).await;
    let _team = globex.manage("POST", "/teams", &json!({ "slug": "gang" })).await.expect(201);
    for foreign in ["gus", "team:gang"] {
        let owners = acme.owner.crates_url("/tool/owners");
        let refused = acme.owner.client().json("PUT", &owners, &json!({ "users": [foreign] })).await;
        assert_eq!(refused.status, 400, "{foreign}: {}", refused.text());
    }
    let join = acme.manage("PUT", "/teams/core/members/gus", &json!({})).await;
    assert_eq!(join.status, 404, "{}", join.text());
    // What one org does, the other does not notice.
    let before = lists(&globex).await;
    publish(&acme, "tool", &["1.1.0"]).await;
    let yank = acme.owner.crates_url("/tool/1.0.0/yank");
    let _yanked = acme.owner.client().send("DELETE", &yank, &[], None).await.expect(200);
    let _team = acme.manage("PUT", "/teams/core/members/kim", &json!({})).await;
    let _member = acme.manage("DELETE", "/members/kim", &json!({})).await.expect(204);
    assert_eq!(lists(&globex).await, before);
    assert_eq!(globex.owner.index("tool").await.expect(200).text().lines().count(), 1);
    stack.stop().await;
}

/// Users and process ids of the connections of services.
async fn connections(stack: &Stack) -> BTreeSet<(String, i32)> {
    let all: Vec<(String, i32)> = sqlx::query_as(
        "select usename::text, pid from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
    )
    .fetch_all(&mut stack.setup.database.superuser().await)
    .await
    .unwrap();
    all.into_iter().collect()
}

/// A connection that still named an org would be closed by the pool instead of being used again.
#[tokio::test(flavor = "multi_thread")]
async fn services_use_their_own_connections_again() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    let roles = ["wharf_api", "wharf_download", "wharf_index", "wharf_worker"];
    let before = connections(&stack).await;
    for slug in ["one", "two", "three"] {
        // Committed: what a transaction sets that is rolled back is gone in any case.
        let _made = org.manage("POST", "/teams", &json!({ "slug": slug })).await.expect(201);
        let _found = org.owner.search("").await.expect(200);
    }
    let after = connections(&stack).await;
    for (user, _) in before.union(&after) {
        assert!(roles.contains(&user.as_str()), "a service is logged in as {user}");
    }
    let api = |(user, _): &&(String, i32)| user == "wharf_api";
    let gone: Vec<_> = before.iter().filter(api).filter(|one| !after.contains(*one)).collect();
    assert!(before.iter().any(|one| api(&one)), "{before:?}");
    assert!(gone.is_empty(), "closed after use: {gone:?}");
    stack.stop().await;
}
