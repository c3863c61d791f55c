//! Managing an org over JSON: what is asked for once is done once, what is given is never more than one has, and what is
//! taken away is gone.

use serde_json::{Value, json};
use wharf_testkit::http::{Answer, Client};
use wharf_testkit::{Org, Stack};

async fn create(org: &Org, client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    client.send("POST", &org.url(path), &headers, Some(body.to_string().into_bytes())).await
}

fn code(answer: Answer, status: u16) -> String {
    answer.expect(status).json()["code"].as_str().unwrap().to_owned()
}

async fn works(org: &Org, secret: &str) -> bool {
    let whoami = org.url("").replace(&format!("/orgs/{}", org.slug), "/whoami");
    match Client::with(secret).get(&whoami).await.status {
        200 => true,
        401 => false,
        other => panic!("whoami answered {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_sent_again_is_done_once() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let owner = org.owner.client();
    let wanted = json!({ "kind": "upload", "name": "ci" });

    let first = create(&org, &owner, "/tokens", "key-1", &wanted).await.expect(201);
    let again = create(&org, &owner, "/tokens", "key-1", &wanted).await.expect(201);
    assert_eq!(first.json(), again.json(), "the secret included");
    assert!(works(&org, first.json()["secret"].as_str().unwrap()).await);
    let other = json!({ "kind": "upload", "name": "other" });
    assert_eq!(code(create(&org, &owner, "/tokens", "key-1", &other).await, 409), "idempotency_conflict");
    assert_eq!(
        code(create(&org, &owner, "/registries", "key-1", &json!({ "slug": "two" })).await, 409),
        "idempotency_conflict"
    );
    assert_eq!(code(create(&org, &owner, "/tokens", "a key", &wanted).await, 400), "idempotency_key_invalid");
    // The same key of another token is another key.
    let admin = org.member("ada", "admin", "personal", &["token:write@*", "index:read@*"]).await;
    let download = json!({ "kind": "download", "name": "ci" });
    let others = create(&org, &admin.client(), "/tokens", "key-1", &download).await.expect(201);
    assert_ne!(others.json()["secret"], first.json()["secret"]);

    let racing: Vec<_> = (0..8)
        .map(|_| {
            let (org, owner) = (org.clone(), owner.clone());
            tokio::spawn(async move { create(&org, &owner, "/teams", "key-2", &json!({ "slug": "core" })).await })
        })
        .collect();
    let mut made = Vec::new();
    for answer in racing {
        let answer = answer.await.unwrap();
        match answer.status {
            201 => made.push(answer.json()),
            409 => assert_eq!(code(answer, 409), "in_progress"),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(!made.is_empty() && made.iter().all(|team| team == &made[0]));
    let teams = owner.get(&org.url("/teams")).await.expect(200).json();
    assert_eq!(teams["items"].as_array().unwrap().len(), 1);
    let acts = owner.get(&org.url("/audit?action=team.")).await.expect(200).json();
    assert_eq!(acts["items"].as_array().unwrap().len(), 1, "one act, one entry");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_give_no_more_than_they_have_and_end_when_told() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let narrow = org.member("pat", "publisher", "personal", &["crate:publish@private/acme-*", "token:write@*"]).await;
    let issue = async |scopes: &[&str]| {
        let body = json!({ "kind": "upload", "name": "ci", "scopes": scopes });
        narrow.client().json("POST", &org.url("/tokens"), &body).await
    };
    assert_eq!(code(issue(&["crate:publish@*"]).await, 403), "forbidden");
    assert_eq!(code(issue(&["crate:yank@private/acme-core"]).await, 403), "forbidden");
    assert_eq!(code(issue(&["nonsense"]).await, 400), "scope_invalid");
    let made = issue(&["crate:publish@private/acme-core"]).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let made = made.json();
    let upload = made["secret"].as_str().unwrap();
    // An upload token sees no management, and says so like a thing that never was.
    let hidden = Client::with(upload).get(&org.url("/tokens")).await;
    let absent = Client::with(upload).get(&org.url("x/tokens")).await;
    assert_eq!(hidden.status, 404);
    assert_eq!(hidden.observed(), absent.observed());

    // Each sees its own tokens; the owner sees all.
    let count = async |client: Client| {
        client.get(&org.url("/tokens")).await.expect(200).json()["items"].as_array().unwrap().len()
    };
    assert_eq!(count(narrow.client()).await, 2);
    assert_eq!(count(org.owner.client()).await, 3);
    let owners = org.owner.id.clone();
    assert_eq!(narrow.client().get(&org.url(&format!("/tokens/{owners}"))).await.status, 404);
    let theft = narrow.client().json("POST", &org.url(&format!("/tokens/{owners}/rotate")), &json!({})).await;
    assert_eq!(theft.status, 404);
    let persons = org.url(&format!("/tokens/{}/rotate", narrow.id));
    assert_eq!(org.owner.client().json("POST", &persons, &json!({})).await.status, 403, "another person's secret");

    let one = format!("/tokens/{}", made["token"]["id"].as_str().unwrap());
    let rotate = org.url(&format!("{one}/rotate"));
    let rotated = narrow.client().json("POST", &rotate, &json!({ "overlap_s": 60 })).await.expect(201).json();
    let new = rotated["secret"].as_str().unwrap();
    assert!(works(&org, upload).await && works(&org, new).await);
    stack.advance(std::time::Duration::from_secs(61)).await;
    assert!(!works(&org, upload).await && works(&org, new).await);
    let gone = org.url(&format!("/tokens/{}", rotated["token"]["id"].as_str().unwrap()));
    for _ in 0..2 {
        assert_eq!(narrow.client().send("DELETE", &gone, &[], None).await.status, 204);
        assert!(!works(&org, new).await);
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_bind_at_once_and_the_last_owner_stays() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let admin = org.member("ada", "admin", "personal", &["member:write@*", "token:write@*", "index:read@*"]).await;
    let person = json!({ "email": "Grace@Example.com", "login": "grace", "role": "owner" });
    assert_eq!(admin.client().json("POST", &org.url("/members"), &person).await.status, 403);
    let robot = json!({ "kind": "service", "login": "robot", "role": "reader" });
    let _made = admin.client().json("POST", &org.url("/members"), &robot).await.expect(201);
    let wanted = json!({ "kind": "service", "name": "bot", "member": "robot", "scopes": ["index:read@*"] });
    let bot = admin.client().json("POST", &org.url("/tokens"), &wanted).await.expect(201).json();
    let bot = bot["secret"].as_str().unwrap().to_owned();
    let registries = async || {
        let list = Client::with(&bot).get(&org.url("/registries")).await.expect(200).json();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(registries().await, 1);
    let robot = org.url("/members/robot");
    let _changed = admin.client().json("PATCH", &robot, &json!({ "role": "auditor" })).await.expect(200);
    assert_eq!(registries().await, 0, "an auditor sees no registry");
    assert_eq!(admin.client().send("DELETE", &robot, &[], None).await.status, 204);
    assert!(!works(&org, &bot).await);

    let made = org.manage("POST", "/members", &person).await.expect(201).json();
    assert_eq!(made["email"], "grace@example.com");
    assert_eq!(code(org.manage("POST", "/members", &person).await, 409), "member_exists");
    let namesake = json!({ "email": "other@example.com", "login": "grace", "role": "reader" });
    assert_eq!(code(org.manage("POST", "/members", &namesake).await, 409), "login_taken");
    assert_eq!(admin.client().send("DELETE", &org.url("/members/grace"), &[], None).await.status, 403);
    let demote = json!({ "role": "reader" });
    let _gone = org.owner.client().send("DELETE", &org.url("/members/grace"), &[], None).await.expect(204);
    assert_eq!(code(org.manage("PATCH", "/members/owner", &demote).await, 409), "last_owner");

    let _team = org.manage("POST", "/teams", &json!({ "slug": "core" })).await.expect(201);
    let _seat = org.manage("PUT", "/teams/core/members/ada", &json!({})).await.expect(204);
    let teams = org.owner.client().get(&org.url("/teams")).await.expect(200).json();
    assert_eq!(teams["items"][0]["members"], json!(["ada"]));
    assert_eq!(org.owner.client().send("DELETE", &org.url("/teams/core/members/nobody"), &[], None).await.status, 404);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registries_are_set_and_pages_follow_each_other() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let stranger = stack.org("other").await;
    for slug in ["r1", "r2", "r3"] {
        stack.advance(std::time::Duration::from_secs(1)).await;
        let _made = org.add_registry(slug, &json!({})).await;
    }
    let mut slugs = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = org.owner.client().get(&org.url(&format!("/registries?limit=2{cursor}"))).await.expect(200).json();
        slugs.extend(page["items"].as_array().unwrap().iter().map(|item| item["slug"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        let elsewhere = org.owner.client().get(&org.url(&format!("/members?cursor={next}"))).await;
        assert_eq!(code(elsewhere, 400), "cursor_invalid");
    }
    assert_eq!(slugs, ["private", "r1", "r2", "r3"]);
    for bad in ["limit=0", "limit=101", "limit=x", "cursor=x", "colour=red"] {
        assert_eq!(org.owner.client().get(&org.url(&format!("/registries?{bad}"))).await.status, 400, "{bad}");
    }

    stack.advance(std::time::Duration::from_secs(1)).await;
    let change = json!({ "visibility": "public", "allowed_registries": ["sparse+https://index.example.com/x/"] });
    let set = org.manage("PATCH", "/registries/r1", &change).await.expect(200).json();
    assert_eq!((&set["visibility"], &set["crates_io_allowed"]), (&json!("public"), &json!(true)));
    let bad = json!({ "allowed_registries": ["https://user:secret@example.com/"] });
    assert_eq!(code(org.manage("PATCH", "/registries/r1", &bad).await, 400), "allowed_registry_invalid");
    assert_eq!(code(org.manage("PATCH", "/registries/r1", &json!({ "color": 1 })).await, 400), "body_invalid");
    assert_eq!(code(org.manage("POST", "/registries", &json!({ "slug": "r1" })).await, 409), "slug_taken");
    assert_eq!(code(org.manage("POST", "/registries", &json!({ "slug": "R1" })).await, 400), "slug_invalid");

    // Another org is absent, whether it is there or not.
    for path in ["", "/registries", "/registries/private", "/members", "/teams", "/tokens", "/audit"] {
        let hidden = stranger.owner.client().get(&org.url(path)).await;
        let absent = stranger.owner.client().get(&org.url(path).replace("/acme", "/nowhere")).await;
        assert_eq!(hidden.status, 404, "{path}");
        assert_eq!(hidden.observed(), absent.observed(), "{path}");
    }
    let acts = org.owner.client().get(&org.url("/audit?action=registry.&limit=1")).await.expect(200).json();
    assert_eq!(acts["items"][0]["action"], "registry.update");
    assert_eq!(acts["items"][0]["detail"]["before"]["visibility"], "private");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_is_founded_once_by_those_who_may() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let orgs = org.url("").replace("/acme", "");
    let wanted = json!({ "slug": "second", "name": "The second" });
    let found = async |client: &Client, body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "found-1")];
        client.send("POST", &orgs, &headers, Some(body.to_string().into_bytes())).await
    };
    let admin = org.member("ada", "admin", "personal", &["token:write@*"]).await;
    assert_eq!(found(&admin.client(), &wanted).await.status, 403, "an account that may not");
    let owner = org.owner.client();
    let first = found(&owner, &wanted).await.expect(201).json();
    assert_eq!(found(&owner, &wanted).await.expect(201).json(), first);
    assert_eq!(code(found(&owner, &json!({ "slug": "third" })).await, 409), "idempotency_conflict");
    assert_eq!(code(owner.json("POST", &orgs, &wanted).await, 409), "slug_taken");
    let fresh = Client::with(first["token"]["secret"].as_str().unwrap());
    assert_eq!(fresh.get(&format!("{orgs}/second")).await.expect(200).json()["name"], "The second");
    assert_eq!(fresh.get(&org.url("")).await.status, 404);
    assert_eq!(owner.get(&format!("{orgs}/second")).await.status, 404, "each token belongs to one org");
    let acts = fresh.get(&format!("{orgs}/second/audit")).await.expect(200).json();
    assert_eq!(acts["items"][0]["action"], "org.create");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_invited_with_their_first_token_and_no_other() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let owner = org.owner.client();
    let person = json!({ "login": "ben", "email": "ben@acme.example", "role": "publisher" });
    let _added = owner.json("POST", &org.url("/members"), &person).await.expect(201);
    let first = json!({
        "kind": "personal", "member": "ben", "name": "first", "scopes": ["index:read@*", "token:write@*"],
    });

    // Inviting takes the right to manage members, and someone who runs the org.
    let clerk = org.member("cleo", "admin", "personal", &["token:write@*", "index:read@*"]).await;
    assert_eq!(code(clerk.client().json("POST", &org.url("/tokens"), &first).await, 400), "member_unknown");
    let admin =
        org.member("ada", "admin", "personal", &["token:write@*", "member:write@*", "index:read@*"]).await.client();
    let owners = json!({ "login": "olga", "email": "olga@acme.example", "role": "owner" });
    let _added = owner.json("POST", &org.url("/members"), &owners).await.expect(201);
    let mut for_owner = first.clone();
    for_owner["member"] = "olga".into();
    assert_eq!(code(admin.json("POST", &org.url("/tokens"), &for_owner).await, 400), "member_unknown");

    let made = admin.json("POST", &org.url("/tokens"), &first).await.expect(201).json();
    let secret = made["secret"].as_str().unwrap();
    assert!(works(&org, secret).await);
    assert_eq!(code(admin.json("POST", &org.url("/tokens"), &first).await, 400), "member_unknown");
    let own = json!({ "kind": "download", "name": "laptop" });
    let _made = Client::with(secret).json("POST", &org.url("/tokens"), &own).await.expect(201);
    // Not even after all of them are revoked: from then on it would be someone else's identity.
    let id = made["token"]["id"].as_str().unwrap();
    let _revoked = admin.send("DELETE", &org.url(&format!("/tokens/{id}")), &[], None).await.expect(204);
    assert!(!works(&org, secret).await);
    assert_eq!(code(admin.json("POST", &org.url("/tokens"), &first).await, 400), "member_unknown");
    stack.stop().await;
}
