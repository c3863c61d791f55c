//! How many of a thing there may be: the last that fits is made, the next one is refused, and both say so.

use serde_json::{Value, json};
use wharf_testkit::{Org, Stack};

/// Makes the last one and one more.
async fn fills(org: &Org, path: &str, bodies: [Value; 2], code: &str) {
    let [last, beyond] = bodies;
    let _made = org.manage("POST", path, &last).await.expect(201);
    let refused = org.manage("POST", path, &beyond).await.expect(409).json();
    assert_eq!(refused["code"], code, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_teams_tokens_and_entitlements_are_bounded() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let mut database = stack.setup.database.superuser().await;
    // All but one, and but for what is there already: the owner, and its token.
    for fill in [
        "insert into account (account_id, kind, email, created_at)
         select gen_random_uuid(), 'person', 'n' || n || '@acme.example', now() from generate_series(1, 9998) n",
        "insert into member (org_id, user_id, login, kind, role, owner_number, created_at)
         select o.org_id, a.account_id, 'm' || a.n, 'person', 'reader', a.n, now()
         from org o, (select account_id, row_number() over () as n from account where email like 'n%') a",
        "insert into team (org_id, team_id, slug, name, owner_number, created_at)
         select org_id, gen_random_uuid(), 't' || n, 'team', n, now() from org, generate_series(1, 999) n",
        "insert into token (org_id, token_id, kind, name, digest, pepper_version, hint, user_id, created_at)
         select org_id, gen_random_uuid(), 'personal', 'one of many', sha256(('t' || n)::bytea), 1, 'many', user_id, now()
         from member, generate_series(1, 998) n where login = 'owner'",
        "insert into entitlement
             (org_id, registry_id, entitlement_id, name, rights, rules, view_id, created_at, updated_at)
         select org_id, registry_id, gen_random_uuid(), 'n' || n, '{}', '[]', sha256(''::bytea), now(), now()
         from registry, generate_series(1, 49999) n",
    ] {
        sqlx::query(fill).execute(&mut database).await.unwrap();
    }
    let member = |login: &str| json!({ "login": login, "kind": "service", "role": "reader" });
    fills(&org, "/members", [member("last"), member("beyond")], "members_too_many").await;
    let team = |slug: &str| json!({ "slug": slug });
    fills(&org, "/teams", [team("last"), team("beyond")], "teams_too_many").await;
    let token = json!({ "kind": "download", "name": "last" });
    fills(&org, "/tokens", [token.clone(), token], "tokens_too_many").await;
    let rotated = org.manage("POST", &format!("/tokens/{}/rotate", org.owner.id), &json!({})).await.expect(409).json();
    assert_eq!(rotated["code"], "tokens_too_many");
    let entitlement = |name: &str| json!({ "name": name, "rules": [{ "allow": ["*"] }] });
    let path = "/registries/private/entitlements";
    fills(&org, path, [entitlement("last"), entitlement("beyond")], "entitlements_too_many").await;
    stack.stop().await;
}
