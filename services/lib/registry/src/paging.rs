//! Pages of lists: where one begins, how long it is, and where the next one begins.

use uuid::Uuid;
use wharf_domain::Timestamp;

/// A place in a list that is ordered by time and, within one moment, by identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The time of the row.
    pub at: Timestamp,
    /// The identity of the row.
    pub id: Uuid,
}

/// The part of a list that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// Begins after this row; at the beginning when none.
    pub after: Option<Position>,
    /// Most rows.
    pub limit: u32,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The last row of this page, when there are more.
    pub next: Option<Position>,
}

impl Slice {
    pub(crate) fn after(&self) -> Option<(Timestamp, Uuid)> {
        self.after.map(|position| (position.at, position.id))
    }

    /// One more row than wanted is asked for: it tells whether there is another page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts rows that were fetched so, all of which the caller may see, down to the page.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, position: impl Fn(&T) -> Position) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        wharf_trial::mutant!(CursorOfHiddenRow {
            let next = items.get(limit).map(&position);
            return Page { items: items.into_iter().take(limit).collect(), next };
        });
        items.truncate(limit);
        // Never the position of the row that was cut off: it is the last one shown.
        let next = if more { items.last().map(position) } else { None };
        Page { items, next }
    }
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_position_is_that_of_the_last_row_shown() {
        let position = |number: &u128| Position { at: Timestamp::from_unix(1), id: Uuid::from_u128(*number) };
        let slice = Slice { after: None, limit: 2 };
        assert_eq!(slice.fetch(), 3);
        let page = slice.page(vec![1, 2, 3], position);
        assert_eq!((page.items, page.next), (vec![1, 2], Some(position(&2))));
        let page = slice.page(vec![1, 2], position);
        assert_eq!((page.items, page.next), (vec![1, 2], None));
        assert!(slice.page(Vec::new(), position).next.is_none());
    }
}
