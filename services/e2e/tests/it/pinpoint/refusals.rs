//! What answers do not tell.

use super::{entitle, publish};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wharf_testkit::{Client, CrateFixture, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_crate_without_a_visible_version_is_absent() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool-late", &["2.0.0", "2.0.1"]).await;
    let terms = json!({
        "rules": [{ "allow": ["tool-*"], "versions": "^1" }],
        "rights": { "yank": ["*"], "owners": ["*"] },
    });
    let partner = org.entitle("private", "partner", &terms).await;
    let body = json!({ "users": ["owner"] }).to_string().into_bytes();
    for (method, rest, body) in [
        ("GET", "/owners", None),
        ("PUT", "/owners", Some(body.clone())),
        ("DELETE", "/owners", Some(body)),
        ("DELETE", "/2.0.0/yank", None),
        ("PUT", "/2.0.0/unyank", None),
    ] {
        let ask = async |name: &str| {
            let url = partner.crates_url(&format!("/{name}{rest}"));
            partner.client().send(method, &url, &[], body.clone()).await
        };
        let (hidden, absent) = (ask("tool-late").await, ask("tool-none").await);
        assert_eq!(hidden.status, 404, "{method} {rest}");
        assert_eq!(hidden.observed(), absent.observed(), "{method} {rest}");
    }
    // And a version of a crate that is seen.
    publish(&org, "tool-seen", &["1.0.0", "2.0.0"]).await;
    for (method, verb) in [("DELETE", "yank"), ("PUT", "unyank")] {
        let ask = async |version: &str| {
            let url = partner.crates_url(&format!("/tool-seen/{version}/{verb}"));
            partner.client().send(method, &url, &[], None).await
        };
        assert_eq!(ask("1.0.0").await.status, 200, "{verb}");
        let (hidden, absent) = (ask("2.0.0").await, ask("9.0.0").await);
        assert_eq!((hidden.status, hidden.observed()), (404, absent.observed()), "{verb}");
    }
    stack.stop().await;
}

/// What a view shows nothing of is decided by what is held of every crate. Neither what others have read, nor a publish of
/// a moment ago, nor a database that is away tells it from what is not there.
#[tokio::test(flavor = "multi_thread")]
async fn absent_and_hidden_take_the_same_steps() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool-warm", &["1.0.0"]).await;
    for hidden in ["tool-read", "tool-unread", "tool-changed"] {
        publish(&org, hidden, &["2.0.0"]).await;
    }
    let partner = entitle(&org, "partner", json!({ "allow": ["tool-*"], "versions": "^1" })).await;
    let download = async |name: &str| partner.client().get(&partner.download_url(name, "1.0.0")).await;
    assert_eq!((partner.index("tool-warm").await.status, download("tool-warm").await.status), (200, 302));
    assert_eq!(partner.index("tool-changed").await.status, 404);
    for read in ["tool-read", "tool-changed"] {
        let file = org.owner.client().get(&org.owner.download_url(read, "2.0.0")).await;
        assert_eq!((org.owner.index(read).await.status, file.status), (200, 302));
    }
    publish(&org, "tool-changed", &["2.1.0"]).await;
    publish(&org, "tool-fresh", &["2.0.0"]).await;
    stack.setup.database.take_down().await;
    let absent = [partner.index("tool-none").await, download("tool-none").await];
    let mut answers = Vec::new();
    for hidden in ["tool-read", "tool-unread", "tool-changed", "tool-fresh"] {
        answers.push((hidden, [partner.index(hidden).await, download(hidden).await]));
    }
    stack.setup.database.bring_up().await;
    let text = |answer: &wharf_testkit::Answer| answer.text().replace(answer.header("x-request-id"), "[request]");
    for (name, hidden) in &answers {
        for (hidden, absent) in hidden.iter().zip(&absent) {
            assert_eq!((hidden.status, text(hidden)), (404, text(absent)), "{name}");
        }
    }
    stack.stop().await;
}

