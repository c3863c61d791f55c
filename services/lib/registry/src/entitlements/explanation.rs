//! Why a crate or a version is in a view, or not: rule by rule. Pure.

use wharf_domain::entitlement::{Rights, Terms};
use wharf_domain::{CanonicalName, Sight};
use wharf_store::view_contents::{HeldCrate, HeldVersion};

/// What one rule does about a crate or a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Shows it.
    Shows,
    /// Speaks of other crates.
    OtherCrates,
    /// Takes it out by an exception.
    Excepts,
    /// Would show it, but the read right does not reach it.
    NoReadRight,
    /// Speaks of the crate, but not of this version, or of none of its versions.
    OtherVersions,
}

/// Why something is in a view, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the registry has it.
    pub exists: bool,
    /// Whether the view shows it.
    pub visible: bool,
    /// What each rule does about it, in the order of the rules.
    pub rules: Vec<Effect>,
    /// Whether the publish right shows it.
    pub publish_right: bool,
}

/// Explains a name, and a version if one is meant; `held` is the crate when the registry has it.
pub(crate) fn explain(
    terms: &Terms,
    name: &CanonicalName,
    version: Option<&semver::Version>,
    held: Option<&HeldCrate>,
) -> Explanation {
    let meant: Vec<&HeldVersion> = held
        .into_iter()
        .flat_map(|held| &held.versions)
        .filter(|one| version.is_none_or(|version| one.number.semver() == version))
        .collect();
    let exists = !meant.is_empty();
    // What does not exist is explained by its name alone.
    let shows = |sight: &Sight| match exists {
        true => meant.iter().any(|one| sight.shows(one.number.semver(), one.published_at)),
        false => *sight != Sight::Hidden,
    };
    let of_rule = |index: usize| {
        let rule = &terms.rules[index];
        let alone = |read| Terms {
            rights: Rights { read, publish: Vec::new(), ..Rights::default() },
            rules: vec![rule.clone()],
        };
        let spoken_of = |list: &[wharf_domain::CratePattern]| list.iter().any(|pattern| pattern.matches(name));
        if shows(&alone(terms.rights.read.clone()).view().sight(name)) {
            Effect::Shows
        } else if !spoken_of(&rule.allow) {
            Effect::OtherCrates
        } else if spoken_of(&rule.except) {
            Effect::Excepts
        } else if !spoken_of(&terms.rights.read) {
            Effect::NoReadRight
        } else {
            Effect::OtherVersions
        }
    };
    let published = Terms { rules: Vec::new(), rights: terms.rights.clone() };
    Explanation {
        exists,
        visible: exists && shows(&terms.view().sight(name)),
        rules: (0..terms.rules.len()).map(of_rule).collect(),
        publish_right: shows(&published.view().sight(name)),
    }
}

