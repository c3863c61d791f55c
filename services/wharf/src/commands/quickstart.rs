//! The first org, and the file that tells how to use it.
//!
//! Secrets are written down before they are stored: whenever this is killed, the next run finds either nothing or the
//! same secrets, and never an org whose tokens nobody knows.

use crate::Config;
use crate::assemble::{self, Ambient};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use wharf_domain::entitlement::Terms;
use wharf_domain::view::Rule;
use wharf_domain::{CratePattern, Entropy, Role, Scope, Secret, Slug, Token, TokenKind, Verb};
use wharf_registry::Addresses;
use wharf_registry::bootstrap::{self, Spec, SpecEntitlement, SpecMember, SpecToken};

const ADMIN_EMAIL: &str = "admin@acme.example";

/// Makes the demo org and writes the file of addresses and secrets.
pub async fn bootstrap_demo(config: &Config, out: &Path) -> anyhow::Result<()> {
    let ambient = Ambient::default();
    let known = read(out)?;
    let secrets = DemoSecrets::known_or_new(&known, &*ambient.entropy);
    let (org, registry) = (slug("acme")?, slug("private")?);
    write(out, &settings(config, &org, &registry, &secrets))?;
    wharf_trial::moment!("bootstrap: secrets written");

    let owner = assemble::owner_database(config)?;
    let spec = demo(org, registry, secrets)?;
    let made = bootstrap::org(&owner, &*ambient.clock, &*ambient.entropy, &assemble::peppers(config)?, spec).await;
    owner.close().await;
    let made = made.map_err(|error| anyhow::Error::new(error).context("the demo organisation could not be made"))?;
    super::say(if made.is_new {
        "made the organisation `acme` with registry `private`"
    } else {
        "the organisation `acme` exists already"
    });
    Ok(())
}

/// An org made by [`bootstrap_org`].
#[derive(Debug)]
pub struct MadeOrg {
    /// A personal token of its owner with every scope.
    pub owner_token: Secret,
}

/// Makes an org with one private registry and an owner who holds one token.
pub async fn bootstrap_org(config: &Config, ambient: &Ambient, org: &str, registry: &str) -> anyhow::Result<MadeOrg> {
    let token = Token::generate(TokenKind::Personal, &*ambient.entropy);
    let spec = Spec {
        org: slug(org)?,
        name: org.to_owned(),
        registry: slug(registry)?,
        members: vec![SpecMember {
            login: slug("owner")?,
            email: Some(format!("owner@{org}.example")),
            password: None,
            may_create_orgs: true,
            role: Role::Owner,
            tokens: vec![SpecToken {
                name: "owner".to_owned(),
                kind: TokenKind::Personal,
                scopes: everything(),
                expires_at: None,
                secret: Some(token.clone()),
            }],
        }],
        entitlements: Vec::new(),
    };
    let owner = assemble::owner_database(config)?;
    let made = bootstrap::org(&owner, &*ambient.clock, &*ambient.entropy, &assemble::peppers(config)?, spec).await;
    owner.close().await;
    made?;
    Ok(MadeOrg { owner_token: token.secret().clone() })
}

struct DemoSecrets {
    password: Secret,
    api: Token,
    publish: Token,
    read_all: Token,
    partner: Token,
}

impl DemoSecrets {
    /// The secrets of the file; a new one for each that is missing or not of its kind.
    fn known_or_new(known: &BTreeMap<String, String>, entropy: &dyn Entropy) -> Self {
        let token = |name: &str, kind: TokenKind| {
            known
                .get(name)
                .and_then(|text| Token::parse(text).ok())
                .filter(|token| token.kind() == kind)
                .unwrap_or_else(|| Token::generate(kind, entropy))
        };
        // The body of a token is as good a random text as any.
        let password = known
            .get("WHARF_ADMIN_PASSWORD")
            .cloned()
            .unwrap_or_else(|| Token::generate(TokenKind::Personal, entropy).secret().expose()[5..29].to_owned());
        Self {
            password: Secret::new(password),
            api: token("WHARF_API_TOKEN", TokenKind::Personal),
            publish: token("WHARF_PUBLISH_TOKEN", TokenKind::Upload),
            read_all: token("WHARF_READ_ALL_TOKEN", TokenKind::Entitlement),
            partner: token("WHARF_PARTNER_TOKEN", TokenKind::Entitlement),
        }
    }
}

