//! Where a trial may kill the program.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Every moment by name, and what has happened by then.
pub const MOMENTS: &[(&str, &str)] = &[
    ("publish: checked", "the upload was found right, nothing is stored"),
    ("publish: file stored", "the crate file is stored, the transaction has not begun"),
    ("publish: file held", "the collector of orphans leaves the file alone, no row is written"),
    ("publish: crate found", "the crate is there or was made in the transaction"),
    ("publish: version written", "version and index line are written, nothing is announced"),
    ("publish: announced", "the change is announced, the audit has no entry"),
    ("yank: marked", "the version is marked, its index line is not rendered"),
    ("yank: line written", "the line is rendered, the crate's revision is not raised"),
    ("owners: added", "owners are added, the audit has no entry"),
    ("owners: removed", "owners are removed, the audit has no entry"),
    ("token: stored", "a token is stored, the audit has no entry"),
    ("token: revoked", "a token is revoked, nobody has been told"),
    ("token: replaced", "the new token is stored and the old one shortened, nobody has been told"),
    ("entitlement: granted", "the entitlement is stored and has no token"),
    ("entitlement: token stored", "the entitlement's token is stored and not announced"),
    ("entitlement: saved", "the entitlement's new terms are stored and not announced"),
    ("entitlement: withdrawn", "the entitlement and its tokens are gone, nobody has been told"),
    ("entitlement: old tokens ended", "the old tokens have ended, there is no new one"),
    ("idempotency: kept", "the answer is remembered, the transaction is not committed"),
    ("idempotency: found", "a request sent again found its answer and has not given it"),
    ("settle: before commit", "a mutation is written, announced and audited, and not committed"),
    ("commit: changes numbered", "the changes of the index have their numbers, COMMIT is the next statement"),
    ("settle: committed", "a mutation is committed, nobody has been told"),
    ("settle: woken", "the replicas are woken, none has been waited for"),
    ("settle: followed", "every replica has applied a mutation, the client has not been told"),
    ("feed: read", "changes have been read from the feed, none is applied"),
    ("feed: applied", "changes are applied, the writers have not been told"),
    ("directory: file written", "the bytes of a blob are in its unfinished file, not synced"),
    ("directory: file synced", "the unfinished file is synced, and has not its name"),
    ("directory: file named", "the blob has its name, its directory is not synced"),
    ("directory: names synced", "the blob is durable, nobody has been told"),
    ("download: decided", "the version may be fetched, the ticket is not made"),
    ("blob: piece read", "a piece of a crate file is read, and not on its way"),
    ("collector: listed", "old files are listed, none is judged"),
    ("collector: orphan found", "no version needs a file, it is not deleted"),
    ("collector: orphan deleted", "the file is deleted, its lock is still held"),
    ("migrate: blobs prepared", "the place of the crate files is made, the database is empty"),
    ("migrate: schema made", "the schema is there, the roles have no password"),
    ("migrate: password set", "a role has its password"),
    ("bootstrap: secrets written", "the secrets are written down, the database does not know them"),
    ("bootstrap: org made", "the org is written and not committed"),
    ("bootstrap: member made", "a member and its tokens are written and not committed"),
    ("bootstrap: entitlement made", "an entitlement is written and not committed"),
    ("bootstrap: committed", "everything is made, nobody has been told"),
];

/// How a trial says at which moment to die: by a variable, for a program that dies soon after its start, or by a file,
/// which several running programs watch and only the first to reach the moment obeys.
struct Orders {
    variable: Option<String>,
    file: Option<PathBuf>,
    /// How often each order was met.
    met: Mutex<HashMap<String, u32>>,
}

fn orders() -> &'static Orders {
    static ORDERS: OnceLock<Orders> = OnceLock::new();
    ORDERS.get_or_init(|| Orders {
        variable: std::env::var("WHARF_DIE_AT").ok(),
        file: std::env::var_os("WHARF_DIE_BY").map(PathBuf::from),
        met: Mutex::new(HashMap::new()),
    })
}

impl Orders {
    /// Whether this is the moment, and the time, that `order` (`NAME`, `NAME#TIMES` or `NAME#TIMES@WHICH`) means. `WHICH`
    /// only tells one order from the next.
    fn is_due(&self, order: &str, name: &str) -> bool {
        let wanted = order.split_once('@').map_or(order, |(wanted, _)| wanted);
        let (at, times) = match wanted.split_once('#') {
            Some((at, times)) => (at, times.parse().expect("NAME#TIMES")),
            None => (wanted, 1),
        };
        assert!(MOMENTS.iter().any(|(known, _)| *known == at), "there is no moment called {at:?}");
        if at != name {
            return false;
        }
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let met = met.entry(order.to_owned()).or_default();
        *met += 1;
        *met == times
    }
}

/// Dies here when this is the moment asked for. Nothing is flushed and nothing is dropped, as with `kill -9`.
pub fn reached(name: &'static str) {
    debug_assert!(MOMENTS.iter().any(|(known, _)| *known == name), "{name:?} is missing in moments.rs");
    let orders = orders();
    if let Some(order) = &orders.variable
        && orders.is_due(order, name)
    {
        std::process::abort();
    }
    if let Some(file) = &orders.file
        && let Ok(order) = std::fs::read_to_string(file)
        && orders.is_due(&order, name)
        && std::fs::remove_file(file).is_ok()
    {
        std::process::abort();
    }
}
