//! Who may do what: every operation of every service, asked by every identity of its own org, of another org and of an org
//! that does not exist, and compared with a reviewed table.
//!
//! The table is `matrix/matrix.expected`. Operations come from the OpenAPI document and the services' own tables of routes,
//! so an operation without a row here fails the run, and so does a row without an operation. Each path that reads is asked
//! with HEAD, too, and every path with a method that it does not have.
//!
//! What a row should be answered follows from the right it declares (`matrix/rights.rs`); a cell that is answered
//! otherwise stands in `matrix/exceptions.txt`, with a reason, and that list may only shrink. The table is documentation as
//! well: `docs/reference/authorization.md` is made from it. After a change on purpose, `WHARF_REVIEW=1` writes table and
//! page anew, and the difference is what has to be reviewed.
//!
//! Each cell is a real request on things made for it alone.

mod document;
mod exceptions;
mod identities;
mod operations;
mod rights;
mod rows;

use crate::observer::Seen;
use crate::surface::{parts, routes};
use identities::{Identity, World};
use rights::Verdict;
use rows::{Ask, Cell, ROWS, Row};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use wharf_testkit::{Answer, Client};

/// Whose org is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tenancy {
    /// `acme`, where everyone but the owner of another org is at home.
    Own,
    /// Another org.
    Other,
    /// An org that does not exist.
    None,
}

impl Tenancy {
    const ALL: [Self; 3] = [Self::Own, Self::Other, Self::None];

    fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Other => "other",
            Self::None => "none",
        }
    }
}

/// How a line of the table came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineKind {
    /// Asked as the row says.
    Asked,
    /// The same with HEAD.
    Head,
    /// The same with a method that the path does not have.
    Method,
}

/// What everyone was answered to one request.
struct Line {
    kind: LineKind,
    label: String,
    route: &'static str,
    about: &'static str,
    row: &'static Row,
    /// By tenancy and identity; empty where a route names no org, or where it is another org's owner's own.
    statuses: [Vec<Option<u16>>; 3],
}

impl Line {
    fn new(kind: LineKind, row: &'static Row, method: &str) -> Self {
        let (service, _, template) = parts(row.route);
        let asked = match kind {
            LineKind::Asked => row.route.to_owned(),
            LineKind::Head => format!("{service} HEAD {template}"),
            LineKind::Method => format!("{service} {method} {template}"),
        };
        let label = match kind {
            LineKind::Method => format!("{asked} [no such method]"),
            _ if row.about.is_empty() => asked,
            _ => format!("{asked} [{}]", row.about),
        };
        Self { kind, label, route: row.route, about: row.about, row, statuses: [vec![], vec![], vec![]] }
    }

    fn status(&self, tenancy: Tenancy, identity: Identity) -> Option<u16> {
        let column = Identity::ALL.iter().position(|other| *other == identity).unwrap();
        self.statuses[tenancy as usize][column]
    }

    /// Whether everyone gets this, wherever.
    fn is_all(&self, status: u16) -> bool {
        self.statuses.iter().flatten().flatten().all(|found| *found == status)
    }
}

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let operations: BTreeSet<String> = operations::all().into_iter().map(|operation| operation.route).collect();
    assert_eq!(operations, routes(), "the document and the tables of routes");
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.route.to_owned()).collect();
    let without_row: Vec<_> = operations.difference(&rows).collect();
    let without_route: Vec<_> = rows.difference(&operations).collect();
    assert!(without_row.is_empty(), "add rows to matrix/rows.rs for {without_row:#?}");
    assert!(without_route.is_empty(), "rows of matrix/rows.rs without a route: {without_route:#?}");
    let labels: BTreeSet<String> = ROWS.iter().map(|row| Line::new(LineKind::Asked, row, "").label).collect();
    assert_eq!(labels.len(), ROWS.len(), "two rows with one label");
    let undeclared: Vec<_> = ROWS.iter().filter(|row| rights::declared(row).is_none()).map(|row| row.route).collect();
    assert!(undeclared.is_empty(), "declare in matrix/rights.rs what right is asked for by {undeclared:#?}");
    assert!(Identity::ALL.len() >= 16);
}

