//! The cells that differ on purpose from what follows from the declared right: `exceptions.txt`, which may only shrink.

use super::Tenancy;

/// Cells of one row for which there is one reason.
#[derive(Debug)]
pub(super) struct Exception {
    /// The row.
    pub(super) label: String,
    /// Whose org is asked.
    pub(super) tenancy: Tenancy,
    /// The headings of the columns.
    pub(super) headings: Vec<String>,
    /// What they are answered.
    pub(super) status: u16,
}

impl Exception {
    /// Whether it speaks of a cell.
    pub(super) fn covers(&self, label: &str, tenancy: Tenancy, heading: &str, status: u16) -> bool {
        self.label == label
            && self.tenancy == tenancy
            && self.status == status
            && self.headings.iter().any(|own| own == heading)
    }
}

/// Reads the list: `row | own | columns | status | reason`, and above it how many cells there are.
pub(super) fn read() -> Vec<Exception> {
    let mut lines = include_str!("exceptions.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let count: usize = lines.next().unwrap().strip_prefix("cells: ").unwrap().parse().unwrap();
    let list: Vec<Exception> = lines
        .map(|line| {
            let [label, tenancy, headings, status, reason] = line.splitn(5, " | ").collect::<Vec<_>>()[..] else {
                panic!("exceptions.txt: {line}")
            };
            assert!(reason.len() > 20, "an exception without a reason: {line}");
            Exception {
                label: label.to_owned(),
                tenancy: Tenancy::ALL.into_iter().find(|known| known.word() == tenancy).unwrap(),
                headings: headings.split(' ').map(str::to_owned).collect(),
                status: status.parse().unwrap(),
            }
        })
        .collect();
    let cells: usize = list.iter().map(|exception| exception.headings.len()).sum();
    assert!(
        cells <= count,
        "{cells} exceptions where {count} were agreed: mend the product or declare the right rightly"
    );
    assert_eq!(cells, count, "the list has shrunk; write `cells: {cells}` above it, so that it stays so");
    list
}
