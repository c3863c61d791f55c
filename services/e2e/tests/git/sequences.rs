//! Random sequences of publish, yank, change of a view, revocation and fetch, over two replicas that take turns. After
//! each fetch the files of the repository are compared with those of the sparse index. `WHARF_SEED` repeats one.

use crate::checkout::{Checkout, Manner, sparse_files};
use crate::crates::{bulky, publish, set_yanked, slim};
use crate::wire::head;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wharf_git_wire::ObjectId;
use wharf_testkit::chance::{Chance, runs, seeds};
use wharf_testkit::{Org, Stack, Token};

/// Sequences played on one installation.
const SEQUENCES_OF_A_STACK: u64 = 25;
const PREFIXES: [&str; 3] = ["red", "green", "blue"];
const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"];

/// One who fetches.
struct Fetcher {
    name: String,
    token: Token,
    checkout: Checkout,
}

struct Play {
    stack: Stack,
    org: Org,
    /// Versions by crate, and whether they are yanked.
    crates: BTreeMap<String, BTreeMap<String, bool>>,
    fetchers: Vec<Fetcher>,
    entitled: usize,
}

fn random_rules(rng: &mut Chance) -> Value {
    let rules: Vec<Value> = (0..rng.within(1, 2))
        .map(|_| {
            let mut rule = json!({ "allow": [format!("{}-*", rng.pick(&PREFIXES))] });
            if rng.one_in(3) {
                rule["except"] = json!([format!("{}-{}*", rng.pick(&PREFIXES), rng.word(1))]);
            }
            if rng.one_in(3) {
                rule["versions"] = json!(rng.pick(&["^1", ">=2", ">=1.1"]));
            }
            if rng.one_in(4) {
                rule["published_before"] = json!("2026-06-01T12:00:30Z");
            }
            rule
        })
        .collect();
    json!(rules)
}

impl Play {
    async fn begin(rng: &mut Chance) -> Self {
        let stack = Stack::builder().indexes(2).start().await;
        let org = stack.org("acme").await;
        let mut play = Self { stack, org, crates: BTreeMap::new(), fetchers: Vec::new(), entitled: 0 };
        // Enough that some views are large ones, whose readers are sent differences.
        for prefix in PREFIXES {
            for number in 0..14 {
                let name = format!("{prefix}-{}{number}", rng.word(2));
                publish(&play.org.owner, &bulky(&name, "1.0.0", rng)).await;
                play.crates.entry(name).or_default().insert("1.0.0".to_owned(), false);
            }
        }
        for _ in 0..3 {
            play.entitle(rng).await;
        }
        play
    }

    async fn entitle(&mut self, rng: &mut Chance) {
        self.entitled += 1;
        let name = format!("reader-{}", self.entitled);
        let token = self.org.entitle("private", &name, &json!({ "rules": random_rules(rng) })).await;
        let checkout = Checkout::of(&token).await;
        self.fetchers.push(Fetcher { name, token, checkout });
    }

    async fn publish(&mut self, rng: &mut Chance) {
        let known: Vec<String> = self.crates.keys().cloned().collect();
        let name =
            if rng.one_in(2) { rng.pick(&known).clone() } else { format!("{}-{}", rng.pick(&PREFIXES), rng.word(4)) };
        let versions = self.crates.entry(name.clone()).or_default();
        let Some(version) = VERSIONS.iter().find(|version| !versions.contains_key(**version)) else { return };
        let krate = if rng.one_in(3) { bulky(&name, version, rng) } else { slim(&name, version) };
        publish(&self.org.owner, &krate).await;
        versions.insert((*version).to_owned(), false);
    }

    async fn yank(&mut self, rng: &mut Chance) {
        let names: Vec<String> = self.crates.keys().cloned().collect();
        let name = rng.pick(&names).clone();
        let versions = self.crates.get_mut(&name).unwrap();
        let numbers: Vec<String> = versions.keys().cloned().collect();
        let version = rng.pick(&numbers).clone();
        let yanked = versions.get_mut(&version).unwrap();
        *yanked = !*yanked;
        set_yanked(&self.org.owner, &name, &version, *yanked).await;
    }

    fn entitlement(&self, of: usize) -> String {
        format!("/registries/private/entitlements/{}", self.fetchers[of].token.entitlement.as_ref().unwrap())
    }

    async fn change_view(&mut self, rng: &mut Chance) {
        let path = self.entitlement(rng.below(self.fetchers.len()));
        let _changed = self.org.manage("PATCH", &path, &json!({ "rules": random_rules(rng) })).await.expect(200);
    }

    /// Takes a token away, and gives its reader a new one; the reader keeps its repository.
    async fn revoke(&mut self, rng: &mut Chance) {
        let of = rng.below(self.fetchers.len());
        let path = format!("{}/rotate", self.entitlement(of));
        let made = self.org.manage("POST", &path, &json!({ "overlap_s": 0 })).await.expect(201).json();
        let fetcher = &mut self.fetchers[of];
        let refused = fetcher.checkout.try_fetch(Manner { version: 2, shallow: false }).await.fails();
        assert!(!refused.stderr.contains(&fetcher.token.secret), "{}", refused.stderr);
        fetcher.token.secret = made["secret"].as_str().unwrap().to_owned();
        fetcher.checkout.present(&fetcher.token);
    }

    async fn fetch(&mut self, rng: &mut Chance, about: &str) {
        let names: Vec<String> = self.crates.keys().cloned().collect();
        let of = rng.below(self.fetchers.len());
        let fetcher = &self.fetchers[of];
        let manner = *rng.pick(&Manner::ALL);
        fetcher.checkout.fetch(manner).await;
        let expected = sparse_files(&fetcher.token, &names).await;
        let found = fetcher.checkout.files().await;
        assert_eq!(found, expected, "{about}: {} by {manner:?}", fetcher.name);
        let offered: Vec<ObjectId> = vec![head(&fetcher.token).await, head(&fetcher.token).await];
        let commit = fetcher.checkout.commit().await;
        assert!(offered.iter().all(|offered| *offered == commit), "{about}: replicas differ, {offered:?} {commit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn git_and_sparse_always_agree() {
    let stacks = runs(2, 8);
    for seed in seeds("sequences", stacks) {
        let rng = &mut Chance::new(seed);
        let mut play = Play::begin(rng).await;
        for sequence in 0..SEQUENCES_OF_A_STACK {
            let about = format!("WHARF_SEED={seed}, sequence {sequence}");
            for _ in 0..rng.within(3, 6) {
                match rng.below(10) {
                    0..4 => play.publish(rng).await,
                    4..6 => play.yank(rng).await,
                    6 => play.change_view(rng).await,
                    7 => play.revoke(rng).await,
                    8 => play.stack.advance(std::time::Duration::from_secs(7)).await,
                    _ => play.fetch(rng, &about).await,
                }
            }
            for _ in 0..2 {
                play.fetch(rng, &about).await;
            }
        }
        play.stack.stop().await;
    }
}