/// Not even the first question reads the file of a hidden crate: nobody has it in memory afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_question_reads_nothing_hidden() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool-warm", &["1.0.0"]).await;
    publish(&org, "tool-late", &["2.0.0"]).await;
    let partner = entitle(&org, "partner", json!({ "allow": ["tool-*"], "versions": "^1" })).await;
    assert_eq!(org.owner.index("tool-warm").await.status, 200);
    assert_eq!(partner.index("tool-late").await.status, 404);
    stack.setup.database.take_down().await;
    let (warm, late) = (org.owner.index("tool-warm").await.status, org.owner.index("tool-late").await.status);
    stack.setup.database.bring_up().await;
    assert_eq!((warm, late), (200, 503), "the refused question left a file in memory");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_publish_does_not_say_whether_the_name_is_taken() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "taken", &["1.0.0"]).await;
    let partner = entitle(&org, "partner", json!({ "allow": ["partner-*"] })).await;
    let taken = partner.publish(&CrateFixture::new("taken", "1.0.0")).await.expect(403);
    let free = partner.publish(&CrateFixture::new("freed", "1.0.0")).await;
    assert_eq!(taken.observed(), free.observed());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_every_address_asks_for_one() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    for (base, rest) in [
        (&stack.setup.index, "config.json"),
        (&stack.setup.index, "to/ol/tool"),
        (&stack.setup.download, "tool/1.0.0/download"),
    ] {
        for place in [format!("{}/private", org.slug), format!("{}/nothing", org.slug), "nobody/private".to_owned()] {
            let answer = Client::anonymous().get(&format!("{base}/{place}/{rest}")).await;
            assert_eq!(answer.status, 401, "{place}/{rest}");
            assert!(!answer.body.is_empty(), "{place}/{rest}");
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outsiders_are_not_told_who_owns_what_they_see() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "partner-tool", &["1.0.0"]).await;
    let partner = entitle(&org, "partner", json!({ "allow": ["partner-*"] })).await;
    let owners = partner.client().get(&partner.crates_url("/partner-tool/owners")).await.expect(200).json();
    assert_eq!(owners["users"], json!([]));
    let owners = org.owner.client().get(&org.owner.crates_url("/partner-tool/owners")).await.expect(200).json();
    assert_eq!(owners["users"][0]["login"], "owner");
    stack.stop().await;
}

/// On a public registry the name of an account is shown, as on every page of the kind, and not who is behind it.
#[tokio::test(flavor = "multi_thread")]
async fn the_public_is_told_logins_and_no_names() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let ann = json!({ "login": "ann", "name": "Ann of Acme", "kind": "service", "role": "publisher" });
    let _added = org.manage("POST", "/members", &ann).await.expect(201);
    let open = org.add_registry("open", &json!({ "visibility": "public" })).await;
    let _published = open.publish(&CrateFixture::new("tool", "1.0.0")).await.expect(200);
    let owners = open.crates_url("/tool/owners");
    let _owns = open.client().json("PUT", &owners, &json!({ "users": ["ann"] })).await.expect(200);
    let told = async |client: Client| client.get(&owners).await.expect(200).text();
    let (inside, outside) = (told(open.client()).await, told(Client::anonymous()).await);
    assert!(inside.contains("Ann of Acme") && outside.contains("\"ann\""), "{inside} {outside}");
    assert!(!outside.contains("Acme"), "{outside}");
    let partner = entitle(&org, "partner", json!({ "allow": ["partner-*"] })).await;
    assert_eq!(told(partner.client()).await, outside, "the holder of an entitlement elsewhere is the public here");
    stack.stop().await;
}

