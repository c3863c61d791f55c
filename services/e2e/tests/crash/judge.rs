//! Looks at what is there: on every surface, in the database, among the files. All of them must tell one story.

use crate::caller::{Caller, Outcome};
use crate::installation::KNOWN;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wharf_testkit::{CrateFixture, until};

/// What must be the case after any misfortune, each as the number of rows for which it is not. Joined by what can be hashed:
/// all runs share one installation, and it grows.
const LAWS: &[(&str, &str)] = &[
    (
        "a version without an index line",
        "select count(*) from version left join index_line l using (org_id, version_id) where l.line is null",
    ),
    (
        "an index line that tells another story than its version",
        "select count(*) from version v join index_line l using (org_id, version_id)
         where l.line::jsonb->>'cksum' <> encode(v.cksum, 'hex') or l.line::jsonb->>'vers' <> v.number
            or (l.line::jsonb->>'yanked')::boolean <> v.yanked",
    ),
    (
        "a crate without a version",
        "select count(*) from crate c where not exists (select from version v where v.crate_id = c.crate_id)",
    ),
    (
        "a crate without an owner",
        "select count(*) from crate c where not exists (select from crate_owner o where o.crate_id = c.crate_id)",
    ),
    (
        "a version that was not published exactly once by the audit",
        "select count(*) from version v left join (
             select object->>'version_id' as id, count(*) as entries from audit_entry
             where action = 'version.publish' group by 1) a on a.id = v.version_id::text
         where a.entries is distinct from 1",
    ),
    (
        "an entry about a version that is not there",
        "select count(*) from audit_entry a where a.action like 'version.%' and not exists (
             select from version v where v.version_id::text = a.object->>'version_id')",
    ),
    (
        "an entry about a version without its change of the index",
        "select abs((select count(*) from audit_entry where action like 'version.%')
                    - (select count(*) from index_change))",
    ),
    (
        "a crate whose revision is not the number of its changes",
        "select count(*) from crate c left join (
             select crate_id, count(*) as changes from index_change group by 1) i using (crate_id)
         where c.revision <> coalesce(i.changes, 0)",
    ),
    (
        "a registry whose changes are not numbered without a gap",
        "select count(*) from index_head h where (h.seq, h.seq) <> (
             select count(*), max(i.seq) from index_change i where i.registry_id = h.registry_id)",
    ),
    (
        "a crate whose newest revision nobody was told of",
        "select count(*) from crate c where not exists (
             select from outbox o where o.kind = 'crate' and o.subject_id = c.crate_id and o.revision = c.revision)",
    ),
    (
        "a token that no entry tells of",
        "select count(*) from token t where not exists (
             select from (select object->>'token' as id from audit_entry
                          union select detail->>'token' from audit_entry) a where a.id = t.token_id::text)",
    ),
    (
        "an entitlement without a token that holds",
        "select count(*) from entitlement e where not exists (
             select from token t where t.entitlement_id = e.entitlement_id and t.revoked_at is null)",
    ),
    (
        "an entitlement that was not granted exactly once by the audit",
        "select count(*) from entitlement e left join (
             select object->>'entitlement' as id, count(*) as entries from audit_entry
             where action = 'entitlement.grant' group by 1) a on a.id = e.entitlement_id::text
         where a.entries is distinct from 1",
    ),
];

/// Files that were read through and found right, by path, with their age then.
pub(crate) type Proven = HashMap<PathBuf, SystemTime>;

/// An entitlement as it is stored.
pub(crate) struct Found {
    pub(crate) enabled: bool,
    /// Of each of its tokens, whether it has ended; those that have come first.
    pub(crate) tokens: Vec<bool>,
}

/// Judges one installation after one run.
pub(crate) struct Judge {
    pub(crate) owner: Caller,
    pub(crate) database: PgConnection,
}

