//! Commits of others: wanting one or having one tells nothing.

use crate::crates::{bulky, publish, publish_bulk};
use crate::wire::{fetched, head, lines, objects, post};
use wharf_git_wire::{ObjectId, Protocol};
use wharf_testkit::Stack;
use wharf_testkit::chance::{Chance, seeds};

#[tokio::test(flavor = "multi_thread")]
async fn wants_and_haves_of_others_are_never_confirmed() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("foreign", 1)[0]);
    let _names = publish_bulk(&org.owner, "partner", rng).await;
    let _names = publish_bulk(&org.owner, "other", rng).await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let twin = org.partner("twin", &["partner-*"]).await;
    let other = org.partner("other", &["other-*"]).await;
    let all = org.partner("all", &["*"]).await;
    let old = head(&partner).await;
    let foreign = [head(&other).await, head(&all).await];
    let never = ObjectId::new([7; 20]);

    for protocol in [Protocol::V0, Protocol::V2] {
        // Of a commit, a tree or a blob of another view nothing is said but what is said of nothing at all.
        for wanted in foreign {
            let real = fetched(&partner, protocol, wanted, &[]).await.text();
            let none = fetched(&partner, protocol, never, &[]).await.text();
            assert_eq!(real.replace(&wanted.to_string(), "[id]"), none.replace(&never.to_string(), "[id]"));
            assert!(real.contains("ERR upload-pack: not our ref"), "{real}");
        }
    }
    // The twin sees the same and asks for the first time after a publish, so that nobody offered it the old commit.
    publish(&org.owner, &bulky("partner-new", "1.0.0", rng)).await;
    let new = head(&partner).await;
    assert_eq!(head(&twin).await, new);
    for protocol in [Protocol::V0, Protocol::V2] {
        let whole = fetched(&partner, protocol, new, &[]).await.body;
        for have in [foreign[0], foreign[1], never] {
            assert!(fetched(&partner, protocol, new, &[have]).await.body == whole, "a have of another view");
        }
        assert!(fetched(&twin, protocol, new, &[old]).await.body == whole, "a have of another reader of the same view");
        let less = fetched(&partner, protocol, new, &[never, old, foreign[0]]).await;
        assert_eq!(objects(&less), 5, "commit, root, two directories, one file");
        assert!(less.body.len() < whole.len() / 4);
        // Nothing is lacking where nothing changed.
        assert_eq!(objects(&fetched(&partner, protocol, new, &[new]).await), 0);
    }
    // Acknowledged is what was offered, and nothing beside it.
    let haves = [never, foreign[1], old].map(|have| format!("have {have}\n"));
    let begin = ["command=fetch".to_owned(), "0001".to_owned(), format!("want {new}\n")];
    let body = lines(&[&begin[..], &haves[..], &["0000".to_owned()]].concat());
    let answer = post(&partner.client(), &partner, Protocol::V2, &[], body).await.expect(200);
    let text = answer.text();
    assert!(text.starts_with(&format!("0014acknowledgments\n0031ACK {old}\n000aready\n0001000dpackfile\n")), "{text}");
    stack.stop().await;
}
