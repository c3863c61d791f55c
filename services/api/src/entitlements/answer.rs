//! Entitlements as they are answered.

use super::terms::{HolderJson, LimitJson, RightsJson, RuleJson, Source};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;
use wharf_domain::{Slug, Timestamp};
use wharf_registry::Addresses;
use wharf_registry::entitlements::{EntitlementToken, Granted, Issued, ShownCrate};

/// A secret of an entitlement, by everything but its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntitlementToken)]
pub struct TokenJson {
    /// Its identity.
    pub id: Uuid,
    /// The last four characters before its check digits.
    pub hint: String,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Until when it holds, when it was rotated out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// The day it was last used, UTC.
    #[schema(value_type = Option<String>, format = Date)]
    pub last_used_on: Option<String>,
}

impl From<EntitlementToken> for TokenJson {
    fn from(token: EntitlementToken) -> Self {
        Self {
            id: token.id.0,
            hint: token.hint,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_on: token.last_used_on.map(|day| day.to_string()),
        }
    }
}

/// An entitlement.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entitlement)]
pub struct EntitlementJson {
    /// Its identity.
    pub id: Uuid,
    /// Unique in the registry.
    pub name: String,
    /// A text for people.
    pub note: String,
    /// A JSON object for your own programs.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Who uses it.
    pub holder: Option<HolderJson>,
    /// What the holder may do.
    pub rights: RightsJson,
    /// What the holder sees.
    pub rules: Vec<RuleJson>,
    /// Holds from this moment on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// Holds until just before this moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// What is counted against it.
    pub limits: Vec<LimitJson>,
    /// Networks it may be used from.
    #[schema(value_type = Vec<String>)]
    pub sources: Vec<Source>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Equal for entitlements of this registry that show the same by the same rules.
    pub view_id: String,
    /// When it was granted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Its tokens that have not ended.
    pub tokens: Vec<TokenJson>,
}

impl From<Granted> for EntitlementJson {
    fn from(granted: Granted) -> Self {
        let Granted { entitlement, tokens } = granted;
        Self {
            id: entitlement.id.0,
            holder: entitlement.holder.as_ref().map(HolderJson::from),
            rights: RightsJson::from(&entitlement.terms.rights),
            rules: entitlement.terms.rules.iter().map(RuleJson::from).collect(),
            not_before: entitlement.window.not_before,
            expires_at: entitlement.window.expires_at,
            limits: entitlement.limits.into_iter().map(LimitJson::from).collect(),
            sources: entitlement.window.sources.into_iter().map(Source).collect(),
            enabled: entitlement.window.enabled,
            view_id: entitlement.view.to_string(),
            created_at: entitlement.created_at,
            updated_at: entitlement.updated_at,
            tokens: tokens.into_iter().map(TokenJson::from).collect(),
            name: entitlement.name,
            note: entitlement.note,
            metadata: entitlement.metadata,
        }
    }
}

/// How the holder sets cargo up.
#[derive(Debug, Serialize, ToSchema)]
pub struct CargoSetup {
    /// The name under which the configuration below speaks of the registry; any other will do.
    pub registry: String,
    /// For `.cargo/config.toml`.
    pub config: String,
    /// The variable that holds the secret; or run `cargo login` with it.
    pub environment_variable: String,
    /// Asks for the secret and keeps it.
    pub login: String,
}

impl CargoSetup {
    fn new(addresses: &Addresses, org: &Slug, registry: &Slug) -> Self {
        let name = format!("{org}-{registry}");
        Self {
            config: format!(
                "[registries.{name}]\nindex = \"{}\"\n\n[registry]\nglobal-credential-providers = [\"cargo:token\"]\n",
                addresses.sparse_index(org, registry)
            ),
            environment_variable: format!("CARGO_REGISTRIES_{}_TOKEN", name.to_ascii_uppercase().replace('-', "_")),
            login: format!("cargo login --registry {name}"),
            registry: name,
        }
    }
}

