//! Who may do what: every route of every service, asked by every identity, compared with a reviewed table.
//!
//! The table is `matrix/matrix.expected`. Routes come from the services' own tables, so a route without a row here fails
//! the run, and so does a row without a route. After a change on purpose, `WHARF_REVIEW=1` writes the table anew, and the
//! difference is what has to be reviewed.
//!
//! Each cell is a real request on things made for it alone. Besides its status, each cell shows that an org that exists
//! elsewhere answers like one that does not exist.

mod identities;
mod rows;

use crate::observer::Seen;
use crate::surface::{parts, routes};
use identities::{Identity, World};
use rows::{Ask, Cell, ROWS, Row};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use wharf_testkit::{Answer, Client};

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let routes = routes();
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.route.to_owned()).collect();
    let without_row: Vec<_> = routes.difference(&rows).collect();
    let without_route: Vec<_> = rows.difference(&routes).collect();
    assert!(without_row.is_empty(), "add rows to matrix/rows.rs for {without_row:#?}");
    assert!(without_route.is_empty(), "rows of matrix/rows.rs without a route: {without_route:#?}");
    let labels: BTreeSet<String> = ROWS.iter().map(label).collect();
    assert_eq!(labels.len(), ROWS.len(), "two rows with one label");
}

fn label(row: &Row) -> String {
    if row.about.is_empty() { row.route.to_owned() } else { format!("{} [{}]", row.route, row.about) }
}

/// Sends what a row asks, to an org of this name.
async fn send(world: &World, client: &Client, row: &Row, ask: &Ask, org: &str) -> Answer {
    let (service, method, template) = parts(row.route);
    let setup = &world.stack.setup;
    let base = match service {
        "app" => &setup.app,
        "index" => &setup.index,
        "download" => &setup.download,
        "internal" => &setup.internal,
        other => panic!("no service {other}"),
    };
    let mut path = template.to_owned();
    for (name, value) in &ask.parameters {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    path = path.replace("{org}", org).replace("{registry}", "private");
    assert!(!path.contains('{'), "{}: a parameter is missing in {path}", row.route);
    let headers: &[(&str, &str)] = match &ask.body {
        Some((_, true)) => &[("content-type", "application/json")],
        _ => &[],
    };
    let body = ask.body.as_ref().map(|(bytes, _)| bytes.clone());
    client.send(method, &format!("{base}{path}{}", ask.query), headers, body).await
}

/// What an org that exists says to an outsider, and what one that does not exist says.
async fn foreign_is_absent(world: &World, client: &Client, row: &Row, ask: &Ask, cell: &Cell) {
    const ABSENT: &str = "glubex";
    if !row.route.contains("{org}") || cell.identity == Identity::Other {
        return;
    }
    let foreign = send(world, client, row, ask, &world.globex.slug).await;
    let absent = send(world, client, row, ask, ABSENT).await;
    let seen = |answer: &Answer, org: &str| Seen::of(answer, ask.body.is_some(), &[(org.to_owned(), "[org]")]);
    assert_eq!(
        seen(&foreign, &world.globex.slug),
        seen(&absent, ABSENT),
        "{} as {:?}: another org and no org differ",
        label(row),
        cell.identity
    );
    let page = matches!(row.route, "app GET /cargo/{org}/{registry}/me");
    assert!(page || foreign.status >= 400, "{} as {:?} on another org: {}", label(row), cell.identity, foreign.status);
}

async fn fill(world: &World) -> Vec<(String, Vec<u16>)> {
    let mut table = Vec::new();
    for (at, row) in ROWS.iter().enumerate() {
        let mut statuses = Vec::new();
        for (column, &identity) in Identity::ALL.iter().enumerate() {
            let number = at * Identity::ALL.len() + column + 1;
            let cell = Cell { name: format!("c{at}-{}", identity.heading()), identity, number };
            let ask = (row.prepare)(world, &cell).await;
            let client = world.client(identity);
            let answer = send(world, &client, row, &ask, &world.acme.slug).await;
            assert!(answer.status < 500, "{} as {identity:?}: {} {}", label(row), answer.status, answer.text());
            statuses.push(answer.status);
            foreign_is_absent(world, &client, row, &ask, &cell).await;
        }
        table.push((label(row), statuses));
    }
    table
}

fn render(table: &[(String, Vec<u16>)]) -> String {
    let mut text = String::from(
        "# Who may do what. The status of every route for every identity; org `acme`, registry `private` unless said.\n\
         # Compared by tests/it/matrix.rs; WHARF_REVIEW=1 writes it anew.\n#\n",
    );
    for identity in Identity::ALL {
        writeln!(text, "# {}  {}", identity.heading(), identity.about()).unwrap();
    }
    let width = table.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let headings: Vec<_> = Identity::ALL.iter().map(|identity| identity.heading()).collect();
    writeln!(text, "\n{:width$} {}", "# route", headings.join(" ")).unwrap();
    for (label, statuses) in table {
        let statuses: Vec<_> = statuses.iter().map(|status| format!("{status:4}")).collect();
        writeln!(text, "{label:width$} {}", statuses.join(" ")).unwrap();
    }
    text
}

/// The cells that differ, in words.
fn differences(expected: &str, found: &str) -> Vec<String> {
    let rows = |text: &str| -> Vec<(String, Vec<String>)> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                let mut words: Vec<&str> = line.split_whitespace().collect();
                let cells = words.split_off(words.len().saturating_sub(Identity::ALL.len()));
                (words.join(" "), cells.into_iter().map(str::to_owned).collect())
            })
            .collect()
    };
    let (expected, found) = (rows(expected), rows(found));
    let find = |rows: &[(String, Vec<String>)], label: &str| {
        rows.iter().find(|(other, _)| other == label).map(|(_, cells)| cells.clone())
    };
    let mut all = Vec::new();
    for (label, cells) in &found {
        match find(&expected, label) {
            None => all.push(format!("{label}: not in the table")),
            Some(reviewed) => {
                for ((identity, is), was) in Identity::ALL.iter().zip(cells).zip(reviewed) {
                    if *is != was {
                        all.push(format!("{label} as {identity:?}: {is}, reviewed {was}"));
                    }
                }
            }
        }
    }
    all.extend(
        expected.iter().filter(|(label, _)| find(&found, label).is_none()).map(|(label, _)| format!("{label}: gone")),
    );
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_gets_what_was_reviewed() {
    let world = World::new().await;
    let found = render(&fill(&world).await);
    world.stack.stop().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/matrix/matrix.expected");
    if std::env::var_os("WHARF_REVIEW").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != found {
        let differences = differences(&expected, &found);
        assert!(differences.is_empty(), "the table differs:\n{}", differences.join("\n"));
        panic!("the table's form differs: write it anew with WHARF_REVIEW=1");
    }
}