impl Explanation {
    /// The explanation in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let showing = self.rules.iter().position(|effect| *effect == Effect::Shows);
        if !self.exists {
            return match (showing, self.publish_right) {
                (Some(at), _) => format!("the registry does not have it; rule {} would show it", at + 1),
                (None, true) => "the registry does not have it; the publish right would show it".to_owned(),
                (None, false) => "the registry does not have it, and no rule would show it".to_owned(),
            };
        }
        if let Some(at) = showing {
            return format!("rule {} shows it", at + 1);
        }
        if self.publish_right {
            return "the publish right shows it".to_owned();
        }
        let close = self.rules.iter().enumerate().find_map(|(at, effect)| {
            let reason = match effect {
                Effect::Excepts => "takes it out by an exception",
                Effect::NoReadRight => "would show it, but the read right does not reach it",
                Effect::OtherVersions => "speaks of the crate, but of other versions",
                Effect::Shows | Effect::OtherCrates => return None,
            };
            Some(format!("no rule shows it; rule {} {reason}", at + 1))
        });
        close.unwrap_or_else(|| "no rule speaks of it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_domain::view::Rule;
    use wharf_domain::{CrateId, CrateName, CratePattern, CrateVersion, Timestamp};

    fn patterns(texts: &[&str]) -> Vec<CratePattern> {
        texts.iter().map(|text| CratePattern::parse(text).unwrap()).collect()
    }

    fn terms() -> Terms {
        let rule = |allow: &[&str]| Rule { allow: patterns(allow), ..Rule::default() };
        Terms {
            rights: Rights { read: patterns(&["a*", "up"]), publish: patterns(&["up"]), ..Rights::default() },
            rules: vec![
                rule(&["zlib"]),
                Rule { except: patterns(&["a-secret"]), ..rule(&["a-*"]) },
                Rule { versions: Some("^1".parse().unwrap()), ..rule(&["a-core"]) },
                rule(&["other"]),
            ],
        }
    }

    fn of(name: &str, version: Option<&str>, numbers: &[&str]) -> Explanation {
        let name = CrateName::parse(name).unwrap();
        let held = HeldCrate {
            id: CrateId(uuid::Uuid::from_u128(1)),
            name: name.clone(),
            versions: numbers
                .iter()
                .map(|number| HeldVersion {
                    id: wharf_domain::VersionId(uuid::Uuid::nil()),
                    number: CrateVersion::parse(number).unwrap(),
                    published_at: Timestamp::from_unix(10),
                    yanked: false,
                    line: None,
                })
                .collect(),
        };
        let version = version.map(|text| text.parse().unwrap());
        let explanation = explain(&terms(), &name.canonical(), version.as_ref(), Some(&held));
        let sight = terms().view().sight(&name.canonical());
        let meant =
            held.versions.iter().filter(|one| version.as_ref().is_none_or(|wanted| one.number.semver() == wanted));
        let listed = meant.into_iter().any(|one| sight.shows(one.number.semver(), one.published_at));
        assert_eq!(explanation.visible, listed, "the view decides");
        assert_eq!(
            explanation.visible,
            explanation.exists && (explanation.rules.contains(&Effect::Shows) || explanation.publish_right)
        );
        explanation
    }

    #[test]
    fn each_reason() {
        use Effect::{Excepts, NoReadRight, OtherCrates, OtherVersions, Shows};
        let core = of("a_core", Some("1.2.0"), &["1.2.0", "2.0.0"]);
        assert_eq!(core.rules, [OtherCrates, Shows, Shows, OtherCrates]);
        assert_eq!(core.sentence(), "rule 2 shows it");
        let secret = of("a-secret", None, &["1.0.0"]);
        assert_eq!(secret.rules, [OtherCrates, Excepts, OtherCrates, OtherCrates]);
        assert_eq!(secret.sentence(), "no rule shows it; rule 2 takes it out by an exception");
        let unread = of("zlib", None, &["1.0.0"]);
        assert_eq!(unread.rules[0], NoReadRight);
        assert!(unread.sentence().contains("read right"));
        assert_eq!(of("up", None, &["1.0.0"]).sentence(), "the publish right shows it");
        assert_eq!(of("unknown", None, &["1.0.0"]).sentence(), "no rule speaks of it");
        let narrow = Terms { rules: terms().rules.split_off(2), ..terms() };
        let name = CrateName::parse("a-core").unwrap().canonical();
        let two: semver::Version = "2.0.0".parse().unwrap();
        let explanation = explain(&narrow, &name, Some(&two), None);
        assert!(!explanation.exists && !explanation.visible);
        assert_eq!(explanation.sentence(), "the registry does not have it; rule 1 would show it");
        let newer = of("a-core", Some("9.0.0"), &["1.0.0"]);
        assert!(!newer.exists && !newer.visible);
        assert_eq!(OtherVersions, {
            let held = HeldCrate {
                id: CrateId(uuid::Uuid::from_u128(1)),
                name: CrateName::parse("a-core").unwrap(),
                versions: vec![HeldVersion {
                    id: wharf_domain::VersionId(uuid::Uuid::nil()),
                    number: CrateVersion::parse("2.0.0").unwrap(),
                    published_at: Timestamp::from_unix(10),
                    yanked: false,
                    line: None,
                }],
            };
            explain(&narrow, &name, Some(&two), Some(&held)).rules[0]
        });
    }
}
