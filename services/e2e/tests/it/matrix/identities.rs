//! Identities as a type, and the world they meet: two orgs, four crates, and a token for each identity.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use wharf_testkit::{Client, CrateFixture, Org, Stack, Token};

/// Every scope there is.
const EVERYTHING: [&str; 14] = [
    "index:read@*",
    "crate:download@*",
    "crate:publish-new@*",
    "crate:publish@*",
    "crate:yank@*",
    "owner:write@*",
    "registry:write@*",
    "entitlement:read@*",
    "entitlement:write@*",
    "member:read@*",
    "member:write@*",
    "policy:write@*",
    "audit:read@*",
    "token:write@*",
];

macro_rules! identities {
    ($($identity:ident, $heading:literal, $about:literal;)*) => {
        /// Who asks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Identity {
            $(#[doc = $about] $identity,)*
        }

        impl Identity {
            /// Everyone, in the order of the table's columns.
            pub(super) const ALL: &[Self] = &[$(Self::$identity),*];

            /// The heading of its column.
            pub(super) fn heading(self) -> &'static str {
                match self { $(Self::$identity => $heading,)* }
            }

            /// What it is, in a line.
            pub(super) fn about(self) -> &'static str {
                match self { $(Self::$identity => $about,)* }
            }
        }
    };
}

identities! {
    Anonymous, "anon", "no credential";
    Malformed, "malf", "a credential that is no token";
    Unknown, "unkn", "a well-formed token that was never issued";
    Expired, "expd", "an owner's token with every scope, past its end";
    Revoked, "revk", "an owner's token with every scope, revoked";
    Disabled, "dsbl", "an entitlement to everything with every right, switched off";
    Early, "erly", "an entitlement to everything with every right, before its window";
    Elsewhere, "else", "an owner's token with every scope, bound to another network";
    Partner, "part", "an entitlement to read partner-*";
    Entitled, "enti", "an entitlement to read everything";
    Supplier, "supp", "an entitlement to everything with every right";
    Download, "down", "a publisher's download token, index:read@private/partner-*";
    Upload, "upld", "a publisher's upload token with all it may carry";
    Reader, "read", "a member in the role reader, every scope";
    Publisher, "publ", "a member in the role publisher, every scope; owns partner-core";
    Auditor, "audt", "a member in the role auditor, every scope";
    Narrow, "narw", "a member in the role admin whose token has only member:read@*";
    Service, "serv", "a service account in the role admin, every scope";
    Admin, "admn", "a member in the role admin, every scope";
    Owner, "ownr", "a member in the role owner, every scope; owns hidden-core";
    Other, "othr", "the owner of another org, every scope";
}

/// An installation with everything the requests speak of.
pub(super) struct World {
    pub(super) stack: Stack,
    pub(super) acme: Org,
    pub(super) globex: Org,
    pub(super) open: Token,
    /// An entitlement and a token of the other org: names that exist, elsewhere.
    pub(super) foreign_entitlement: Token,
    tokens: HashMap<Identity, Token>,
    clients: HashMap<Identity, Client>,
}

