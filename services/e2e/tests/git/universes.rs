//! Two installations that differ in what is hidden, in content and in order: what a reader is offered and sent is the
//! same, byte for byte. Asked of the verbs themselves, so that both can be given the same `config.json`; over HTTP the
//! addresses in it differ.

use crate::crates::{Release, bulky, publish, set_yanked, slim};
use std::sync::Arc;
use uuid::Uuid;
use wharf::serve::Service;
use wharf_domain::CratePattern;
use wharf_domain::view::{Rule, View};

use wharf_git_wire::{Fetch, Limits, ObjectId, Protocol, advertisement, command, upload_request};
use wharf_registry::git_index::{GitAnswer, GitVisitor};
use wharf_store::git_index::GitReader;
use wharf_testkit::chance::{Chance, runs, seeds};
use wharf_testkit::{Org, Stack};

use crate::wire::fetch;

/// Something that happens to a crate.
#[derive(Clone, Debug)]
enum Act {
    Publish(Release),
    Yank(String, &'static str, bool),
}

/// An installation, and the views it is looked at through.
struct Side {
    stack: Stack,
    org: Org,
}

const CONFIG: &[u8] = br#"{"dl":"https://dl.example.com"}"#;

fn views() -> Vec<View> {
    let rule = |patterns: &[&str], versions: Option<&str>| Rule {
        allow: patterns.iter().map(|text| CratePattern::parse(text).unwrap()).collect(),
        versions: versions.map(|text| text.parse().unwrap()),
        ..Rule::default()
    };
    vec![
        View::new([rule(&["seen-*"], None)]),
        View::new([rule(&["part-*", "seen-a*"], Some("^1"))]),
        View::new([rule(&["seen-*"], None), rule(&["part-*"], Some("^1"))]),
    ]
}

impl Side {
    async fn new() -> Self {
        let stack = Stack::start().await;
        let org = stack.org("acme").await;
        Self { stack, org }
    }

    async fn act(&self, act: &Act) {
        match act {
            Act::Publish(krate) => publish(&self.org.owner, krate).await,
            Act::Yank(name, version, yanked) => set_yanked(&self.org.owner, name, version, *yanked).await,
        }
    }

    fn visitor(&self, view: &View, reader: u128) -> GitVisitor {
        let site = self.stack.site(Service::Index);
        GitVisitor {
            entry: site.place("acme", "private").unwrap().unwrap(),
            reader: GitReader(Uuid::from_u128(reader)),
            view: Arc::new(view.clone()),
            config: CONFIG.into(),
        }
    }

    /// The commit that is offered.
    async fn head(&self, view: &View, reader: u128) -> ObjectId {
        self.stack.site(Service::Index).offer_git_head(&self.visitor(view, reader)).await.unwrap()
    }

