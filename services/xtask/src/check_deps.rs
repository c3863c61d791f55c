//! Compares the manifests of the workspace with the table in [`crate::arrows`]. Direct dependencies only: those are what
//! somebody wrote down. It judges dev- and build-dependencies like the others; only the test kit is free to tests.

use anyhow::{Context, bail};
use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::arrows::{ANYONES, CRATES, EXEMPT, IMPURE, PURE, RESERVED, TEST_ONLY};

/// One line of one manifest.
struct Arrow {
    from: String,
    to: String,
    /// The target is a crate of this workspace.
    ours: bool,
    for_tests: bool,
}

pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    let names: Vec<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let mut arrows = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            arrows.push(Arrow {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                ours: dependency.path.is_some(),
                for_tests: dependency.kind == DependencyKind::Development,
            });
        }
    }
    let mut wrong = unlisted(&names);
    wrong.extend(arrows.iter().filter_map(objection));
    if wrong.is_empty() {
        println!("{} dependencies of {} crates point the right way", arrows.len(), names.len());
        return Ok(());
    }
    bail!("wrong dependency directions (services/xtask/src/arrows.rs is the rule):\n  {}", wrong.join("\n  "))
}

/// A crate the table does not know would otherwise be free to use anything.
fn unlisted(names: &[String]) -> Vec<String> {
    names
        .iter()
        .filter(|name| !EXEMPT.contains(&name.as_str()) && !CRATES.iter().any(|known| known.name == name.as_str()))
        .map(|name| format!("{name} has no row in the table: say what it may use, and why"))
        .collect()
}

fn objection(arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, .. } = arrow;
    if EXEMPT.contains(&from.as_str()) {
        return None;
    }
    if arrow.ours {
        if to == TEST_ONLY && arrow.for_tests {
            return None;
        }
        if to == ANYONES {
            return None;
        }
        if EXEMPT.contains(&to.as_str()) {
            return Some(format!("{from} -> {to}: what ships must not stand on test code; make it a dev-dependency"));
        }
        let row = CRATES.iter().find(|known| known.name == from)?;
        return (!row.may_use.contains(&to.as_str())).then(|| {
            let allowed = if row.may_use.is_empty() { "nothing of ours".to_owned() } else { row.may_use.join(", ") };
            format!("{from} -> {to}: {}; it may use {allowed}", row.why)
        });
    }
    if PURE.contains(&from.as_str()) && IMPURE.contains(&to.as_str()) {
        return Some(format!("{from} -> {to}: this crate is pure: no runtime, no network, no clock, no randomness"));
    }
    RESERVED
        .iter()
        .filter(|rule| if rule.prefix { to.starts_with(rule.library) } else { to == rule.library })
        .find(|rule| !rule.only.contains(&from.as_str()))
        .map(|rule| format!("{from} -> {to}: only {} may use it; {}", rule.only.join(", "), rule.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrow(from: &str, to: &str, ours: bool, for_tests: bool) -> Arrow {
        Arrow { from: from.to_owned(), to: to.to_owned(), ours, for_tests }
    }

    #[test]
    fn right_arrows_pass() {
        for (from, to, ours, for_tests) in [
            ("wharf-store", "wharf-domain", true, false),
            ("wharf-api", "wharf-web", true, false),
            ("wharf-index", "wharf-testkit", true, true),
            ("wharf-domain", "wharf-trial", true, false),
            ("wharf-store", "sqlx", false, false),
            ("wharf-blob", "aws-sdk-s3", false, false),
            ("wharf-testkit", "sqlx", false, false),
            ("wharf-e2e", "wharf-api", true, true),
            ("wharf-registry", "tokio", false, false),
        ] {
            assert_eq!(objection(&arrow(from, to, ours, for_tests)), None, "{from} -> {to}");
        }
    }

    #[test]
    fn wrong_arrows_name_themselves_and_the_reason() {
        for (from, to, ours, for_tests, reason) in [
            ("wharf-domain", "wharf-store", true, false, "stands on nothing"),
            ("wharf-download", "wharf-index", true, false, "services meet in Postgres"),
            ("wharf-download", "wharf-store", true, false, "services meet in Postgres"),
            ("wharf-index", "wharf-store", true, true, "services meet in Postgres"),
            ("wharf-store", "wharf-testkit", true, false, "must not stand on test code"),
            ("wharf-registry", "wharf-testkit", true, false, "must not stand on test code"),
            ("wharf-registry", "sqlx", false, false, "only wharf-store"),
            ("wharf-registry", "sqlx", false, true, "only wharf-store"),
            ("wharf-index", "redis", false, false, "only wharf-cache"),
            ("wharf-registry", "aws-smithy-http-client", false, false, "only wharf-blob"),
            ("wharf-registry", "actix-web", false, false, "below chassis nothing knows HTTP"),
            ("wharf-signed-url", "tokio", false, false, "this crate is pure"),
        ] {
            let text = objection(&arrow(from, to, ours, for_tests)).unwrap_or_default();
            assert!(text.starts_with(&format!("{from} -> {to}: ")), "{from} -> {to} gave {text:?}");
            assert!(text.contains(reason), "{from} -> {to} gave {text:?}");
        }
    }

    #[test]
    fn a_crate_outside_the_table_is_refused() {
        let names = ["wharf-domain", "xtask", "wharf-novelty"].map(str::to_owned);
        assert_eq!(unlisted(&names).len(), 1);
        assert!(unlisted(&names)[0].contains("wharf-novelty"));
    }

    #[test]
    fn the_table_speaks_of_itself_only() {
        for row in CRATES {
            for used in row.may_use {
                assert!(CRATES.iter().any(|known| known.name == *used), "{} may use unknown {used}", row.name);
            }
        }
    }
}