impl World {
    pub(super) async fn new() -> Self {
        let stack = Stack::start().await;
        let (acme, globex) = (stack.org("acme").await, stack.org("globex").await);
        let open = acme.add_registry("open", &json!({ "visibility": "public" })).await;

        let old = json!({ "legacy_git_downloads": true });
        let _old = acme.manage("PATCH", "/registries/private", &old).await.expect(200);

        let all = json!([{ "allow": ["*"] }]);
        let rights = json!({ "publish": ["*"], "yank": ["*"], "owners": ["*"] });
        let mut tokens = HashMap::from([
            (Identity::Owner, acme.owner.clone()),
            (Identity::Other, globex.owner.clone()),
            (Identity::Partner, acme.partner("partner", &["partner-*"]).await),
            (Identity::Entitled, acme.entitle("private", "entitled", &json!({ "rules": all })).await),
            (Identity::Supplier, acme.entitle("private", "supplier", &json!({ "rules": all, "rights": rights })).await),
            (
                Identity::Disabled,
                acme.entitle("private", "disabled", &json!({ "rules": all, "rights": rights, "enabled": false })).await,
            ),
            (
                Identity::Early,
                acme.entitle(
                    "private",
                    "early",
                    &json!({ "rules": all, "rights": rights, "not_before": "2030-01-01T00:00:00Z" }),
                )
                .await,
            ),
        ]);
        for (identity, login, role, kind, scopes) in [
            (Identity::Publisher, "publisher", "publisher", "personal", &EVERYTHING[..]),
            (Identity::Reader, "reader", "reader", "personal", &EVERYTHING),
            (Identity::Auditor, "auditor", "auditor", "personal", &EVERYTHING),
            (Identity::Admin, "admin", "admin", "personal", &EVERYTHING),
            (Identity::Narrow, "narrow", "admin", "personal", &["member:read@*"]),
            (Identity::Service, "service", "admin", "service", &EVERYTHING),
            (Identity::Upload, "publisher", "publisher", "upload", &EVERYTHING[..6]),
            (Identity::Download, "publisher", "publisher", "download", &["index:read@private/partner-*"]),
        ] {
            tokens.insert(identity, acme.member(login, role, kind, scopes).await);
        }
        for (identity, more) in [
            (Identity::Expired, json!({ "expires_at": "2026-06-01T12:01:00Z" })),
            (Identity::Revoked, json!({})),
            (Identity::Elsewhere, json!({ "sources": ["203.0.113.0/24"] })),
        ] {
            let mut body = json!({ "kind": "personal", "name": identity.heading(), "scopes": EVERYTHING });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            tokens.insert(identity, issued(&acme, &body).await);
        }
        let _revoked =
            acme.manage("DELETE", &format!("/tokens/{}", tokens[&Identity::Revoked].id), &json!({})).await.expect(204);
        stack.advance(Duration::from_secs(120)).await;

        let _partner =
            tokens[&Identity::Publisher].publish(&CrateFixture::new("partner-core", "1.0.0")).await.expect(200);
        let _hidden = acme.owner.publish(&CrateFixture::new("hidden-core", "1.0.0")).await.expect(200);
        let _open = open.publish(&CrateFixture::new("open-core", "1.0.0")).await.expect(200);
        let _elsewhere = globex.owner.publish(&CrateFixture::new("partner-core", "1.0.0")).await.expect(200);
        let foreign_entitlement = globex.partner("partner", &["*"]).await;
        let mut world = Self { stack, acme, globex, open, foreign_entitlement, tokens, clients: HashMap::new() };
        world.clients = Identity::ALL.iter().map(|identity| (*identity, world.new_client(*identity))).collect();
        world
    }

    /// The token of an identity, for those that have one in the database.
    pub(super) fn token(&self, identity: Identity) -> Option<&Token> {
        self.tokens.get(&identity)
    }

    /// What an identity sends requests with.
    pub(super) fn client(&self, identity: Identity) -> Client {
        self.clients[&identity].clone()
    }

    fn new_client(&self, identity: Identity) -> Client {
        match (identity, self.tokens.get(&identity)) {
            (_, Some(token)) => token.client(),
            (Identity::Malformed, None) => Client::with("whfa_not-a-token"),
            // Drawn as the product draws one, and never stored.
            (Identity::Unknown, None) => {
                let never =
                    wharf_domain::Token::generate(wharf_domain::TokenKind::Personal, &*self.stack.ambient.entropy);
                Client::with(never.secret().expose())
            }
            (Identity::Anonymous, None) => Client::anonymous(),
            (identity, None) => panic!("{identity:?} has no token"),
        }
    }

    /// The credential in the download address that the partner's git index names.
    pub(super) async fn partners_address(&self) -> String {
        self.stack.setup.legacy_credential(&self.tokens[&Identity::Partner]).await
    }

    /// A member of its own for one cell.
    pub(super) async fn fresh_member(&self, login: &str, role: &str) {
        let body = json!({ "login": login, "email": format!("{login}@acme.example"), "role": role });
        let _added = self.acme.manage("POST", "/members", &body).await.expect(201);
    }

    /// A team of its own for one cell.
    pub(super) async fn fresh_team(&self, slug: &str) {
        let _made = self.acme.manage("POST", "/teams", &json!({ "slug": slug })).await.expect(201);
    }

    /// A registry of its own for one cell.
    pub(super) async fn fresh_registry(&self, slug: &str) {
        let _made = self.acme.manage("POST", "/registries", &json!({ "slug": slug })).await.expect(201);
    }

    /// An entitlement of its own for one cell; its id.
    pub(super) async fn fresh_entitlement(&self, name: &str) -> String {
        let made = self.acme.partner(name, &["partner-*"]).await;
        made.entitlement.unwrap()
    }

    /// A token of a service account, of its own for one cell; its id.
    pub(super) async fn fresh_token(&self, name: &str) -> String {
        let scopes = json!(["index:read@private/partner-*"]);
        issued(&self.acme, &json!({ "kind": "service", "member": "service", "name": name, "scopes": scopes })).await.id
    }
}

/// A token issued by the owner of an org.
async fn issued(org: &Org, body: &Value) -> Token {
    let made = org.manage("POST", "/tokens", body).await.expect(201).json();
    let mut token = org.owner.clone();
    made["token"]["id"].as_str().unwrap().clone_into(&mut token.id);
    made["secret"].as_str().unwrap().clone_into(&mut token.secret);
    token
}
