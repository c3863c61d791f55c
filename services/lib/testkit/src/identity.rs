//! Orgs and tokens of a test, made through the product's own API.

use crate::fixture::CrateFixture;
use crate::http::{Answer, Client};
use crate::stack::Setup;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use wharf::assemble::{self, Ambient};
use wharf::commands::MadeOrg;
use wharf_domain::{Role, Scope, Slug, TokenKind};
use wharf_registry::bootstrap::{self, Spec, SpecMember, SpecToken};

/// The addresses of an installation.
#[derive(Clone, Debug)]
pub struct Bases {
    /// Of the API service.
    pub app: String,
    /// Of the index service.
    pub index: String,
    /// Of the download service.
    pub download: String,
}

/// An org of a test, in the hands of its owner.
#[derive(Clone, Debug)]
pub struct Org {
    /// Its name in addresses.
    pub slug: String,
    /// The owner's personal token, with every scope.
    pub owner: Token,
    bases: Bases,
    operator: Arc<Operator>,
}

/// The operator's side of an installation: people get their first token from there until they can sign in, because the
/// API hands nobody a secret that acts as another person.
struct Operator {
    config: wharf::Config,
    ambient: Ambient,
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operator")
    }
}

/// A token and the registry it is used with.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token's public id.
    pub id: String,
    /// The entitlement behind it, if there is one.
    pub entitlement: Option<String>,
    /// The token itself.
    pub secret: String,
    /// The org whose addresses it is used on.
    pub org: String,
    /// The registry whose addresses it is used on.
    pub registry: String,
    bases: Bases,
}

impl Org {
    pub(crate) fn new(setup: &Setup, ambient: &Ambient, slug: &str, made: &MadeOrg, token_id: String) -> Self {
        let bases = Bases { app: setup.app.clone(), index: setup.index.clone(), download: setup.download.clone() };
        let owner = Token {
            id: token_id,
            entitlement: None,
            secret: made.owner_token.expose().to_owned(),
            org: slug.to_owned(),
            registry: "private".to_owned(),
            bases: bases.clone(),
        };
        let operator = Arc::new(Operator { config: setup.config(), ambient: ambient.clone() });
        Self { slug: slug.to_owned(), owner, bases, operator }
    }

    /// The address of a management route of this org.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/api/v1/orgs/{}{path}", self.bases.app, self.slug)
    }

    /// The owner's answer from a management route.
    pub async fn manage(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.owner.client().json(method, &self.url(path), body).await
    }

    /// Makes another registry.
    pub async fn add_registry(&self, slug: &str, settings: &Value) -> Token {
        let mut body = json!({ "slug": slug });
        body.as_object_mut().unwrap().extend(settings.as_object().cloned().unwrap_or_default());
        let _made = self.manage("POST", "/registries", &body).await.expect(201);
        Token { registry: slug.to_owned(), ..self.owner.clone() }
    }

    /// Adds a member and issues a token of theirs with these scopes.
    pub async fn member(&self, login: &str, role: &str, kind: &str, scopes: &[&str]) -> Token {
        let kind = TokenKind::parse(kind).unwrap();
        let secret = wharf_domain::Token::generate(kind, &*self.operator.ambient.entropy);
        let parse = |text: &str| Slug::parse_new(text).unwrap();
        let member = |login: &str, role: Role, is_person: bool, tokens: Vec<SpecToken>| SpecMember {
            login: parse(login),
            email: is_person.then(|| format!("{login}@{}.example", self.slug)),
            password: None,
            may_create_orgs: false,
            role,
            tokens,
        };
        let token = SpecToken {
            name: format!("{login}'s"),
            kind,
            scopes: scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect(),
            expires_at: None,
            secret: Some(secret.clone()),
        };
        let spec = Spec {
            org: parse(&self.slug),
            name: self.slug.clone(),
            registry: parse("private"),
            members: vec![
                member("owner", Role::Owner, true, Vec::new()),
                member(login, Role::parse(role).unwrap(), kind != TokenKind::Service, vec![token]),
            ],
            entitlements: Vec::new(),
        };
        let Operator { config, ambient } = &*self.operator;
        let database = assemble::owner_database(config).unwrap();
        let peppers = assemble::peppers(config).unwrap();
        let _made = bootstrap::org(&database, &*ambient.clock, &*ambient.entropy, &peppers, spec).await.unwrap();
        database.close().await;
        let secret = secret.secret().expose().to_owned();
        let whoami = Client::with(&secret).get(&format!("{}/api/v1/whoami", self.bases.app)).await.expect(200).json();
        Token { id: whoami["token_id"].as_str().unwrap().to_owned(), secret, ..self.owner.clone() }
    }

    /// Issues a token of an existing member.
    pub async fn token(&self, login: &str, kind: &str, scopes: &[&str]) -> Token {
        // A member who is there keeps the role it has.
        self.member(login, Role::Reader.as_str(), kind, scopes).await
    }

    /// Grants an entitlement in a registry.
    pub async fn entitle(&self, registry: &str, name: &str, terms: &Value) -> Token {
        let mut body = json!({ "name": name });
        body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let made = self.manage("POST", &format!("/registries/{registry}/entitlements"), &body).await.expect(201).json();
        Token {
            id: made["tokens"][0]["id"].as_str().unwrap().to_owned(),
            entitlement: Some(made["id"].as_str().unwrap().to_owned()),
            secret: made["secret"].as_str().unwrap().to_owned(),
            registry: registry.to_owned(),
            ..self.owner.clone()
        }
    }

    /// Grants an entitlement in `private` that sees what matches these patterns.
    pub async fn partner(&self, name: &str, allow: &[&str]) -> Token {
        self.entitle("private", name, &json!({ "rules": [{ "allow": allow }] })).await
    }
}

