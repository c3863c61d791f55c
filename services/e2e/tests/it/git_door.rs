//! The git index is not served yet. Until it is, git is told nothing: a registry that exists, one that does not, and an
//! org that does not are answered alike, with a credential and without.

use wharf_testkit::{Git, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn git_learns_nothing_from_where_its_index_will_be() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let base = stack.setup.index.clone();
    let token = &org.owner.secret;
    for authenticated in [false, true] {
        let mut told = Vec::new();
        for place in ["acme/private", "acme/absent", "nobody/absent"] {
            // A git of its own each time: git forgets a credential that a server refused.
            let git = if authenticated { Git::with_token(&base, token) } else { Git::anonymous() };
            let answer = git.run(git.home(), &["ls-remote", &format!("{base}/{place}")]).await.fails();
            assert!(answer.stdout.is_empty(), "{}", answer.stdout);
            assert!(!answer.stderr.contains(token), "{}", answer.stderr);
            told.push(answer.stderr.replace(place, "[PLACE]"));
        }
        assert!(told.iter().all(|answer| answer == &told[0]), "{told:#?}");
    }
    stack.stop().await;
}
