//! Publish bodies made by chance, sent to the whole service: each meets the fate that follows from what was done to it,
//! and of a refused one nothing is left, neither row nor file. The same makers judge the readers alone by the thousand
//! (services/fuzz).

use crate::publish_rules::{detail, rows};
use serde_json::{Value, json};
use sqlx::PgConnection;
use wharf_fuzz::uploads::{self, Fate, OTHER_INDEX, Upload};
use wharf_testkit::chance::{Chance, runs, seeds};
use wharf_testkit::{Answer, Stack, Token};

/// Everything that could be left of an upload: counts of rows, and the files of crates.
async fn left(stack: &Stack, database: &mut PgConnection) -> (Vec<i64>, Vec<String>) {
    (rows(database).await, stack.setup.blob_files().into_iter().map(|file| format!("{file:?}")).collect())
}

/// What is wrong with an answer to an upload, if anything.
fn objection(upload: &Upload, answer: &Answer) -> Option<String> {
    match (&upload.fate, answer.status) {
        (Fate::Accepted | Fate::Open, 200) => None,
        (Fate::Refused(_) | Fate::Open, 400 | 413) => match detail(answer) {
            None => Some(format!("a refusal in another form: {}", answer.text())),
            Some(said) => match &upload.fate {
                Fate::Refused(reasons) if !reasons.iter().any(|reason| said.contains(reason)) => {
                    Some(format!("{said:?} is none of {reasons:?}"))
                }
                _ => uploads::presentable(&said).map(|why| format!("{said:?} {why}")),
            },
        },
        (fate, status) => Some(format!("{status} for {fate:?}: {}", answer.text())),
    }
}

/// Sends one upload; what went wrong, if anything.
async fn attempt(
    stack: &Stack,
    database: &mut PgConnection,
    publisher: &Token,
    name: &str,
    upload: &Upload,
) -> Option<String> {
    let before = left(stack, database).await;
    let headers = [("accept", "application/json")];
    let url = publisher.crates_url("/new");
    let answer = publisher.client().send("PUT", &url, &headers, Some(upload.body.clone())).await;
    if let Some(objection) = objection(upload, &answer) {
        return Some(objection);
    }
    if answer.status != 200 {
        let after = left(stack, database).await;
        return (after != before).then(|| format!("refused, and left {after:?} where there was {before:?}"));
    }
    if upload.fate == Fate::Accepted {
        let index = publisher.index(name).await;
        let line: Option<Value> = serde_json::from_slice(&index.body).ok();
        if line.is_none_or(|line| line["name"] != json!(name) || line["yanked"] != json!(false)) {
            return Some(format!("accepted, and the index says {} {}", index.status, index.text()));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_made_by_chance_meet_their_fate_and_leave_nothing() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let publisher = org.add_registry("open", &json!({ "allowed_registries": [OTHER_INDEX] })).await;
    let mut database = stack.setup.database.superuser().await;
    for seed in seeds("uploads_made_by_chance_meet_their_fate_and_leave_nothing", 1) {
        let mut wrong = Vec::new();
        let mut accepted = 0;
        let count = runs(60, 1000);
        for number in 0..count {
            let name = format!("made-{number}");
            let mut chance = Chance::new(seed.wrapping_add(number));
            let upload = uploads::make(&mut chance, Some(&name), &publisher.sparse());
            let objection = attempt(&stack, &mut database, &publisher, &name, &upload).await;
            wrong
                .extend(objection.map(|objection| format!("{number} of seed {seed}, {:?}: {objection}", upload.story)));
            accepted += u64::from(upload.fate == Fate::Accepted);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!((1..count).contains(&accepted), "{accepted} of {count} uploads were to be accepted");
    }
    stack.stop().await;
}
