//! Publishers who race: for a version, for a name, and side by side on one crate. Whatever the order, the answers, the
//! index and the rows tell one story.

use serde_json::Value;
use std::collections::BTreeSet;
use tokio::task::JoinSet;
use wharf_testkit::{Answer, CrateFixture, Stack, Token};

/// How many race.
const RACERS: usize = 16;

/// Publishes all at the same time.
async fn race(publisher: &Token, crates: Vec<CrateFixture>) -> Vec<(CrateFixture, Answer)> {
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(crates.len()));
    let mut running = JoinSet::new();
    for krate in crates {
        let (publisher, start) = (publisher.clone(), start.clone());
        running.spawn(async move {
            start.wait().await;
            let answer = publisher.publish(&krate).await;
            (krate, answer)
        });
    }
    running.join_all().await
}

/// The lines of an index file, from both replicas, which must agree.
async fn lines(reader: &Token, name: &str) -> Vec<Value> {
    let answers = [reader.index(name).await.expect(200), reader.index(name).await.expect(200)];
    assert_eq!(answers[0].observed(), answers[1].observed());
    answers[0].text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Versions, index lines, publishes in the audit, and crates, as stored.
async fn stored(stack: &Stack) -> [i64; 4] {
    let counts: Vec<i64> = sqlx::query_scalar(
        "select array[(select count(*) from version), (select count(*) from index_line),
                      (select count(*) from audit_entry where action = 'version.publish'), (select count(*) from crate)]",
    )
    .fetch_one(&mut stack.setup.database.superuser().await)
    .await
    .unwrap();
    counts.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_different_bytes_one_wins() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    let index = org.owner.sparse();
    // Once for a new crate, once for a crate that exists.
    for number in ["1.0.0", "1.0.1"] {
        let salted = |n: usize| CrateFixture::new("prize", number).salt(&n.to_string());
        let answers = race(&org.owner, (0..RACERS).map(salted).collect()).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, answer)| answer.status == 200);
        assert_eq!(won.len(), 1, "{lost:?}");
        for (_, answer) in &lost {
            assert_eq!(answer.status, 409, "{}", answer.text());
            assert!(answer.text().contains("is already published with other contents"), "{}", answer.text());
        }
        let (winner, _) = &won[0];
        let shown = lines(&org.owner, "prize").await;
        let shown: Vec<&Value> = shown.iter().filter(|line| line["vers"] == number).collect();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0]["cksum"], winner.cksum(&index).as_str());
        assert_eq!(org.owner.download("prize", number).await.expect(200).body, winner.archive(&index));
        assert_eq!(org.owner.publish(&lost[0].0).await.status, 409);
        assert_eq!(org.owner.publish(winner).await.status, 200);
    }
    assert_eq!(stored(&stack).await, [2, 2, 2, 1]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_same_bytes_all_succeed_and_one_is_stored() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    for number in ["1.0.0", "1.0.1"] {
        let krate = CrateFixture::new("chorus", number);
        for (_, answer) in race(&org.owner, vec![krate; RACERS]).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    assert_eq!(lines(&org.owner, "chorus").await.len(), 2);
    assert_eq!(stored(&stack).await, [2, 2, 2, 1]);
    assert_eq!(stack.setup.blob_files().len(), 2);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_spellings_one_name_wins() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    let rounds = ["a", "b", "c"];
    for round in rounds {
        let spellings = [format!("foo-{round}-bar"), format!("foo_{round}_Bar")];
        let racers = (0..RACERS / 2).map(|n| CrateFixture::new(&spellings[n % 2], "1.0.0")).collect();
        let answers = race(&org.owner, racers).await;
        let winners: BTreeSet<&str> =
            answers.iter().filter(|(_, answer)| answer.status == 200).map(|(krate, _)| krate.name.as_str()).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        let winner = *winners.first().unwrap();
        for (krate, answer) in &answers {
            if krate.name != winner {
                assert_eq!(answer.status, 409, "{}", answer.text());
                assert!(answer.text().contains("counts as the same name"), "{}", answer.text());
                assert!(answer.text().contains(&format!("`{winner}`")), "{}", answer.text());
            } else {
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
        // Cargo asks under the spelling it was given, so the other one finds nothing.
        let shown = lines(&org.owner, winner).await;
        assert_eq!((shown.len(), shown[0]["name"].as_str().unwrap()), (1, winner));
        let loser = spellings.iter().find(|name| *name != winner).unwrap();
        assert_eq!(org.owner.download(loser, "1.0.0").await.status, 404);
    }
    assert_eq!(stored(&stack).await, [3; 4]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn side_by_side_nothing_is_lost() {
    let stack = Stack::builder().indexes(2).start().await;
    let org = stack.org("acme").await;
    let index = org.owner.sparse();
    let crates = (0..RACERS).map(|n| CrateFixture::new("swarm", &format!("1.{n}.0"))).collect();
    let mut expected = BTreeSet::new();
    for (krate, answer) in race(&org.owner, crates).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
        expected.insert((krate.version.clone(), krate.cksum(&index)));
    }
    let shown: BTreeSet<(String, String)> = lines(&org.owner, "swarm")
        .await
        .iter()
        .map(|line| (line["vers"].as_str().unwrap().to_owned(), line["cksum"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(stored(&stack).await, [16, 16, 16, 1]);
    stack.stop().await;
}
