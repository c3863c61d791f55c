//! The table as a page for people who run an org: `docs/reference/authorization.md`.

use super::identities::Identity;
use super::operations::{self, Operation};
use super::rights::holds;
use super::{Line, LineKind, Tenancy};
use std::fmt::Write;

/// The groups in the order of the page, with what a reader needs to know of each.
const GROUPS: &[(&str, &str, &str)] = &[
    (
        "index",
        "Index",
        "What cargo reads to resolve dependencies. `hidden-core` stands for every crate outside a view.",
    ),
    (
        "download",
        "Downloads",
        "The decision is made for the credential; the file is given to whoever brings its ticket.",
    ),
    ("cargo", "Cargo's web API", "What `cargo search`, `publish`, `yank` and `owner` speak to."),
    ("entitlements", "Entitlements", "Who outside the org sees what."),
    (
        "tokens",
        "Tokens",
        "A token carries at most what its member may do now; nobody issues one that acts as another person.",
    ),
    ("members", "Members", "Only owners make and unmake owners."),
    ("teams", "Teams", "Teams own crates as members do."),
    ("registries", "Registries", ""),
    ("orgs", "Orgs", "An account may make orgs when the operator has said so."),
    ("audit", "Audit", ""),
    ("about", "About the caller and the API", ""),
    ("pages", "Pages", "The same for everyone."),
    ("health", "Health", "The same for everyone; the internal port is not for the public."),
];

/// Columns: who, as the heading of the page, and the identities that must all be answered alike.
const COLUMNS: &[(&str, &[Identity])] = &[
    ("no credential", &[Identity::Anonymous]),
    (
        "not valid",
        &[
            Identity::Malformed,
            Identity::Unknown,
            Identity::Expired,
            Identity::Revoked,
            Identity::Disabled,
            Identity::Early,
            Identity::Elsewhere,
        ],
    ),
    ("partner", &[Identity::Partner]),
    ("customer", &[Identity::Entitled]),
    ("supplier", &[Identity::Supplier]),
    ("download token", &[Identity::Download]),
    ("upload token", &[Identity::Upload]),
    ("reader", &[Identity::Reader]),
    ("publisher", &[Identity::Publisher]),
    ("auditor", &[Identity::Auditor]),
    ("narrow token", &[Identity::Narrow]),
    ("service account", &[Identity::Service]),
    ("admin", &[Identity::Admin]),
    ("owner", &[Identity::Owner]),
    ("other org", &[Identity::Other]),
];

const HEAD: &str = "\
# Who may do what

Every operation of every service, and what each kind of principal is answered. This page is made from real answers: a test
asks every operation as every principal and compares the answers with a reviewed table, so what stands here is what happens.
(`cargo test -p wharf-e2e --test it matrix`; `WHARF_REVIEW=1` writes page and table anew.)

| answer | means | status |
|---|---|---|
| yes | done | 200 to 302 |
| sign in | no credential, or one that is not valid (cargo's web API says 403 to the latter, as cargo wants it) | 401 |
| no | you may know of it, and may not do this | 403 |
| absent | there is no such thing for you: the same answer, to the byte, as if it did not exist | 404 |
| a number | seen and refused for another reason than who you are, or because the request makes no sense from you | as it says |

An org that is not yours is absent, whether it exists or not; the answers are compared byte for byte. The column *other org*
is the owner of another org who asks about this one.

| column | who |
|---|---|
";

fn word(status: u16) -> String {
    match status {
        200..=399 => "yes".to_owned(),
        401 => "sign in".to_owned(),
        403 => "no".to_owned(),
        404 => "absent".to_owned(),
        other => other.to_string(),
    }
}

fn cell(line: &Line, identities: &[Identity]) -> String {
    let statuses: Vec<u16> = identities.iter().map(|identity| line.status(Tenancy::Own, *identity).unwrap()).collect();
    let first = statuses[0];
    assert!(statuses.iter().all(|status| *status == first), "{}: {identities:?} are answered {statuses:?}", line.label);
    // Cargo takes 403 from its web API for a credential that is not valid.
    if !holds(identities[0]) && first == 403 && line.label.contains("/cargo/") {
        "sign in".to_owned()
    } else {
        word(first)
    }
}

/// The address without its service and frame, as a reader knows it.
fn title(line: &Line, operation: &Operation) -> String {
    let about = if line.about.is_empty() { String::new() } else { format!(" ({})", line.about) };
    let route = operation.route.split_once(' ').unwrap().1.replace('|', "\\|");
    format!("{}{about}<br>`{route}`", operation.summary)
}

/// The page.
pub(super) fn render(lines: &[Line]) -> String {
    let mut text = HEAD.to_owned();
    for (name, identities) in COLUMNS {
        let about: Vec<&str> = identities.iter().map(|identity| identity.about()).collect();
        writeln!(text, "| {name} | {} |", about.join("; ")).unwrap();
    }
    let operations = operations::all();
    let known: Vec<&str> = GROUPS.iter().map(|(group, ..)| *group).collect();
    let stray = operations.iter().find(|operation| !known.contains(&operation.group.as_str()));
    assert!(stray.is_none(), "a group without a heading: {:?}", stray.map(|operation| &operation.group));
    for (group, heading, about) in GROUPS {
        writeln!(text, "\n## {heading}\n").unwrap();
        if !about.is_empty() {
            writeln!(text, "{about}\n").unwrap();
        }
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        writeln!(text, "| operation | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len())).unwrap();
        for line in lines.iter().filter(|line| line.kind == LineKind::Asked) {
            let operation = operations.iter().find(|operation| operation.route == line.route).unwrap();
            if operation.group == *group {
                let cells: Vec<String> = COLUMNS.iter().map(|(_, identities)| cell(line, identities)).collect();
                writeln!(text, "| {} | {} |", title(line, operation), cells.join(" | ")).unwrap();
            }
        }
    }
    let no_head: Vec<&Line> = lines.iter().filter(|line| line.kind == LineKind::Head && line.is_all(405)).collect();
    let all = lines.iter().filter(|line| line.kind == LineKind::Head).count();
    writeln!(
        text,
        "\n## Other methods\n\n`HEAD` is answered like `GET`, without the bytes, on {} of the {all} rows of the table that read; the JSON \
         API and cargo's web API know no `HEAD` and say 405 to everyone. A method that a path does not have is answered \
         alike for every principal, every org and none; each path of the table was asked with one.",
        all - no_head.len()
    )
    .unwrap();
    text
}
