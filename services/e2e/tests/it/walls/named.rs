//! The first wall as written: every query of a tenant's table says which org it means. Read from `.sqlx`, where each checked
//! query stands word for word, and which the build holds up to date; queries that are not checked are named here.

use super::tenant_tables;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use wharf_testkit::database::TestDatabase;

/// Queries that ask a tenant's table and name no org, each with the reason.
const NAMELESS: &[(&str, &str)] =
    &[("select org_id from org where slug = $1", "finds the org behind an address; the names of orgs are no secret")];

/// Where queries are made that nobody checks while building, and how many.
const UNCHECKED: &[(&str, usize)] = &[("loan.rs", 3), ("maintenance.rs", 1), ("schema.rs", 3), ("tenant.rs", 1)];

/// How: statements made of text, by sqlx or on a connection itself.
const UNCHECKED_CALLS: &[&str] = &[
    "sqlx::query(",
    "sqlx::query_as(",
    "sqlx::query_scalar(",
    "raw_sql(",
    "QueryBuilder",
    "begin_with(",
    ".execute(\"",
    ".execute(statement",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A query in one line and in lower case.
fn plain(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// How often a query asks tenants' tables, how often it compares an org, and whether it writes rows whose org does not come
/// first.
fn judge(query: &str, tables: &BTreeSet<String>) -> (usize, usize, bool) {
    let words: Vec<&str> =
        query.split(|c: char| c.is_whitespace() || c == ';').filter(|word| !word.is_empty()).collect();
    let (mut asked, mut misplaced) = (0, false);
    for (at, pair) in words.windows(2).enumerate() {
        let table = pair[1].trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        if !tables.contains(table) || pair[1].starts_with(&format!("{table}(")) {
            continue;
        }
        match pair[0].trim_start_matches('(') {
            "from" | "join" | "update" | "using" | "only" => asked += 1,
            "into" => misplaced |= !words.get(at + 2).is_some_and(|column| column.starts_with("(org_id")),
            _ => {}
        }
    }
    (asked, query.matches("org_id = ").count(), misplaced)
}

fn forgets(query: &str, tables: &BTreeSet<String>) -> bool {
    let (asked, named, misplaced) = judge(query, tables);
    named < asked || misplaced
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_names_its_org() {
    let database = TestDatabase::create().await;
    let tables: BTreeSet<String> = tenant_tables(&mut database.superuser().await).await.into_iter().collect();
    database.drop().await;
    let (mut read, mut nameless) = (0, BTreeSet::new());
    for file in fs::read_dir(root().join(".sqlx")).unwrap() {
        let kept: serde_json::Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        let query = plain(kept["query"].as_str().unwrap());
        read += usize::from(judge(&query, &tables) != (0, 0, false));
        if forgets(&query, &tables) {
            nameless.insert(query);
        }
    }
    assert!(read > 60, "only {read} queries of tenants' tables were found");
    let reviewed: BTreeSet<String> = NAMELESS.iter().map(|(query, _)| (*query).to_owned()).collect();
    assert_eq!(nameless, reviewed, "queries that do not name the org for every table they ask");

    for forgetful in [
        "select name from crate where crate_id = $1",
        "select c.name from crate_owner o join crate c on c.crate_id = o.crate_id where o.org_id = $1",
        "delete from token where token_id = $1",
        "update token set revoked_at = $1 where token_id = any ($2)",
        "select exists (select 1 from team where slug = $1)",
        "insert into team (team_id, slug) values ($1, $2)",
    ] {
        assert!(forgets(forgetful, &tables), "{forgetful}");
    }
    for sound in ["select 1", "select a from auth_lookup($1)", "insert into team (org_id, team_id) values ($1, $2)"] {
        assert!(!forgets(sound, &tables), "{sound}");
    }
}

/// What is not checked is not in `.sqlx`. Mutants, which are forgetful on purpose, are left out.
#[test]
fn unchecked_queries_are_few() {
    let folder = root().join("services/lib/store/src");
    let mut found = Vec::new();
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "rs")) {
        let text = without_mutants(&fs::read_to_string(file).unwrap());
        let count: usize = UNCHECKED_CALLS
            .iter()
            .map(|call| {
                text.match_indices(call)
                    .filter(|(at, _)| !text[..*at].ends_with("fn ") && !text[..*at].ends_with("::"))
                    .count()
            })
            .sum();
        if count > 0 {
            found.push((file.file_name().unwrap().to_str().unwrap().to_owned(), count));
        }
    }
    let reviewed: Vec<(String, usize)> = UNCHECKED.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(found, reviewed, "queries that nobody checks");
}

/// A source without what stands in `mutant!(…)`.
fn without_mutants(text: &str) -> String {
    let mut parts = text.split("wharf_trial::mutant!(");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut depth = 1;
        let end = part.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        kept.push_str(&part[end.expect("brackets close")..]);
    }
    kept
}