    /// Everything that is answered to a fetch.
    async fn answer(&self, view: &View, reader: u128, asked: &Fetch) -> Vec<u8> {
        match self.stack.site(Service::Index).fetch_git(&self.visitor(view, reader), asked).await.unwrap() {
            GitAnswer::NotOurs(id) => format!("not ours {id}").into_bytes(),
            GitAnswer::Packed(mut bytes, pack) => {
                let Some(mut pack) = pack else { return bytes };
                let mut piece = Vec::new();
                while pack.fill(10_000, &mut piece).unwrap() {
                    bytes.append(&mut piece);
                }
                bytes.append(&mut piece);
                bytes
            }
        }
    }
}

fn asked(protocol: Protocol, want: ObjectId, haves: &[ObjectId]) -> Fetch {
    let (body, limits) = (fetch(protocol, want, haves), Limits::default());
    match protocol {
        Protocol::V0 => upload_request::parse(&body, &limits).unwrap(),
        Protocol::V2 => match command::parse(&body, &limits).unwrap() {
            wharf_git_wire::Command::Fetch(fetch) => fetch,
            other => panic!("{other:?}"),
        },
    }
}

/// What everyone may see, and what nobody may: other crates, other versions of the same ones.
fn histories(rng: &mut Chance) -> (Vec<Act>, Vec<Act>) {
    let (mut seen, mut hidden) = (Vec::new(), Vec::new());
    for number in 0..rng.within(14, 18) {
        let name = format!("{}-{}{number}", rng.pick(&["seen", "seen", "part"]), rng.word(2));
        seen.push(Act::Publish(bulky(&name, "1.0.0", rng)));
        if rng.one_in(3) {
            seen.push(Act::Yank(name.clone(), "1.0.0", true));
            if rng.one_in(2) {
                seen.push(Act::Yank(name.clone(), "1.0.0", false));
            }
        }
        if name.starts_with("part-") && rng.one_in(2) {
            seen.push(Act::Publish(slim(&name, "1.2.0")));
        }
        // In the same directories as what is seen, so that a careless difference would show them.
        let near = format!("{}x{number}", &name[..4]);
        hidden.push(Act::Publish(bulky(&near, "1.0.0", rng)));
        if rng.one_in(2) {
            hidden.push(Act::Yank(near, "1.0.0", true));
        }
    }
    // Versions that no view admits, of crates made just for this that some views show nothing of.
    for number in 0..4 {
        let name = format!("part-late{number}");
        hidden.push(Act::Publish(slim(&name, "2.0.0")));
        hidden.push(Act::Yank(name, "2.0.0", true));
    }
    (seen, hidden)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_changes_no_byte() {
    for seed in seeds("git universes", runs(2, 8)) {
        let rng = &mut Chance::new(seed);
        let (seen, hidden) = histories(rng);
        let (bare, full) = tokio::join!(Side::new(), Side::new());
        let mixed = rng.interleave(
            seen.into_iter().map(|act| (act, false)).collect(),
            hidden.into_iter().map(|act| (act, true)).collect(),
        );
        let views = views();
        // What the readers were offered on the way, by view; those of universes that look alike are alike.
        let mut offered: Vec<Vec<ObjectId>> = vec![Vec::new(); views.len()];
        for (act, is_hidden) in &mixed {
            let on_bare = async {
                if !is_hidden {
                    bare.act(act).await;
                }
            };
            tokio::join!(on_bare, full.act(act));
            if !rng.one_in(3) {
                continue;
            }
            for (number, view) in views.iter().enumerate() {
                let heads = tokio::join!(bare.head(view, 1), full.head(view, 1));
                assert_eq!(heads.0, heads.1, "WHARF_SEED={seed}: view {number} after {act:?}");
                assert_eq!(advertisement(Protocol::V0, heads.0), advertisement(Protocol::V0, heads.1));
                offered[number].push(heads.0);
                // From some state to now; some readers changed their view on the way.
                let protocol = *rng.pick(&[Protocol::V0, Protocol::V2]);
                let of = rng.below(number + 1);
                let from = *rng.pick(&offered[of]);
                let fetch = asked(protocol, heads.0, &[from, ObjectId::new([7; 20])]);
                let packs = tokio::join!(bare.answer(view, 1, &fetch), full.answer(view, 1, &fetch));
                assert!(packs.0 == packs.1, "WHARF_SEED={seed}: view {number} from {from} after {act:?}");
                if rng.one_in(4) {
                    let fetch = asked(protocol, heads.0, &[]);
                    let packs = tokio::join!(bare.answer(view, 1, &fetch), full.answer(view, 1, &fetch));
                    assert!(packs.0 == packs.1, "WHARF_SEED={seed}: the whole of view {number} after {act:?}");
                }
            }
        }
        // From every state there was to the last one, also for commits that were never this reader's.
        for (number, view) in views.iter().enumerate() {
            let last = bare.head(view, 1).await;
            for from in offered.iter().flatten() {
                let fetch = asked(Protocol::V2, last, &[*from]);
                let packs = tokio::join!(bare.answer(view, 1, &fetch), full.answer(view, 1, &fetch));
                assert!(packs.0 == packs.1, "WHARF_SEED={seed}: view {number} from {from}");
                let strange = tokio::join!(bare.answer(view, 2, &fetch), full.answer(view, 2, &fetch));
                assert!(strange.0 == strange.1, "WHARF_SEED={seed}: a stranger to view {number} from {from}");
            }
        }
        bare.stack.stop().await;
        full.stack.stop().await;
    }
}