/// Sends what a row asks, to an org of this name.
async fn send(world: &World, client: &Client, line: &Line, method: &str, ask: &Ask, org: &str) -> Answer {
    let (service, _, template) = parts(line.route);
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
    assert!(!path.contains('{'), "{}: a parameter is missing in {path}", line.label);
    let body = ask.body.as_ref().filter(|_| line.kind == LineKind::Asked);
    let headers: &[(&str, &str)] = match body {
        Some((_, true)) => &[("content-type", "application/json")],
        _ => &[],
    };
    client.send(method, &format!("{base}{path}{}", ask.query), headers, body.map(|(bytes, _)| bytes.clone())).await
}

/// Asks one request of every org and notes the answers; another org and none must not differ.
async fn note(world: &World, client: &Client, line: &mut Line, method: &str, ask: &Ask, identity: Identity) {
    const ABSENT: &str = "glubex";
    let own = send(world, client, line, method, ask, &world.acme.slug).await;
    assert!(own.status < 500, "{} as {identity:?}: {} {}", line.label, own.status, own.text());
    line.statuses[0].push(Some(own.status));
    if !line.route.contains("{org}") || identity == Identity::Other {
        line.statuses[1].push(None);
        line.statuses[2].push(None);
        return;
    }
    let foreign = send(world, client, line, method, ask, &world.globex.slug).await;
    let absent = send(world, client, line, method, ask, ABSENT).await;
    let seen = |answer: &Answer, org: &str| Seen::of(answer, ask.body.is_some(), &[(org.to_owned(), "[org]")]);
    assert_eq!(
        seen(&foreign, &world.globex.slug),
        seen(&absent, ABSENT),
        "{} as {identity:?}: another org and no org differ",
        line.label,
    );
    line.statuses[1].push(Some(foreign.status));
    line.statuses[2].push(Some(absent.status));
}

async fn fill(world: &World) -> Vec<Line> {
    let (routes, absent) = (routes(), operations::absent_methods());
    let mut met = BTreeSet::new();
    let mut table = Vec::new();
    for (at, row) in ROWS.iter().enumerate() {
        let (service, method, template) = parts(row.route);
        let mut lines = vec![(method, Line::new(LineKind::Asked, row, method))];
        if method == "GET" && !routes.contains(&format!("{service} HEAD {template}")) {
            lines.push(("HEAD", Line::new(LineKind::Head, row, "HEAD")));
        }
        let path = (service.to_owned(), template.to_owned());
        if met.insert(path.clone()) {
            lines.push((absent[&path], Line::new(LineKind::Method, row, absent[&path])));
        }
        for (column, &identity) in Identity::ALL.iter().enumerate() {
            let number = at * Identity::ALL.len() + column + 1;
            let cell = Cell { name: format!("c{at}-{}", identity.heading()), identity, number };
            let ask = (row.prepare)(world, &cell).await;
            let client = world.client(identity);
            for (method, line) in &mut lines {
                note(world, &client, line, method, &ask, identity).await;
            }
        }
        table.extend(lines.into_iter().map(|(_, line)| line));
    }
    table
}