/// An entitlement with a secret that was just made. No `Debug`: the secret must not reach a log.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedEntitlement)]
pub struct IssuedJson {
    /// The entitlement.
    #[serde(flatten)]
    pub entitlement: EntitlementJson,
    /// The token. It is shown this once.
    pub secret: String,
    /// How the holder sets cargo up.
    pub cargo: CargoSetup,
}

impl IssuedJson {
    pub(super) fn new(issued: Issued, addresses: &Addresses, org: &Slug, registry: &Slug) -> Self {
        Self {
            entitlement: issued.granted.into(),
            secret: issued.secret.expose().to_owned(),
            cargo: CargoSetup::new(addresses, org, registry),
        }
    }
}

/// A version that a view shows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownVersion)]
pub struct ShownVersionJson {
    /// Its number.
    pub version: String,
    /// When it was published.
    #[schema(value_type = String, format = DateTime)]
    pub published_at: Timestamp,
    /// Whether it is yanked.
    pub yanked: bool,
}

/// A crate that a view shows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownCrate)]
pub struct ShownCrateJson {
    /// Its name.
    #[serde(rename = "crate")]
    pub krate: String,
    /// How many versions the view shows.
    pub total: usize,
    /// The newest of them, oldest first; at most 1,000.
    pub versions: Vec<ShownVersionJson>,
}

impl From<ShownCrate> for ShownCrateJson {
    fn from(shown: ShownCrate) -> Self {
        Self {
            krate: shown.name.to_string(),
            total: shown.total,
            versions: shown
                .versions
                .into_iter()
                .map(|version| ShownVersionJson {
                    version: version.number.to_string(),
                    published_at: version.published_at,
                    yanked: version.yanked,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wharf_domain::entitlement::{Terms, Window};
    use wharf_domain::{EntitlementId, RegistryId, Secret, TokenId};
    use wharf_registry::entitlements::Entitlement;

    #[test]
    fn the_form_of_an_issued_entitlement() {
        let at = Timestamp::from_unix(1_780_000_000);
        let id = EntitlementId(Uuid::from_u128(1));
        let registry = RegistryId(Uuid::from_u128(2));
        let entitlement = Entitlement {
            id,
            registry,
            name: "partner".into(),
            note: String::new(),
            metadata: Map::new(),
            holder: None,
            terms: Terms::default(),
            window: Window { not_before: None, expires_at: None, sources: Vec::new(), enabled: true },
            limits: Vec::new(),
            view: Terms::default().view_id(registry),
            created_at: at,
            updated_at: at,
        };
        let token = EntitlementToken {
            id: TokenId(Uuid::from_u128(3)),
            entitlement: id,
            hint: "abcd".into(),
            created_at: at,
            expires_at: None,
            last_used_on: Some(at.inner().date()),
        };
        let issued = Issued {
            granted: Granted { entitlement, tokens: vec![token] },
            secret: Secret::new("whfe_example".into()),
        };
        let addresses = Addresses {
            app: "https://app.test".into(),
            index: "https://index.test".into(),
            download: "https://dl.test".into(),
        };
        let slug = |text| Slug::parse(text).unwrap();
        let value = serde_json::to_value(IssuedJson::new(issued, &addresses, &slug("acme"), &slug("my-own"))).unwrap();
        assert_eq!(value["secret"], "whfe_example");
        assert_eq!(value["rights"], json!({ "read": ["*"], "publish": [], "yank": [], "owners": [] }));
        assert_eq!(value["tokens"][0]["last_used_on"], "2026-05-28");
        assert_eq!(value["tokens"][0]["expires_at"], Value::Null);
        assert_eq!(value["holder"], Value::Null);
        assert_eq!(value["view_id"].as_str().unwrap().len(), 64);
        assert_eq!(value["cargo"]["environment_variable"], "CARGO_REGISTRIES_ACME_MY_OWN_TOKEN");
        let config = value["cargo"]["config"].as_str().unwrap();
        assert!(config.starts_with("[registries.acme-my-own]\nindex = \"sparse+https://index.test/acme/my-own/\"\n"));
        let shown_once = serde_json::to_string(&value).unwrap().matches("whfe_example").count();
        assert_eq!(shown_once, 1);
    }
}
