//! What is asked of each route. A route may have several rows, for things that differ in who sees them.

use super::identities::{Identity, World};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use wharf_testkit::CrateFixture;

/// A request to a route, but for its address.
pub(super) struct Ask {
    /// What stands in the place of the path's parameters; `org` and `registry` are `acme` and `private` when absent.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// What follows the path.
    pub(super) query: String,
    /// The body, and whether it is JSON.
    pub(super) body: Option<(Vec<u8>, bool)>,
}

/// The cell that asks: its own name, unique and fit for slugs, who it is, and a number for versions.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) name: String,
    pub(super) identity: Identity,
    pub(super) number: usize,
}

type Prepare = for<'a> fn(&'a World, &'a Cell) -> Pin<Box<dyn Future<Output = Ask> + Send + 'a>>;

/// One row of the table.
pub(super) struct Row {
    /// Service, method and path template, as the tables of routes have them.
    pub(super) route: &'static str,
    /// What sets it apart from other rows of the route.
    pub(super) about: &'static str,
    /// Makes what the request needs, and the request.
    pub(super) prepare: Prepare,
}

impl Ask {
    fn of(parameters: impl IntoIterator<Item = (&'static str, impl Into<String>)>) -> Self {
        let parameters = parameters.into_iter().map(|(name, value)| (name, value.into())).collect();
        Self { parameters, query: String::new(), body: None }
    }

    fn plain() -> Self {
        Self::of([("", "")])
    }

    fn query(self, query: impl Into<String>) -> Self {
        Self { query: query.into(), ..self }
    }

    fn json(self, body: &Value) -> Self {
        Self { body: Some((body.to_string().into_bytes(), true)), ..self }
    }

    fn bytes(self, body: Vec<u8>) -> Self {
        Self { body: Some((body, false)), ..self }
    }
}

macro_rules! rows {
    ($($route:literal, $about:literal, |$world:ident, $cell:ident| $ask:expr;)*) => {
        /// Every row, in the order of the table.
        pub(super) const ROWS: &[Row] = &[$(Row {
            route: $route,
            about: $about,
            prepare: |$world, $cell| Box::pin(async move { let _ = ($world, $cell); $ask }),
        }),*];
    };
}

/// The token an identity would ask about as its own: the owner's for those that have none here.
fn own_token(world: &World, cell: &Cell) -> String {
    world.token(cell.identity).unwrap_or(&world.acme.owner).id.clone()
}

fn legacy(credential: String, name: &str) -> Ask {
    Ask::of([("credential", credential), ("crate", name.to_owned()), ("version", "1.0.0".to_owned())])
}

fn upload(world: &World, name: &str, version: &str) -> Ask {
    Ask::plain().bytes(CrateFixture::new(name, version).body(&world.acme.owner.sparse()))
}

/// Path and query of a ticket for a file; the query left out for those who guess.
async fn ticket(world: &World, with_query: bool) -> Ask {
    let owner = &world.acme.owner;
    let decision = owner.client().get(&owner.download_url("partner-core", "1.0.0")).await.expect(302);
    let address = decision.header("location").to_owned();
    let (path, query) = address.split_once('?').unwrap();
    let mut parts = path.rsplit('/');
    let (file, tenant) = (parts.next().unwrap(), parts.next().unwrap());
    let ask = Ask::of([("tenant", tenant), ("file", file)]);
    if with_query { ask.query(format!("?{query}")) } else { ask }
}

async fn entitlement(world: &World, cell: &Cell) -> Ask {
    Ask::of([("id", world.fresh_entitlement(&cell.name).await)])
}

rows! {
    "app GET /healthz", "", |w, c| Ask::plain();
    "app GET /readyz", "", |w, c| Ask::plain();
    "index GET /healthz", "", |w, c| Ask::plain();
    "index GET /readyz", "", |w, c| Ask::plain();
    "download GET /healthz", "", |w, c| Ask::plain();
    "download GET /readyz", "", |w, c| Ask::plain();
    "internal GET /healthz", "", |w, c| Ask::plain();
    "internal GET /readyz", "", |w, c| Ask::plain();
    "internal GET /metrics", "", |w, c| Ask::plain();

    "app GET /", "", |w, c| Ask::plain();
    "app GET /static/wharf.css", "", |w, c| Ask::plain();
    "app GET /cargo/{org}/{registry}/me", "", |w, c| Ask::plain();

    "index GET /{org}/{registry}/config.json", "private", |w, c| Ask::plain();
    "index GET /{org}/{registry}/config.json", "public", |w, c| Ask::of([("registry", "open")]);
    "index GET /{org}/{registry}/info/refs", "private", |w, c| Ask::plain().query("?service=git-upload-pack");
    "index GET /{org}/{registry}/info/refs", "public", |w, c|
        Ask::of([("registry", "open")]).query("?service=git-upload-pack");
    "index GET /{org}/{registry}/info/refs", "to push", |w, c| Ask::plain().query("?service=git-receive-pack");
    "index POST /{org}/{registry}/git-upload-pack", "not as git sends it", |w, c| Ask::plain().bytes(b"0000".to_vec());
    "index POST /{org}/{registry}/git-receive-pack", "to push", |w, c| Ask::plain().bytes(b"0000".to_vec());
    "index GET /{org}/{registry}/{path}", "partner-core", |w, c| Ask::of([("path", "pa/rt/partner-core")]);
    "index GET /{org}/{registry}/{path}", "hidden-core", |w, c| Ask::of([("path", "hi/dd/hidden-core")]);
    "index GET /{org}/{registry}/{path}", "absent", |w, c| Ask::of([("path", "ab/se/absent")]);
    "index GET /{org}/{registry}/{path}", "public", |w, c|
        Ask::of([("registry", "open"), ("path", "op/en/open-core")]);

    "download GET /{org}/{registry}/{crate}/{version}/download", "partner-core", |w, c|
        Ask::of([("crate", "partner-core"), ("version", "1.0.0")]);
    "download GET /{org}/{registry}/{crate}/{version}/download", "hidden-core", |w, c|
        Ask::of([("crate", "hidden-core"), ("version", "1.0.0")]);
    "download GET /{org}/{registry}/{crate}/{version}/download", "absent", |w, c|
        Ask::of([("crate", "absent"), ("version", "1.0.0")]);
    "download GET /{org}/{registry}/{crate}/{version}/download", "public", |w, c|
        Ask::of([("registry", "open"), ("crate", "open-core"), ("version", "1.0.0")]);
    "download GET /{org}/{registry}/legacy/{credential}/{crate}/{version}/download", "the partner's, partner-core", |w, c|
        legacy(w.partners_address().await, "partner-core");
    "download GET /{org}/{registry}/legacy/{credential}/{crate}/{version}/download", "the partner's, hidden-core", |w, c|
        legacy(w.partners_address().await, "hidden-core");
    "download GET /{org}/{registry}/legacy/{credential}/{crate}/{version}/download", "made up", |w, c|
        legacy(format!("whfl_{}", "0".repeat(49)), "partner-core");
    "download GET /v1/{tenant}/{file}", "with a ticket", |w, c| ticket(w, true).await;
    "download GET /v1/{tenant}/{file}", "without", |w, c| ticket(w, false).await;
    "download HEAD /v1/{tenant}/{file}", "with a ticket", |w, c| ticket(w, true).await;
    "download HEAD /v1/{tenant}/{file}", "without", |w, c| ticket(w, false).await;

    "app GET /cargo/{org}/{registry}/api/v1/crates", "private", |w, c| Ask::plain().query("?q=core");
    "app GET /cargo/{org}/{registry}/api/v1/crates", "public", |w, c| Ask::of([("registry", "open")]).query("?q=core");
    "app PUT /cargo/{org}/{registry}/api/v1/crates/new", "a new partner-* crate", |w, c|
        upload(w, &format!("partner-{}", c.name), "1.0.0");
    "app PUT /cargo/{org}/{registry}/api/v1/crates/new", "a version of partner-core", |w, c|
        upload(w, "partner-core", &format!("1.{}.0", c.number));
    "app PUT /cargo/{org}/{registry}/api/v1/crates/new", "a version of hidden-core", |w, c|
        upload(w, "hidden-core", &format!("1.{}.0", c.number));
    "app PUT /cargo/{org}/{registry}/api/v1/crates/new", "public", |w, c|
        Ask::of([("registry", "open")])
            .bytes(CrateFixture::new(&format!("open-{}", c.name), "1.0.0").body(&w.open.sparse()));
    "app PUT /cargo/{org}/{registry}/api/v1/crates/new", "no upload at all", |w, c|
        Ask::plain().bytes(b"nothing".to_vec());
    "app DELETE /cargo/{org}/{registry}/api/v1/crates/{name}/{version}/yank", "partner-core", |w, c|
        Ask::of([("name", "partner-core"), ("version", "1.0.0")]);
    "app DELETE /cargo/{org}/{registry}/api/v1/crates/{name}/{version}/yank", "hidden-core", |w, c|
        Ask::of([("name", "hidden-core"), ("version", "1.0.0")]);
    "app PUT /cargo/{org}/{registry}/api/v1/crates/{name}/{version}/unyank", "partner-core", |w, c|
        Ask::of([("name", "partner-core"), ("version", "1.0.0")]);
    "app PUT /cargo/{org}/{registry}/api/v1/crates/{name}/{version}/unyank", "hidden-core", |w, c|
        Ask::of([("name", "hidden-core"), ("version", "1.0.0")]);
    "app GET /cargo/{org}/{registry}/api/v1/crates/{name}/owners", "partner-core", |w, c|
        Ask::of([("name", "partner-core")]);
    "app GET /cargo/{org}/{registry}/api/v1/crates/{name}/owners", "hidden-core", |w, c|
        Ask::of([("name", "hidden-core")]);
    "app GET /cargo/{org}/{registry}/api/v1/crates/{name}/owners", "absent", |w, c| Ask::of([("name", "absent")]);
    "app GET /cargo/{org}/{registry}/api/v1/crates/{name}/owners", "public", |w, c|
        Ask::of([("registry", "open"), ("name", "open-core")]);
    "app PUT /cargo/{org}/{registry}/api/v1/crates/{name}/owners", "partner-core", |w, c| {
        w.fresh_team(&c.name).await;
        Ask::of([("name", "partner-core")]).json(&json!({ "users": [format!("team:{}", c.name)] }))
    };
    "app PUT /cargo/{org}/{registry}/api/v1/crates/{name}/owners", "hidden-core", |w, c| {
        w.fresh_team(&c.name).await;
        Ask::of([("name", "hidden-core")]).json(&json!({ "users": [format!("team:{}", c.name)] }))
    };
    "app DELETE /cargo/{org}/{registry}/api/v1/crates/{name}/owners", "partner-core", |w, c| {
        w.fresh_team(&c.name).await;
        let users = json!({ "users": [format!("team:{}", c.name)] });
        let owner = &w.acme.owner;
        let _added = owner.client().json("PUT", &owner.crates_url("/partner-core/owners"), &users).await.expect(200);
        Ask::of([("name", "partner-core")]).json(&users)
    };

    "app GET /api/v1/openapi.json", "", |w, c| Ask::plain();
    "app GET /api/v1/whoami", "", |w, c| Ask::plain();
    "app POST /api/v1/orgs", "", |w, c| Ask::plain().json(&json!({ "slug": c.name }));
    "app GET /api/v1/orgs/{org}", "", |w, c| Ask::plain();

    "app POST /api/v1/orgs/{org}/registries", "", |w, c| Ask::plain().json(&json!({ "slug": c.name }));
    "app GET /api/v1/orgs/{org}/registries", "", |w, c| Ask::plain();
    "app GET /api/v1/orgs/{org}/registries/{registry}", "private", |w, c| Ask::plain();
    "app GET /api/v1/orgs/{org}/registries/{registry}", "absent", |w, c| Ask::of([("registry", "absent")]);
    "app PATCH /api/v1/orgs/{org}/registries/{registry}", "", |w, c| {
        w.fresh_registry(&c.name).await;
        Ask::of([("registry", c.name.clone())]).json(&json!({ "crates_io_allowed": false }))
    };

    "app POST /api/v1/orgs/{org}/members", "a reader", |w, c|
        Ask::plain().json(&json!({ "login": c.name, "email": format!("{}@acme.example", c.name), "role": "reader" }));
    "app POST /api/v1/orgs/{org}/members", "an owner", |w, c|
        Ask::plain().json(&json!({ "login": c.name, "email": format!("{}@acme.example", c.name), "role": "owner" }));
    "app GET /api/v1/orgs/{org}/members", "", |w, c| Ask::plain();
    "app PATCH /api/v1/orgs/{org}/members/{login}", "", |w, c| {
        w.fresh_member(&c.name, "reader").await;
        Ask::of([("login", c.name.clone())]).json(&json!({ "role": "publisher" }))
    };
    "app DELETE /api/v1/orgs/{org}/members/{login}", "a reader", |w, c| {
        w.fresh_member(&c.name, "reader").await;
        Ask::of([("login", c.name.clone())])
    };
    "app DELETE /api/v1/orgs/{org}/members/{login}", "an owner", |w, c| {
        w.fresh_member(&c.name, "owner").await;
        Ask::of([("login", c.name.clone())])
    };

    "app POST /api/v1/orgs/{org}/teams", "", |w, c| Ask::plain().json(&json!({ "slug": c.name }));
    "app GET /api/v1/orgs/{org}/teams", "", |w, c| Ask::plain();
    "app PUT /api/v1/orgs/{org}/teams/{team}/members/{login}", "", |w, c| {
        w.fresh_team(&c.name).await;
        Ask::of([("team", c.name.clone()), ("login", "reader".to_owned())])
    };
    "app DELETE /api/v1/orgs/{org}/teams/{team}/members/{login}", "", |w, c| {
        w.fresh_team(&c.name).await;
        let seat = format!("/teams/{}/members/reader", c.name);
        let _seated = w.acme.manage("PUT", &seat, &json!({})).await.expect(204);
        Ask::of([("team", c.name.clone()), ("login", "reader".to_owned())])
    };

    "app POST /api/v1/orgs/{org}/tokens", "reads partner-*", |w, c|
        Ask::plain().json(&json!({ "kind": "download", "name": c.name, "scopes": ["index:read@private/partner-*"] }));
    "app POST /api/v1/orgs/{org}/tokens", "manages members", |w, c|
        Ask::plain().json(&json!({ "kind": "personal", "name": c.name, "scopes": ["member:write@*"] }));
    "app POST /api/v1/orgs/{org}/tokens", "acts as a service account", |w, c|
        Ask::plain().json(&json!({
            "kind": "service", "name": c.name, "member": "service", "scopes": ["index:read@private/partner-*"],
        }));
    "app POST /api/v1/orgs/{org}/tokens", "for the publisher", |w, c|
        Ask::plain().json(&json!({
            "kind": "download", "name": c.name, "member": "publisher", "scopes": ["index:read@private/partner-*"],
        }));
    "app GET /api/v1/orgs/{org}/tokens", "", |w, c| Ask::plain();
    "app GET /api/v1/orgs/{org}/tokens/{id}", "its own", |w, c| Ask::of([("id", own_token(w, c))]);
    "app GET /api/v1/orgs/{org}/tokens/{id}", "a service account's", |w, c| {
        Ask::of([("id", w.fresh_token(&c.name).await)])
    };
    "app DELETE /api/v1/orgs/{org}/tokens/{id}", "a service account's", |w, c| {
        Ask::of([("id", w.fresh_token(&c.name).await)])
    };
    "app POST /api/v1/orgs/{org}/tokens/{id}/rotate", "a service account's", |w, c| {
        Ask::of([("id", w.fresh_token(&c.name).await)]).json(&json!({}))
    };
    "app POST /api/v1/orgs/{org}/tokens/{id}/rotate", "the auditor's", |w, c|
        Ask::of([("id", w.token(Identity::Auditor).unwrap().id.clone())]).json(&json!({ "overlap_s": 604_800 }));

    "app GET /api/v1/orgs/{org}/audit", "", |w, c| Ask::plain();

    "app POST /api/v1/orgs/{org}/registries/{registry}/entitlements", "", |w, c|
        Ask::plain().json(&json!({ "name": c.name, "rules": [{ "allow": ["partner-*"] }] }));
    "app GET /api/v1/orgs/{org}/registries/{registry}/entitlements", "", |w, c| Ask::plain();
    "app POST /api/v1/orgs/{org}/registries/{registry}/entitlements/preview", "", |w, c|
        Ask::plain().json(&json!({ "rules": [{ "allow": ["partner-*"] }] }));
    "app GET /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}", "", |w, c| entitlement(w, c).await;
    "app GET /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}", "the partner's", |w, c|
        Ask::of([("id", w.token(Identity::Partner).unwrap().entitlement.clone().unwrap())]);
    "app GET /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}", "another org's", |w, c|
        Ask::of([("id", w.foreign_entitlement.entitlement.clone().unwrap())]);
    "app PATCH /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}", "", |w, c|
        entitlement(w, c).await.json(&json!({ "note": "changed" }));
    "app DELETE /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}", "", |w, c| entitlement(w, c).await;
    "app POST /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/rotate", "", |w, c|
        entitlement(w, c).await.json(&json!({}));
    "app POST /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/disable", "", |w, c| entitlement(w, c).await;
    "app POST /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/enable", "", |w, c| entitlement(w, c).await;
    "app GET /api/v1/orgs/{org}/registries/{registry}/entitlements/{id}/view", "", |w, c| entitlement(w, c).await;
}