fn render(table: &[Line]) -> String {
    let mut text = String::from(
        "# Who may do what. The status of every operation for every identity; org `acme`, registry `private` unless said.\n\
         # Three lines for each: asked of `acme` (own), of another org (other), and of no org at all (none).\n\
         # Compared by tests/it/matrix.rs; WHARF_REVIEW=1 writes it anew.\n#\n",
    );
    for identity in Identity::ALL {
        writeln!(text, "# {}  {}", identity.heading(), identity.about()).unwrap();
    }
    let width = table.iter().map(|line| line.label.len()).max().unwrap_or_default();
    let headings: Vec<_> = Identity::ALL.iter().map(|identity| identity.heading()).collect();
    writeln!(text, "\n{:width$} {:5} {}", "# operation", "org", headings.join(" ")).unwrap();
    for line in table {
        for tenancy in Tenancy::ALL {
            let statuses = &line.statuses[tenancy as usize];
            if statuses.iter().all(Option::is_none) {
                continue;
            }
            let statuses: Vec<_> =
                statuses.iter().map(|status| status.map_or_else(|| "   -".to_owned(), |s| format!("{s:4}"))).collect();
            writeln!(text, "{:width$} {:5} {}", line.label, tenancy.word(), statuses.join(" ")).unwrap();
        }
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

/// The cells that differ from what follows from the declared rights, and the exceptions that are none.
fn breaches(table: &[Line]) -> Vec<String> {
    let exceptions = exceptions::read();
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for (at, line) in table.iter().enumerate() {
        let (need, done) = rights::declared(line.row).unwrap();
        for tenancy in Tenancy::ALL {
            for &identity in Identity::ALL {
                let Some(status) = line.status(tenancy, identity) else { continue };
                let verdict = rights::verdict(line.row, need, identity, tenancy);
                let fits = match line.kind {
                    LineKind::Asked => verdict.is(status, done),
                    // The line of GET stands right before.
                    LineKind::Head => table[at - 1].status(tenancy, identity) == Some(status) || line.is_all(405),
                    LineKind::Method => status >= 400 && line.is_all(status),
                };
                let excused =
                    exceptions.iter().position(|one| one.covers(&line.label, tenancy, identity.heading(), status));
                match (fits, excused) {
                    (true, None) => {}
                    (true, Some(_)) => found.push(format!("{} as {identity:?}: an exception that is none", line.label)),
                    (false, Some(at)) => {
                        used.insert(at);
                    }
                    (false, None) => {
                        let expected =
                            if line.kind == LineKind::Asked { format!("{verdict:?}") } else { String::new() };
                        found.push(format!(
                            "{} | {} | {} | {status} | the right says {expected}",
                            line.label,
                            tenancy.word(),
                            identity.heading()
                        ));
                    }
                }
            }
        }
    }
    found.extend(
        (0..exceptions.len()).filter(|at| !used.contains(at)).map(|at| format!("unused: {:?}", exceptions[at])),
    );
    found
}

fn review(path: &str, found: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("WHARF_REVIEW").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_gets_what_was_reviewed() {
    let world = World::new().await;
    let table = fill(&world).await;
    world.stack.stop().await;
    let found = render(&table);
    let expected = review("tests/it/matrix/matrix.expected", &found);
    let breaches = breaches(&table);
    assert!(breaches.is_empty(), "cells that differ from the declared rights:\n{}", breaches.join("\n"));
    if expected != found {
        let differences = differences(&expected, &found);
        assert!(differences.is_empty(), "the table differs:\n{}", differences.join("\n"));
        panic!("the table's form differs: write it anew with WHARF_REVIEW=1");
    }
    let page = document::render(&table);
    let path = "../../docs/reference/authorization.md";
    assert!(review(path, &page) == page, "docs/reference/authorization.md is not made from the table: WHARF_REVIEW=1");
}

/// The rule itself refuses what it must, whatever the product does.
#[test]
fn the_rule_tells_hidden_from_forbidden() {
    let of = |route: &str, about: &str, identity, tenancy| {
        let row = ROWS.iter().find(|row| row.route == route && row.about == about).unwrap();
        rights::verdict(row, rights::declared(row).unwrap().0, identity, tenancy)
    };
    let (index, own) = ("index GET /{org}/{registry}/{path}", Tenancy::Own);
    assert_eq!(of(index, "hidden-core", Identity::Partner, own), Verdict::Absent);
    assert_eq!(of(index, "hidden-core", Identity::Entitled, own), Verdict::Done);
    assert_eq!(of(index, "hidden-core", Identity::Entitled, Tenancy::Other), Verdict::Absent);
    assert_eq!(of(index, "public", Identity::Anonymous, own), Verdict::Done);
    assert_eq!(of(index, "public", Identity::Revoked, own), Verdict::SignIn);
    let members = "app POST /api/v1/orgs/{org}/members";
    assert_eq!(of(members, "an owner", Identity::Admin, own), Verdict::Refused);
    assert_eq!(of(members, "a reader", Identity::Reader, own), Verdict::Absent);
    assert_eq!(of(members, "a reader", Identity::Other, own), Verdict::Absent);
    assert_eq!(of(members, "a reader", Identity::Admin, own), Verdict::Done);
}
