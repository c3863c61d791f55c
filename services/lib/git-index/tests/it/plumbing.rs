//! Packs under the eyes of the installed git.

use std::path::Path;

use wharf_domain::view::Rule;
use wharf_git_index::{Base, Definition, Head, Pack};
use wharf_git_wire::Framing;

use crate::fixture::{Event, NAMES, Registry, define, load, memory, rule, tell, was};
use crate::git::git;
use crate::model::Repository;

const CONFIG: &str = "{\"dl\":\"https://dl.example/\"}";

fn send(pack: Pack, enough: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut transfer = pack.begin(Framing::Raw, &mut all);
    loop {
        let mut out = Vec::new();
        let more = transfer.fill(enough, &mut out).unwrap();
        assert!(!more || out.len() >= enough);
        all.extend_from_slice(&out);
        if !more {
            return all;
        }
    }
}

/// Puts the pack into the repository, moves its branch, and has everything checked.
fn receive(path: &Path, pack: Pack, head: &Head, expected: &Repository) {
    let objects = pack.objects();
    let bytes = send(pack, 1000);
    if objects > 0 {
        git(path, &["index-pack", "--strict", "--stdin"], &bytes);
    }
    git(path, &["update-ref", "refs/heads/master", &head.commit().to_string()], b"");
    assert_eq!(git(path, &["fsck", "--strict", "--full", "--no-dangling", "--no-progress"], b""), "");
    let listed = git(path, &["ls-tree", "-r", "--name-only", "master"], b"");
    let mut paths: Vec<_> = listed.lines().collect();
    paths.sort_unstable();
    assert_eq!(paths, expected.files.keys().collect::<Vec<_>>());
    for (name, content) in &expected.files {
        assert_eq!(git(path, &["cat-file", "blob", &format!("master:{name}")], b"").as_bytes(), content);
    }
}

/// A history over all names, a visible state every few events.
fn history() -> Vec<Event> {
    let publish = |number: u64| NAMES.iter().map(move |name| Event::Publish(name, number));
    let mut history: Vec<_> = publish(2).chain(publish(5)).chain(publish(9)).collect();
    history.extend(NAMES.iter().step_by(2).map(|name| Event::Yank(name, 5)));
    history.extend(NAMES.iter().skip(3).step_by(3).map(|name| Event::Delete(name)));
    history
}

#[test]
fn git_takes_every_state_and_every_difference() {
    let views: [Definition; 3] = [
        define([rule(&["*"])]),
        define([Rule { versions: Some("<2".parse().unwrap()), ..rule(&["a*"]) }]),
        define([rule(&["ab-cd", "B", "abcd*"])]),
    ];
    let (memory, mut registry) = (memory(), Registry::new());
    let index = load(&memory, 0, &registry);
    let clones: Vec<_> = views.iter().map(|_| tempfile::tempdir().unwrap()).collect();
    for clone in &clones {
        git(clone.path(), &["init", "-q", "--bare", "-b", "master"], b"");
    }
    let mut former: Vec<Option<(Registry, std::sync::Arc<Head>)>> = vec![None, None, None];
    for (number, events) in history().chunks(9).enumerate() {
        for event in events {
            event.happen(&mut registry);
            tell(&memory, &index, &registry, event.name());
        }
        for (i, definition) in views.iter().enumerate() {
            // One client asks for every state, one for every second, one for every third.
            if number % (i + 1) != 0 {
                continue;
            }
            let head = index.head(definition, CONFIG.as_bytes()).unwrap();
            let pack = match &former[i] {
                None => head.full().unwrap(),
                Some((old, old_head)) => {
                    let was = was(definition.view(), old, &registry);
                    let config = old_head.config();
                    index
                        .delta(&head, definition, &Base { definition, config, was: &was, covers: index.seq() })
                        .unwrap()
                }
            };
            let expected = Repository::of(&registry, definition.view(), CONFIG);
            receive(clones[i].path(), pack, &head, &expected);
            former[i] = Some((registry.clone(), head));
        }
    }
}

/// Its directory is longer than one stored block of zlib.
#[test]
fn git_takes_a_directory_of_two_thousand_crates() {
    let (memory, mut registry) = (memory(), Registry::new());
    let publish = Event::Publish("acme", 4);
    publish.happen(&mut registry);
    for i in 0..2000 {
        registry.insert(format!("acme-component-{i}"), registry["acme"].clone());
    }
    let index = load(&memory, 0, &registry);
    let all = define([rule(&["acme*"])]);
    let head = index.head(&all, CONFIG.as_bytes()).unwrap();
    let clone = tempfile::tempdir().unwrap();
    git(clone.path(), &["init", "-q", "--bare", "-b", "master"], b"");
    let pack = head.full().unwrap();
    assert_eq!(pack.objects(), 3 + 2 + 2001);
    git(clone.path(), &["index-pack", "--strict", "--stdin"], &send(pack, 64 * 1024));
    git(clone.path(), &["update-ref", "refs/heads/master", &head.commit().to_string()], b"");
    assert_eq!(git(clone.path(), &["fsck", "--strict", "--full", "--no-dangling", "--no-progress"], b""), "");
    assert_eq!(head.commit(), Repository::of(&registry, all.view(), CONFIG).commit);
}

#[test]
fn the_second_clone_knows_how_the_pack_ends() {
    let (memory, mut registry) = (memory(), Registry::new());
    for event in history() {
        event.happen(&mut registry);
    }
    let index = load(&memory, 0, &registry);
    let head = index.head(&define([rule(&["*"])]), CONFIG.as_bytes()).unwrap();
    let first = send(head.full().unwrap(), 1);
    assert_eq!(send(head.full().unwrap(), 1 << 20), first);
    assert_eq!(head.full().unwrap().objects(), u32::from_be_bytes(first[8..12].try_into().unwrap()));
    let mut out = Vec::new();
    let transfer = head.full().unwrap().begin(Framing::SideBand64k, &mut out);
    transfer.abort("come back later", &mut out);
    assert!(out.ends_with(b"\x03come back later\n0000"));
}