impl Judge {
    /// Waits until nothing is under way any more: what a dead process had sent is done or rolled back.
    pub(crate) async fn quiet(&mut self) {
        let database = &mut self.database;
        until("no service has a transaction open", async || {
            let open: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and usename like 'wharf\\_%' and xact_start is not null",
            )
            .fetch_one(&mut *database)
            .await
            .unwrap();
            open == 0
        })
        .await;
    }

    /// What was answered must fit what is there.
    pub(crate) fn agrees(&self, what: &str, there: bool, outcome: &Outcome) {
        match outcome {
            Outcome::Done(_) => assert!(there, "{what} was acknowledged and is lost"),
            Outcome::Nothing => assert!(!there, "{what} is there, and the client was told that nothing was changed"),
            Outcome::Refused(status, text) => panic!("{what} was refused: {status} {text}"),
            Outcome::Unknown => {}
        }
    }

    /// The checksum of a stored version.
    pub(crate) async fn cksum(&mut self, name: &str, number: &str) -> Option<String> {
        sqlx::query_scalar(
            "select encode(v.cksum, 'hex') from version v join crate c using (org_id, crate_id)
             where c.name = $1 and v.number = $2",
        )
        .bind(name)
        .bind(number)
        .fetch_optional(&mut self.database)
        .await
        .unwrap()
    }

    /// Whether a version is yanked, if it is there; whole, or not at all, on every surface.
    pub(crate) async fn version(&mut self, krate: &CrateFixture) -> Option<bool> {
        let (name, number, index) = (&krate.name, &krate.version, self.owner.sparse());
        let stored = self.cksum(name, number).await;
        let published = self.audited("version.publish", &json!({ "crate": name, "version": number })).await;
        let owner = self.owner.clone();
        let (_, found) = owner.read(&owner.crates(&format!("?q={name}&per_page=100"))).await;
        let found = found.json()["crates"].as_array().unwrap().iter().any(|found| found["name"] == **name);
        let Some(cksum) = stored else {
            assert_eq!((published, found), (0, false), "{name} {number} is not there");
            until("the index does not list what is not there", async || owner.line(name, number).await.is_none()).await;
            assert_eq!(owner.file(name, number).await, Err(404));
            return None;
        };
        assert_eq!((published, found), (1, true), "{name} {number} is there");
        assert_eq!(cksum, krate.cksum(&index), "{name} {number} has other bytes");
        let yanked: bool = sqlx::query_scalar(
            "select v.yanked from version v join crate c using (org_id, crate_id) where c.name = $1 and v.number = $2",
        )
        .bind(name)
        .bind(number)
        .fetch_one(&mut self.database)
        .await
        .unwrap();
        until(&format!("the index lists {name} {number} with its checksum, yanked: {yanked}"), async || {
            let line = owner.line(name, number).await;
            line.is_some_and(|line: Value| line["cksum"] == cksum && line["yanked"] == yanked)
        })
        .await;
        // The download service follows by itself, too.
        until(&format!("{name} {number} can be fetched"), async || owner.file(name, number).await != Err(404)).await;
        assert_eq!(owner.file(name, number).await.unwrap(), krate.archive(&index), "{name} {number} has other bytes");
        Some(yanked)
    }

    /// Entries in the audit of acts like this, about an object like this.
    pub(crate) async fn audited(&mut self, action: &str, object: &Value) -> usize {
        let count: i64 = sqlx::query_scalar("select count(*) from audit_entry where action like $1 and object @> $2")
            .bind(action)
            .bind(object)
            .fetch_one(&mut self.database)
            .await
            .unwrap();
        usize::try_from(count).unwrap()
    }

    /// Of each token of this name, whether it has ended; those that have come first.
    pub(crate) async fn tokens_of(&mut self, name: &str) -> Vec<bool> {
        sqlx::query_scalar(
            "select revoked_at is not null or coalesce(expires_at <= now(), false) as ended
             from token where name = $1 order by 1 desc",
        )
        .bind(name)
        .fetch_all(&mut self.database)
        .await
        .unwrap()
    }

    pub(crate) async fn entitlement(&mut self, name: &str) -> Option<Found> {
        let enabled: bool = sqlx::query_scalar("select enabled from entitlement where name = $1")
            .bind(name)
            .fetch_optional(&mut self.database)
            .await
            .unwrap()?;
        Some(Found { enabled, tokens: self.tokens_of(name).await })
    }

    /// A secret opens index and download, or neither.
    pub(crate) async fn opens(&self, secret: &str, wanted: bool) {
        let caller = self.owner.with(secret);
        let expected = if wanted { (200, 302) } else { (401, 401) };
        until(&format!("a secret opens everything: {wanted}"), async || {
            let index = caller.read(&caller.index_url(KNOWN)).await.0;
            (index, caller.read(&caller.download_url(KNOWN, "1.0.0")).await.0) == expected
        })
        .await;
    }

    /// The laws that hold for all rows, and every crate file.
    pub(crate) async fn world(&mut self, blobs: &Path, proven: &mut Proven) {
        for (what, law) in LAWS {
            let broken: i64 = sqlx::query_scalar(*law).fetch_one(&mut self.database).await.unwrap();
            assert_eq!(broken, 0, "there is {what}");
        }
        let wanted: Vec<String> = sqlx::query_scalar("select distinct encode(cksum, 'hex') from version")
            .fetch_all(&mut self.database)
            .await
            .unwrap();
        let mut held = BTreeSet::new();
        for path in files(blobs) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            // Unfinished files are of no account.
            if name.len() == 64 {
                let age = std::fs::metadata(&path).unwrap().modified().unwrap();
                if proven.get(&path) != Some(&age) {
                    let bytes = std::fs::read(&path).unwrap();
                    assert_eq!(hex::encode(Sha256::digest(&bytes)), name, "a crate file holds other bytes");
                    proven.insert(path, age);
                }
                held.insert(name);
            }
        }
        for cksum in wanted {
            assert!(held.contains(&cksum), "the file {cksum} of a version is not there");
        }
    }
}

/// Every file below a directory.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}