fn demo(org: Slug, registry: Slug, secrets: DemoSecrets) -> anyhow::Result<Spec> {
    let token = |name: &str, secret: Token, scopes: Vec<Scope>| SpecToken {
        name: name.to_owned(),
        kind: secret.kind(),
        scopes,
        expires_at: None,
        secret: Some(secret),
    };
    let entitlement = |name: &str, secret: Token, allow: &str| -> anyhow::Result<SpecEntitlement> {
        let rule = Rule { allow: vec![CratePattern::parse(allow)?], ..Rule::default() };
        let terms = Terms { rules: vec![rule], ..Terms::default() };
        Ok(SpecEntitlement { name: name.to_owned(), terms, secret: Some(secret) })
    };
    let uploads = [Verb::IndexRead, Verb::PublishNew, Verb::Publish, Verb::Yank, Verb::OwnerWrite];
    Ok(Spec {
        org,
        name: "Acme".to_owned(),
        registry,
        members: vec![SpecMember {
            login: slug("admin")?,
            email: Some(ADMIN_EMAIL.to_owned()),
            password: Some(secrets.password),
            may_create_orgs: true,
            role: Role::Owner,
            tokens: vec![
                token("quickstart admin", secrets.api, everything()),
                token("quickstart publish", secrets.publish, uploads.map(Scope::everywhere).to_vec()),
            ],
        }],
        entitlements: vec![
            entitlement("everything", secrets.read_all, "*")?,
            entitlement("partner", secrets.partner, "partner-*")?,
        ],
    })
}

fn everything() -> Vec<Scope> {
    Verb::ALL.map(Scope::everywhere).to_vec()
}

fn slug(text: &str) -> anyhow::Result<Slug> {
    Slug::parse_new(text).with_context(|| format!("`{text}`"))
}

fn settings(config: &Config, org: &Slug, registry: &Slug, secrets: &DemoSecrets) -> Vec<(&'static str, String)> {
    let addresses = Addresses {
        app: config.public.app.as_str().to_owned(),
        index: config.public.index.as_str().to_owned(),
        download: config.public.download.as_str().to_owned(),
    };
    let secret = |token: &Token| token.secret().expose().to_owned();
    let mut settings = vec![
        ("WHARF_APP_URL", addresses.app.clone()),
        ("WHARF_INDEX_URL", addresses.sparse_index(org, registry)),
        ("WHARF_GIT_URL", addresses.git_index(org, registry)),
        ("WHARF_DL_URL", addresses.download.clone()),
        ("WHARF_METRICS_URL", format!("http://{}/metrics", config.listen.internal)),
        ("WHARF_API_TOKEN", secret(&secrets.api)),
        ("WHARF_PUBLISH_TOKEN", secret(&secrets.publish)),
        ("WHARF_READ_ALL_TOKEN", secret(&secrets.read_all)),
        ("WHARF_PARTNER_TOKEN", secret(&secrets.partner)),
        ("WHARF_ADMIN_EMAIL", ADMIN_EMAIL.to_owned()),
        ("WHARF_ADMIN_PASSWORD", secrets.password.expose().to_owned()),
        ("WHARF_DATABASE_URL", config.database.owner_url_file.secret().expose().to_owned()),
    ];
    if let Some(redis) = &config.redis {
        settings.push(("WHARF_REDIS_URL", redis.url_file.secret().expose().to_owned()));
    }
    settings
}

/// Reads `NAME=value` lines as [`write`] makes them; nothing when there is no file.
fn read(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    Ok(text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect())
}

/// Writes shell variables to a file that only its owner reads, all or nothing.
fn write(path: &Path, settings: &[(&str, String)]) -> anyhow::Result<()> {
    let mut text =
        String::from("# Written by `wharf bootstrap`. Secrets of the demo organisation: keep this file to yourself.\n");
    for (name, value) in settings {
        if value.contains(['\'', '\n']) {
            bail!("{name} holds a quote or a line break, which this file cannot: {}", path.display());
        }
        let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "+-./:@_%=?".contains(c));
        let quote = if plain { "" } else { "'" };
        text += &format!("{name}={quote}{value}{quote}\n");
    }
    let fresh = path.with_extension("env.new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .with_context(|| fresh.display().to_string())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let directory = std::env::temp_dir().join(format!("wharf-quickstart-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("quickstart.env");
        assert!(read(&path).unwrap().is_empty());
        let settings = [("A", "plain-1".to_owned()), ("B", "with space & more".to_owned())];
        write(&path, &settings).unwrap();
        let read = read(&path).unwrap();
        assert_eq!((read["A"].as_str(), read["B"].as_str()), ("plain-1", "with space & more"));
        assert!(write(&path, &[("C", "it's".to_owned())]).is_err());
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
