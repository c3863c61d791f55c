//! The switches of the git index, and the download addresses for cargo before 1.74 that carry a credential.

use serde_json::{Value, json};
use std::time::Duration;
use wharf_testkit::cargo::TokenForm;
use wharf_testkit::{Answer, Client, CrateFixture, Org, Stack, Token};

#[tokio::test(flavor = "multi_thread")]
async fn the_switches_of_the_git_index_are_in_force_everywhere_when_the_answer_comes() {
    let stack = Stack::builder().indexes(2).downloads(2).start().await;
    let org = stack.org("acme").await;
    let switches = |registry: &Value| (registry["git_personal_keys"] == true, registry["legacy_git_downloads"] == true);
    let plain = org.manage("GET", "/registries/private", &Value::Null).await.expect(200).json();
    assert_eq!((switches(&plain), plain["notices"].as_array().unwrap().len()), ((false, false), 0));

    for (change, expected) in [
        (json!({ "git_personal_keys": true }), (true, false)),
        (json!({ "legacy_git_downloads": true }), (true, true)),
        (json!({ "git_personal_keys": false }), (false, true)),
        (json!({ "legacy_git_downloads": false }), (false, false)),
    ] {
        // The audit lists by time.
        stack.advance(Duration::from_secs(1)).await;
        let set = org.manage("PATCH", "/registries/private", &change).await.expect(200).json();
        for site in stack.sites() {
            let address = site.place("acme", "private").unwrap().unwrap().address.clone();
            assert_eq!((address.git_personal_keys, address.legacy_git_downloads), expected, "{change}");
        }
        let read = org.manage("GET", "/registries/private", &Value::Null).await.expect(200).json();
        assert_eq!(read, set, "what is read is what was answered");
        assert_eq!(switches(&set), expected);
        let told: Vec<&Value> = set["notices"].as_array().unwrap().iter().map(|notice| &notice["setting"]).collect();
        assert_eq!(told, vec!["legacy_git_downloads"; usize::from(expected.1)], "the price is told while it is on");
        let acts = org.manage("GET", "/audit?action=registry.update&limit=1", &Value::Null).await.expect(200).json();
        for (setting, value) in change.as_object().unwrap() {
            assert_eq!(acts["items"][0]["detail"]["settings"][setting], *value);
            assert_ne!(acts["items"][0]["detail"]["before"][setting], *value);
        }
    }

    // Where everyone may read there is no credential to lose; and the switches are there from the start if wanted.
    let open = json!({ "slug": "open", "visibility": "public", "legacy_git_downloads": true });
    let open = org.manage("POST", "/registries", &open).await.expect(201).json();
    assert_eq!((switches(&open), open["notices"].as_array().unwrap().len()), ((false, true), 0));
    let old = json!({ "slug": "old", "git_personal_keys": true, "legacy_git_downloads": true });
    let old = org.manage("POST", "/registries", &old).await.expect(201).json();
    let price = old["notices"][0]["text"].as_str().unwrap();
    assert_eq!(switches(&old), (true, true));
    for word in ["index", "secret", "copies", "revoked", "Switch it off"] {
        assert!(price.contains(word), "{word}: {price}");
    }
    stack.stop().await;
}

/// An installation of several processes whose `private` hands out such addresses for what is in it.
async fn handing_out() -> (Stack, Org) {
    let stack = Stack::builder().downloads(2).start().await;
    let org = stack.org("acme").await;
    let switches = json!({ "git_personal_keys": true, "legacy_git_downloads": true });
    let _set = org.manage("PATCH", "/registries/private", &switches).await.expect(200);
    for krate in [
        CrateFixture::new("partner-sdk", "1.0.0"),
        CrateFixture::new("partner-sdk", "2.0.0+build.1"),
        CrateFixture::new("engine", "1.0.0"),
    ] {
        let _published = org.owner.publish(&krate).await.expect(200);
    }
    (stack, org)
}

