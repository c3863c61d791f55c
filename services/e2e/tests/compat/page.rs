//! The table of `docs/guides/which-cargo.md`, between two markers: read, compared with what was seen, and written anew.

use std::path::Path;

const BEGIN: &str = "<!-- seen by services/e2e/tests/compat; WHARF_REVIEW=1 writes it anew -->";
const END: &str = "<!-- end of what was seen -->";
const HEADINGS: [&str; 9] = [
    "cargo",
    "index over",
    "builds, entitlement token",
    "builds, personal key",
    "builds, `legacy_git_downloads`",
    "publishes and yanks, entitlement token",
    "publishes and yanks, personal key",
    "searches",
    "searches, `legacy_git_downloads`",
];

type Row = Vec<String>;

fn read(page: &str) -> Vec<Row> {
    let table = page.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).expect("the page has both markers").0;
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    table.lines().filter(|line| line.starts_with('|')).skip(2).map(cells).collect()
}

fn write(page: &str, rows: &[Row]) -> String {
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut table = line(HEADINGS.to_vec()) + "|" + &"---|".repeat(HEADINGS.len()) + "\n";
    for row in rows {
        table += &line(row.iter().map(String::as_str).collect());
    }
    format!("{before}{BEGIN}\n\n{table}\n{END}{after}")
}

/// Fails when the page says something else than what was seen. Rows of releases that were not looked at stay.
pub(crate) fn compare(seen: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/which-cargo.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let looked_at = |row: &Row| seen.iter().any(|other| other[0] == row[0]);
    let mut rows: Vec<Row> = read(&page).into_iter().filter(|row| !looked_at(row)).collect();
    rows.extend_from_slice(seen);
    // By release; within one the order in which they were looked at.
    rows.sort_by_key(|row| row[0].split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>());
    let found = write(&page, &rows);
    if std::env::var_os("WHARF_REVIEW").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let said = read(&std::fs::read_to_string(&path).unwrap());
    let differences: Vec<String> = rows
        .iter()
        .filter(|row| !said.contains(row))
        .map(|row| format!("seen: {}", row.join(" | ")))
        .chain(said.iter().filter(|row| !rows.contains(row)).map(|row| format!("said: {}", row.join(" | "))))
        .collect();
    assert!(differences.is_empty(), "which-cargo.md says something else:\n{}", differences.join("\n"));
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let page = format!("before\n{BEGIN}\n{END}\nafter\n");
    let row = |release: &str| -> Row {
        [release, "git", "yes", "no (a)", "-", "yes", "yes", "yes", "yes"].map(str::to_owned).to_vec()
    };
    let written = write(&page, &[row("1.65"), row("1.100")]);
    assert_eq!(read(&written), [row("1.65"), row("1.100")]);
    assert_eq!(write(&written, &read(&written)), written);
    assert!(written.starts_with("before\n") && written.ends_with("after\n"));
}