impl Token {
    /// A client that sends this token.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::with(&self.secret)
    }

    /// The same token on another registry of the org.
    #[must_use]
    pub fn on(&self, registry: &str) -> Self {
        Self { registry: registry.to_owned(), ..self.clone() }
    }

    /// The sparse index as it stands in cargo's configuration.
    #[must_use]
    pub fn sparse(&self) -> String {
        format!("sparse+{}/{}/{}/", self.bases.index, self.org, self.registry)
    }

    /// The address of a file of the index.
    #[must_use]
    pub fn index_url(&self, path: &str) -> String {
        format!("{}/{}/{}/{path}", self.bases.index, self.org, self.registry)
    }

    /// The address of a route of the cargo web API, below `/api/v1/crates`.
    #[must_use]
    pub fn crates_url(&self, path: &str) -> String {
        format!("{}/cargo/{}/{}/api/v1/crates{path}", self.bases.app, self.org, self.registry)
    }

    /// The address of a download decision.
    #[must_use]
    pub fn download_url(&self, name: &str, version: &str) -> String {
        format!("{}/{}/{}/{name}/{version}/download", self.bases.download, self.org, self.registry)
    }

    /// The address of a download decision for cargo before 1.74, with a credential in it.
    #[must_use]
    pub fn legacy_url(&self, credential: &str, name: &str, version: &str) -> String {
        let Self { bases, org, registry, .. } = self;
        format!("{}/{org}/{registry}/legacy/{credential}/{name}/{version}/download", bases.download)
    }

    /// The path of a crate's index file.
    #[must_use]
    pub fn index_path(name: &str) -> String {
        let name = name.to_ascii_lowercase();
        match name.len() {
            1 => format!("1/{name}"),
            2 => format!("2/{name}"),
            3 => format!("3/{}/{name}", &name[..1]),
            _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
        }
    }

    /// Reads a crate's index file.
    pub async fn index(&self, name: &str) -> Answer {
        self.client().get(&self.index_url(&Self::index_path(name))).await
    }

    /// Publishes a crate.
    pub async fn publish(&self, krate: &CrateFixture) -> Answer {
        let body = krate.body(&self.sparse());
        self.client().send("PUT", &self.crates_url("/new"), &[("accept", "application/json")], Some(body)).await
    }

    /// Publishes a crate to a server that may die over it; `None` when no whole answer comes.
    pub async fn attempt_publish(&self, krate: &CrateFixture) -> Option<Answer> {
        let body = krate.body(&self.sparse());
        self.client().attempt("PUT", &self.crates_url("/new"), &[("accept", "application/json")], Some(body)).await
    }

    /// Asks for a download and follows the ticket.
    pub async fn download(&self, name: &str, version: &str) -> Answer {
        let decision = self.client().get(&self.download_url(name, version)).await;
        if decision.status != 302 {
            return decision;
        }
        Client::anonymous().get(decision.header("location")).await
    }

    /// Searches.
    pub async fn search(&self, query: &str) -> Answer {
        self.client().get(&self.crates_url(&format!("?q={query}&per_page=100"))).await
    }
}