/// Whoever may make owners could try out logins until one is taken.
#[tokio::test(flavor = "multi_thread")]
async fn an_entitlement_makes_owners_of_those_alone_whom_it_is_told() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    let _ann = org.member("ann", "publisher", "upload", &["index:read@*"]).await;
    let _team = org.manage("POST", "/teams", &json!({ "slug": "xyz" })).await.expect(201);
    let terms = json!({ "rules": [{ "allow": ["tool"] }], "rights": { "owners": ["tool"] } });
    let partner = org.entitle("private", "partner", &terms).await;
    for method in ["PUT", "DELETE"] {
        let ask = async |who: &str| {
            let url = partner.crates_url("/tool/owners");
            let answer = partner.client().json(method, &url, &json!({ "users": [who] })).await;
            let (status, headers, body) = answer.observed();
            (status, headers, String::from_utf8(body).unwrap().replace(who, "[who]"))
        };
        assert_eq!(ask("ann").await, ask("bob").await, "{method}: a member, and nobody");
        assert_eq!(ask("team:xyz").await, ask("team:zyx").await, "{method}: a team, and none");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_row_once() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut expected = BTreeSet::new();
    for name in ["one", "two", "three", "four", "five"] {
        expected.insert(entitle(&org, name, json!({ "allow": ["x"] })).await.entitlement.unwrap());
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/registries/private/entitlements?limit=2{cursor}");
        let page = org.owner.client().get(&org.url(&path)).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    stack.stop().await;
}

/// Neighbours in time are no neighbours in number: no id tells how many came before it.
#[tokio::test(flavor = "multi_thread")]
async fn ids_do_not_count() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut ids: Vec<uuid::Uuid> = Vec::new();
    for name in ["one", "two", "three"] {
        let granted = entitle(&org, name, json!({ "allow": ["x"] })).await;
        ids.extend([granted.id.parse::<uuid::Uuid>().unwrap(), granted.entitlement.unwrap().parse().unwrap()]);
    }
    let registries = org.owner.client().get(&org.url("/registries")).await.expect(200).json();
    let id = |item: &Value| item["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    ids.extend(registries["items"].as_array().unwrap().iter().map(id));
    for (at, one) in ids.iter().enumerate() {
        assert_eq!(one.get_version(), Some(uuid::Version::Random));
        for other in &ids[at + 1..] {
            assert!(one.as_u128().abs_diff(other.as_u128()) >> 64 > 0, "{one} is near {other}");
        }
    }

    // The numbers of owners, which cargo wants; drawn from 32 bits.
    publish(&org, "tool", &["1.0.0"]).await;
    let owners = org.owner.crates_url("/tool/owners");
    for login in ["ann", "ben", "cleo"] {
        let _member = org.member(login, "publisher", "upload", &["index:read@*"]).await;
        let _owns = org.owner.client().json("PUT", &owners, &json!({ "users": [login] })).await.expect(200);
    }
    let told = org.owner.client().get(&owners).await.expect(200).json();
    let numbers: Vec<u64> = told["users"].as_array().unwrap().iter().map(|user| user["id"].as_u64().unwrap()).collect();
    assert_eq!(numbers.len(), 4);
    for (at, one) in numbers.iter().enumerate() {
        assert!(numbers[at + 1..].iter().all(|other| one.abs_diff(*other) > 1_000), "{numbers:?}");
    }

    // The ids of requests, which every answer shows.
    let mut requests: Vec<u128> = Vec::new();
    for base in [&stack.setup.app, &stack.setup.index, &stack.setup.download].into_iter().cycle().take(12) {
        let answer = Client::anonymous().get(&format!("{base}/healthz")).await.expect(200);
        requests.push(u128::from_str_radix(answer.header("x-request-id"), 16).unwrap());
    }
    for (at, one) in requests.iter().enumerate() {
        assert!(requests[at + 1..].iter().all(|other| one.abs_diff(*other) >> 48 > 0), "{requests:x?}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_may_share_what_was_made_for_one_credential() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    let owner = &org.owner;
    for url in [
        owner.index_url("config.json"),
        owner.index_url("to/ol/tool"),
        owner.download_url("tool", "1.0.0"),
        owner.crates_url("?q=tool"),
        owner.crates_url("/tool/owners"),
        org.url("/tokens"),
    ] {
        let answer = owner.client().get(&url).await;
        assert!(answer.status < 400, "{url}: {}", answer.status);
        let control = answer.header("cache-control");
        let words: BTreeSet<&str> = control.split(',').map(str::trim).collect();
        assert!(!words.contains("public"), "{url}: {control}");
        assert!(words.contains("private") || words.contains("no-store"), "{url}: {control}");
        assert!(answer.header("vary").contains("Authorization") || words.contains("no-store"), "{url}");
    }
    stack.stop().await;
}