async fn ask(url: &str) -> Answer {
    Client::anonymous().get(url).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_credential_opens_what_its_reader_sees() {
    let (stack, org) = handing_out().await;
    let narrow = json!({ "rules": [{ "allow": ["partner-*"], "versions": "<2" }] });
    let (narrow, wide) = (org.entitle("private", "narrow", &narrow).await, org.partner("wide", &["partner-*"]).await);
    let reader = org.member("ada", "reader", "personal", &["index:read@private/engine"]).await;
    for (token, sees) in [
        (&narrow, &[("partner-sdk", "1.0.0")][..]),
        (&wide, &[("partner-sdk", "1.0.0"), ("partner-sdk", "2.0.0+build.1")]),
        (&reader, &[("engine", "1.0.0")]),
    ] {
        let credential = stack.setup.legacy_credential(token).await;
        for (name, version) in
            [("partner-sdk", "1.0.0"), ("partner-sdk", "2.0.0+build.1"), ("engine", "1.0.0"), ("nothing", "1.0.0")]
        {
            let url = token.legacy_url(&credential, name, version);
            let answer = ask(&url).await;
            // The same as with the token itself, to the byte.
            let by_token = token.client().get(&token.download_url(name, version)).await;
            assert_eq!(answer.observed(), by_token.observed(), "{name} {version}");
            assert_eq!(answer.status, if sees.contains(&(name, version)) { 302 } else { 404 }, "{name} {version}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer");
            assert!(answer.header("cache-control").contains("no-store"));
            if answer.status == 302 {
                assert!(!answer.header("location").contains(&credential), "where it leads must not carry it on");
                let fetched = ask(answer.header("location")).await.expect(200);
                assert_eq!(fetched.body, CrateFixture::new(name, version).archive(&token.sparse()));
            }
            // What else is sent has no part in it.
            for other in [&org.owner.secret, "nonsense"] {
                assert_eq!(Client::with(other).get(&url).await.observed(), answer.observed());
            }
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_nothing_else() {
    let (stack, org) = handing_out().await;
    let rights = json!({ "publish": ["*"], "yank": ["*"], "owners": ["*"] });
    let terms = json!({ "rules": [{ "allow": ["*"] }], "rights": rights });
    let supplier = org.entitle("private", "supplier", &terms).await;
    let credential = stack.setup.legacy_credential(&supplier).await;
    let nobody = Client::anonymous();
    for form in TokenForm::ALL {
        let client = Client::with(form.value(&credential));
        for url in [
            supplier.index_url("config.json"),
            supplier.index_url("en/gi/engine"),
            supplier.index_url("info/refs?service=git-upload-pack"),
            supplier.download_url("engine", "1.0.0"),
            org.url("/registries"),
        ] {
            assert_eq!(client.get(&url).await.status, 401, "{form:?} {url}");
        }
        let publish = CrateFixture::new("fresh", "1.0.0").body(&supplier.sparse());
        let answer = client.send("PUT", &supplier.crates_url("/new"), &[], Some(publish)).await;
        assert_eq!(answer.status, 403, "{form:?} {}", answer.text());
        let answer = client.send("DELETE", &supplier.crates_url("/engine/1.0.0/yank"), &[], None).await;
        assert_eq!(answer.status, 403, "{form:?} {}", answer.text());
    }
    let address = supplier.legacy_url(&credential, "engine", "1.0.0");
    assert_eq!(nobody.get(&address).await.status, 302);
    for method in ["PUT", "POST", "DELETE", "PATCH"] {
        let answer = nobody.send(method, &address, &[], None).await;
        assert!([404, 405].contains(&answer.status), "{method}: {}", answer.status);
    }
    // The index does not answer for such an address, whatever it is of.
    let index = &stack.setup.index;
    for path in ["config.json", "en/gi/engine", "info/refs?service=git-upload-pack"] {
        let answer = nobody.get(&format!("{index}/acme/private/legacy/{credential}/{path}")).await;
        assert!([401, 404].contains(&answer.status), "{path}: {}", answer.status);
    }

    // Made for one registry of one org, it is refused everywhere else, like one that was made up.
    let other = org.add_registry("tools", &json!({ "legacy_git_downloads": true, "git_personal_keys": true })).await;
    let stranger = stack.org("globex").await;
    let _set =
        stranger.manage("PATCH", "/registries/private", &json!({ "legacy_git_downloads": true })).await.expect(200);
    let mut nowhere = supplier.clone();
    nowhere.org = "nowhere".to_owned();
    let made_up = ask(&supplier.legacy_url(&format!("whfl_{}", "0".repeat(49)), "engine", "1.0.0")).await.expect(403);
    for place in [&supplier.on("tools"), &supplier.on("open"), &nowhere, &stranger.owner, &other] {
        let refused = ask(&place.legacy_url(&credential, "engine", "1.0.0")).await;
        assert_eq!(refused.observed(), made_up.observed(), "{}/{}", place.org, place.registry);
    }
    for bad in ["x", "%00", &credential.replace("whfl_", "whfe_"), &supplier.secret, &credential[..53]] {
        assert_eq!(ask(&supplier.legacy_url(bad, "engine", "1.0.0")).await.observed(), made_up.observed(), "{bad}");
    }
    stack.stop().await;
}

/// A reader whose access is taken away.
struct Ended {
    what: &'static str,
    token: Token,
    /// Method, path and body of what takes it away.
    by: (&'static str, String, Value),
    /// And what gives it back, if it can be.
    undo: Option<(&'static str, String, Value)>,
}

async fn readers(org: &Org) -> Vec<Ended> {
    const BASE: &str = "/registries/private/entitlements";
    let entitled = |what: &'static str, token: &Token, method, rest: &str, body| {
        let path = format!("{BASE}/{}{rest}", token.entitlement.as_deref().unwrap());
        Ended { what, token: token.clone(), by: (method, path, body), undo: None }
    };
    let mut all = Vec::new();
    for (what, method, rest, body, undo) in [
        ("rotated without overlap", "POST", "/rotate", json!({ "overlap_s": 0 }), None),
        ("disabled", "POST", "/disable", json!({}), Some(("POST", "/enable", json!({})))),
        ("withdrawn", "DELETE", "", Value::Null, None),
        (
            "over",
            "PATCH",
            "",
            json!({ "expires_at": "2026-06-01T12:00:00Z" }),
            Some(("PATCH", "", json!({ "expires_at": null }))),
        ),
        (
            "not begun",
            "PATCH",
            "",
            json!({ "not_before": "2030-01-01T00:00:00Z" }),
            Some(("PATCH", "", json!({ "not_before": null }))),
        ),
        (
            "bound elsewhere",
            "PATCH",
            "",
            json!({ "sources": ["203.0.113.0/24"] }),
            Some(("PATCH", "", json!({ "sources": [] }))),
        ),
    ] {
        let token = org.partner(what, &["partner-*"]).await;
        let undo = undo.map(|(method, rest, body)| entitled(what, &token, method, rest, body).by);
        all.push(Ended { undo, ..entitled(what, &token, method, rest, body) });
    }
    let scopes = ["index:read@private/partner-*"];
    let revoked = org.member("ada", "reader", "personal", &scopes).await;
    let path = format!("/tokens/{}", revoked.id);
    all.push(Ended { what: "token revoked", token: revoked, by: ("DELETE", path, Value::Null), undo: None });
    let left = org.member("ben", "reader", "personal", &scopes).await;
    all.push(Ended { what: "left", token: left, by: ("DELETE", "/members/ben".to_owned(), Value::Null), undo: None });
    let switch = |setting: &str, on: bool| {
        let mut body = json!({});
        body[setting] = on.into();
        ("PATCH", "/registries/private".to_owned(), body)
    };
    let member = org.member("cleo", "reader", "personal", &scopes).await;
    all.push(Ended {
        what: "no personal keys",
        token: member,
        by: switch("git_personal_keys", false),
        undo: Some(switch("git_personal_keys", true)),
    });
    all.push(Ended {
        what: "switched off",
        token: org.partner("old", &["partner-*"]).await,
        by: switch("legacy_git_downloads", false),
        undo: Some(switch("legacy_git_downloads", true)),
    });
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_what_it_was_made_for_everywhere_and_at_once() {
    let (stack, org) = handing_out().await;
    let made_up = format!("whfl_{}", "0".repeat(49));
    let refusal = ask(&org.owner.legacy_url(&made_up, "partner-sdk", "1.0.0")).await.expect(403);
    for Ended { what, token, by, undo } in readers(&org).await {
        let credential = stack.setup.legacy_credential(&token).await;
        // Several connections, so that each process answers.
        let downloads = async || {
            let mut statuses = Vec::new();
            for _ in 0..4 {
                let answer = ask(&token.legacy_url(&credential, "partner-sdk", "1.0.0")).await;
                if answer.status != 302 {
                    assert_eq!(answer.observed(), refusal.observed(), "{what}");
                }
                statuses.push(answer.status);
            }
            statuses
        };
        assert_eq!(downloads().await, [302; 4], "{what}, before");
        let answer = org.manage(by.0, &by.1, &by.2).await;
        assert!((200..300).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
        assert_eq!(downloads().await, [403; 4], "{what}, after");
        if let Some((method, path, body)) = undo {
            let answer = org.manage(method, &path, &body).await;
            assert!((200..300).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
            assert_eq!(downloads().await, [302; 4], "{what}, and back");
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_with_an_overlap_leaves_the_old_address_until_its_end() {
    let (stack, org) = handing_out().await;
    let old = org.partner("initech", &["partner-*"]).await;
    let before = stack.setup.legacy_credential(&old).await;
    let rotate = format!("/registries/private/entitlements/{}/rotate", old.entitlement.as_deref().unwrap());
    let made = org.manage("POST", &rotate, &json!({ "overlap_s": 60 })).await.expect(201).json();
    let mut new = old.clone();
    let fresh = made["tokens"].as_array().unwrap().iter().map(|token| token["id"].as_str().unwrap());
    new.id = fresh.filter(|id| *id != old.id).collect::<Vec<_>>().concat();
    let after = stack.setup.legacy_credential(&new).await;
    assert_ne!(before, after, "a new secret, a new address");
    let download = async |credential: &str| ask(&old.legacy_url(credential, "partner-sdk", "1.0.0")).await.status;
    assert_eq!((download(&before).await, download(&after).await), (302, 302));
    stack.advance(Duration::from_secs(61)).await;
    assert_eq!((download(&before).await, download(&after).await), (403, 302));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_config_of_a_reader_holds_its_own_address_and_no_other() {
    let (stack, org) = handing_out().await;
    let (one, two) = (org.partner("one", &["*"]).await, org.partner("two", &["*"]).await);
    let open = org.add_registry("open", &json!({ "visibility": "public", "legacy_git_downloads": true })).await;
    let site = stack.site(wharf::serve::Service::Index);
    let config = async |token: &Token| -> Value {
        let bearer = site.authenticate(&wharf_domain::Token::parse(&token.secret).unwrap(), None).await.unwrap();
        let entry = site.place(&token.org, &token.registry).unwrap().unwrap();
        let config = site.git_config(&entry, Some(bearer.principal()));
        assert_eq!(config, site.git_config(&entry, Some(bearer.principal())), "the same every time");
        serde_json::from_slice(&config).unwrap()
    };
    let plain = format!("{}/acme/private", stack.setup.download);
    let mut seen = Vec::new();
    for token in [&one, &two, &org.owner] {
        let (config, credential) = (config(token).await, stack.setup.legacy_credential(token).await);
        assert_eq!(config["dl"], format!("{plain}/legacy/{credential}"));
        assert_eq!(config["api"], format!("{}/cargo/acme/private", stack.setup.app));
        assert!(config.get("auth-required").is_none(), "git clients of cargo 1.67 refuse the mere key");
        assert!(!seen.contains(&credential));
        seen.push(credential);
        // The sparse index never has one, nor do other answers about this registry.
        for answer in [
            token.client().get(&token.index_url("config.json")).await.expect(200),
            token.index("engine").await.expect(200),
            token.search("engine").await.expect(200),
            org.manage("GET", "/registries/private", &Value::Null).await.expect(200),
            org.manage("GET", "/audit", &Value::Null).await.expect(200),
        ] {
            assert!(!answer.text().contains("whfl_"), "{}", answer.text());
        }
    }
    let _off = org.manage("PATCH", "/registries/private", &json!({ "git_personal_keys": false })).await.expect(200);
    assert_eq!(config(&org.owner).await["dl"], plain, "not for a token that git does not take");
    assert_ne!(config(&one).await["dl"], plain);
    let _off = org.manage("PATCH", "/registries/private", &json!({ "legacy_git_downloads": false })).await.expect(200);
    let off = config(&one).await;
    assert_eq!((&off["dl"], &off["auth-required"]), (&json!(plain), &json!(true)));
    let public = config(&open).await;
    assert_eq!(public["dl"], format!("{}/acme/open", stack.setup.download));
    assert!(public.get("auth-required").is_none());
    stack.stop().await;
}
