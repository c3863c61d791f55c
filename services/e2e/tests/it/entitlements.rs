//! Entitlements over the JSON API: what is granted is what the token sees, and the preview tells it beforehand.

use serde_json::{Value, json};
use wharf_testkit::{Client, CrateFixture, Stack};

const BASE: &str = "/registries/private/entitlements";

fn names(items: &Value) -> Vec<String> {
    items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| format!("{} {}", item["crate"].as_str().unwrap(), join(&item["versions"])))
        .collect()
}

fn join(versions: &Value) -> String {
    let text = |version: &Value| version.as_str().or_else(|| version["version"].as_str()).unwrap().to_owned();
    versions.as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(",")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entitlement_from_grant_to_withdrawal() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    for krate in [
        CrateFixture::new("base", "0.3.0"),
        CrateFixture::new("kernel", "1.0.0").dep("base", "^0.3"),
        CrateFixture::new("partner-io", "1.0.0"),
        CrateFixture::new("partner-sdk", "1.0.0"),
        CrateFixture::new("partner-sdk", "2.0.0").dep("kernel", "^1").dep("partner-io", "^1"),
    ] {
        let _published = org.owner.publish(&krate).await.expect(200);
    }

    // Previewed, then granted.
    let terms = json!({ "rules": [{ "allow": ["partner-*"] }] });
    let question = json!({ "terms": terms, "explain": { "crate": "kernel" } });
    let preview = org.manage("POST", &format!("{BASE}/preview"), &question).await.expect(200).json();
    assert_eq!((&preview["crates"], &preview["versions"]), (&json!(2), &json!(3)));
    assert_eq!(names(&preview["added"]), ["partner-io 1.0.0", "partner-sdk 1.0.0,2.0.0"]);
    assert_eq!(preview["complete"], true);
    assert_eq!(
        preview["closure"],
        json!([{
            "crate": "partner-sdk", "version": "2.0.0", "reason": "crate_hidden",
            "needs": { "crate": "kernel", "req": "^1", "optional": false },
        }])
    );
    assert_eq!(preview["why"]["visible"], false);
    assert_eq!(preview["why"]["text"], "no rule speaks of it");
    let body = json!({
        "name": "partner", "rules": terms["rules"], "note": "until March", "metadata": { "contract": 7 },
        "holder": { "label": "Partner Ltd" }, "limits": [{ "count": "downloads", "per": "month", "max": 1000 }],
        "sources": ["127.0.0.0/8"],
    });
    let sent = |key: &'static str| {
        let url = org.url(BASE);
        let (client, bytes) = (org.owner.client(), body.to_string().into_bytes());
        async move {
            let headers = [("content-type", "application/json"), ("idempotency-key", key)];
            client.send("POST", &url, &headers, Some(bytes)).await
        }
    };
    let made = sent("one").await.expect(201);
    assert_eq!(sent("one").await.expect(201).json(), made.json(), "sent again, the same answer");
    assert_eq!(sent("two").await.expect(409).json()["code"], "entitlement_exists");
    let made = made.json();
    let id = made["id"].as_str().unwrap();
    let one = format!("{BASE}/{id}");
    assert_eq!(made["view_id"], preview["view_id"]);
    assert_eq!(made["rights"], json!({ "read": ["*"], "publish": [], "yank": [], "owners": [] }));
    let secret = made["secret"].as_str().unwrap().to_owned();
    let partner = |secret: &str| {
        let url = org.owner.index_url("pa/rt/partner-sdk");
        let client = Client::with(secret);
        async move { client.get(&url).await.status }
    };
    assert_eq!(partner(&secret).await, 200);
    let held = org.manage("GET", &format!("{one}/view"), &json!({})).await.expect(200).json();
    assert_eq!(names(&held["items"]), ["partner-io 1.0.0", "partner-sdk 1.0.0,2.0.0"]);
    let first = org.owner.client().get(&org.url(&format!("{one}/view?limit=1"))).await.expect(200).json();
    assert_eq!(names(&first["items"]), ["partner-io 1.0.0"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second =
        org.owner.client().get(&org.url(&format!("{one}/view?limit=1&cursor={cursor}"))).await.expect(200).json();
    assert_eq!(names(&second["items"]), ["partner-sdk 1.0.0,2.0.0"]);
    assert!(second.get("next_cursor").is_none());

    // What the preview suggests closes the view.
    let mut rules = terms["rules"].as_array().unwrap().clone();
    rules.extend(preview["suggested_rules"].as_array().unwrap().clone());
    let question = json!({ "entitlement": id, "terms": { "rules": rules } });
    let wider = org.manage("POST", &format!("{BASE}/preview"), &question).await.expect(200).json();
    assert_eq!(wider["closure"], json!([]));
    assert_eq!(names(&wider["added"]), ["base 0.3.0", "kernel 1.0.0"]);
    assert_eq!(wider["removed"], json!([]));

    // A change is seen by the token at its next request, and takes nothing else with it.
    let patch = json!({ "rules": [{ "allow": ["partner-io"] }], "note": null });
    let changed = org.manage("PATCH", &one, &patch).await.expect(200).json();
    assert_eq!((&changed["note"], &changed["metadata"]), (&json!(""), &json!({ "contract": 7 })));
    assert_eq!(partner(&secret).await, 404);
    let back = org.manage("PATCH", &one, &json!({ "rules": terms["rules"] })).await.expect(200).json();
    assert_eq!(back["view_id"], made["view_id"]);
    assert_eq!(partner(&secret).await, 200);

    // Rotation: both for the overlap, or only the new one.
    let rotated = org.manage("POST", &format!("{one}/rotate"), &json!({})).await.expect(201).json();
    assert_eq!(rotated["tokens"].as_array().unwrap().len(), 2);
    let newer = rotated["secret"].as_str().unwrap().to_owned();
    assert_eq!((partner(&secret).await, partner(&newer).await), (200, 200));
    let at_once = org.manage("POST", &format!("{one}/rotate"), &json!({ "overlap_s": 0 })).await.expect(201).json();
    assert_eq!(at_once["tokens"].as_array().unwrap().len(), 1);
    let newest = at_once["secret"].as_str().unwrap().to_owned();
    assert_eq!((partner(&secret).await, partner(&newer).await, partner(&newest).await), (401, 401, 200));
    let _refused = org.manage("POST", &format!("{one}/rotate"), &json!({ "overlap_s": 604_801 })).await.expect(400);

    // Switched off and on, and withdrawn.
    let off = org.manage("POST", &format!("{one}/disable"), &json!({})).await.expect(200).json();
    assert_eq!(off["enabled"], false);
    assert_eq!(partner(&newest).await, 401);
    let _on = org.manage("POST", &format!("{one}/enable"), &json!({})).await.expect(200);
    assert_eq!(partner(&newest).await, 200);
    let _gone = org.manage("DELETE", &one, &json!({})).await.expect(204);
    assert_eq!(partner(&newest).await, 401);
    let _absent = org.manage("GET", &one, &json!({})).await.expect(404);
    assert_eq!(org.manage("GET", BASE, &json!({})).await.expect(200).json()["items"], json!([]));

    // Each act is in the audit, and no secret is.
    let audit = org.manage("GET", "/audit?limit=100", &json!({})).await.expect(200).text();
    for action in ["grant", "change", "rotate", "disable", "enable", "withdraw"] {
        assert!(audit.contains(&format!("entitlement.{action}")), "{action}");
    }
    for secret in [secret, newer, newest] {
        assert!(!audit.contains(&secret));
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_manage_the_whole_registry_grant() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let body = json!({ "name": "x", "rules": [{ "allow": ["*"] }] });
    let ask = |secret: String, method: &'static str, path: String| {
        let (url, body) = (org.url(&path), body.clone());
        async move {
            let client = Client::with(secret);
            if method == "GET" { client.get(&url).await } else { client.json(method, &url, &body).await }
        }
    };
    let owned = org.partner("partner", &["partner-*"]).await;
    let one = format!("{BASE}/{}", owned.entitlement.clone().unwrap());
    let preview = format!("{BASE}/preview");
    let admin = ["entitlement:write@private", "index:read@*"];
    for (login, role, kind, scopes, read, write) in [
        ("ada", "admin", "personal", &admin[..], 200, 201),
        ("ben", "admin", "personal", &["entitlement:write@private/partner-*"], 404, 404),
        ("cat", "admin", "personal", &["entitlement:write@other", "index:read@private"], 403, 403),
        ("dan", "auditor", "personal", &["entitlement:read@*"], 200, 403),
        ("eve", "reader", "personal", &["index:read@*", "entitlement:write@*"], 403, 403),
        ("fay", "admin", "download", &["index:read@*"], 404, 404),
    ] {
        let token = org.member(login, role, kind, scopes).await;
        assert_eq!(ask(token.secret.clone(), "GET", one.clone()).await.status, read, "{login} reads");
        assert_eq!(ask(token.secret.clone(), "POST", BASE.to_owned()).await.status, write, "{login} grants");
        let previewed = Client::with(&token.secret).json("POST", &org.url(&preview), &json!({ "rules": [] })).await;
        assert_eq!(previewed.status, if write == 201 { 200 } else { write }, "{login} previews");
    }
    assert_eq!(ask(owned.secret.clone(), "GET", one.clone()).await.status, 404);
    let stranger = stack.org("other").await;
    let theirs = ask(stranger.owner.secret.clone(), "GET", one.clone()).await;
    let absent =
        ask(stranger.owner.secret.clone(), "GET", format!("{BASE}/00000000-0000-4000-8000-000000000000")).await;
    assert_eq!(theirs.observed(), absent.observed());
    assert_eq!(theirs.status, 404);
    stack.stop().await;
}

/// Lengthens the index line of a crate by so many mebibytes of features.
async fn lengthen(database: &mut sqlx::PgConnection, name: &str, mebibytes: i32) {
    let lengthened = r#"update index_line set line = replace(line, '"features":{', '"features":{"' || repeat('f', $2) || '":[]')
                        from version join crate using (crate_id)
                        where version.version_id = index_line.version_id and name = $1 and line like '%"features":{}%'"#;
    let bytes = mebibytes * 1024 * 1024;
    assert_eq!(sqlx::query(lengthened).bind(name).bind(bytes).execute(database).await.unwrap().rows_affected(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_reads_long_index_lines_piece_by_piece_and_says_what_it_left_out() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut database = stack.setup.database.superuser().await;
    let mut crates = vec![
        CrateFixture::new("deep", "1.0.0"),
        CrateFixture::new("need-a", "1.0.0"),
        CrateFixture::new("need-b", "1.0.0"),
        CrateFixture::new("need-c", "1.0.0").dep("deep", "^1"),
    ];
    crates.extend(
        ["a", "b", "c"].map(|n| CrateFixture::new(&format!("user-{n}"), "1.0.0").dep(&format!("need-{n}"), "^1")),
    );
    for krate in &crates {
        let _published = org.owner.publish(krate).await.expect(200);
    }
    let question = json!({ "terms": { "rules": [{ "allow": ["user-*"] }] } });
    let ask = async || org.manage("POST", &format!("{BASE}/preview"), &question).await.expect(200).json();
    let before = ask().await;
    assert_eq!((&before["complete"], before["closure"].as_array().unwrap().len()), (&json!(true), 3));
    assert!(before["suggested_rules"].to_string().contains("deep"), "{before}");

    // Two of these fit into one piece, of what the view shows and of what that needs: nothing else changes.
    for name in ["user-a", "user-b", "user-c", "need-a", "need-b", "need-c"] {
        lengthen(&mut database, name, 12).await;
    }
    assert_eq!(ask().await, before);

    // One that fits into no piece is counted, and said not to have been looked at.
    let _more = org.owner.publish(&CrateFixture::new("need-d", "1.0.0")).await.expect(200);
    let _more = org.owner.publish(&CrateFixture::new("user-d", "1.0.0").dep("need-d", "^1")).await.expect(200);
    assert_eq!(ask().await["closure"].as_array().unwrap().len(), 4);
    lengthen(&mut database, "need-d", 33).await;
    let needed = ask().await;
    assert_eq!((&needed["complete"], &needed["versions"]), (&json!(false), &json!(4)));
    assert_eq!(needed["closure"], before["closure"]);
    lengthen(&mut database, "user-d", 33).await;
    let shown = ask().await;
    assert_eq!((&shown["complete"], &shown["versions"]), (&json!(false), &json!(4)));
    assert_eq!((&shown["closure"], &shown["suggested_rules"]), (&before["closure"], &before["suggested_rules"]));
    stack.stop().await;
}
