//! A repository of a client, fetched as cargo does, and what is in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use wharf_git_wire::{Kind, ObjectId, object};
use wharf_testkit::cargo::Finished;
use wharf_testkit::{Git, Token};

/// How git is told to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) version: u8,
    pub(crate) shallow: bool,
}

impl Manner {
    pub(crate) const ALL: [Manner; 6] = [
        Manner { version: 0, shallow: false },
        Manner { version: 0, shallow: true },
        Manner { version: 1, shallow: false },
        Manner { version: 1, shallow: true },
        Manner { version: 2, shallow: false },
        Manner { version: 2, shallow: true },
    ];
}

/// A bare repository and the git that works on it.
pub(crate) struct Checkout {
    pub(crate) git: Git,
    pub(crate) path: PathBuf,
    url: String,
}

/// The ref cargo keeps the index under.
const HEAD: &str = "refs/remotes/origin/HEAD";

impl Checkout {
    /// An empty repository for the index that this token is for.
    pub(crate) async fn of(token: &Token) -> Self {
        let url = git_url(token);
        let git = Git::with_token(&url[..url[8..].find('/').unwrap() + 8], &token.secret);
        Self::with(git, url).await
    }

    pub(crate) async fn with(git: Git, url: String) -> Self {
        let path = git.home().join("index");
        let made = git.run(git.home(), &["init", "-q", "--bare", "index"]).await;
        assert!(made.success, "{}", made.stderr);
        Self { git, path, url }
    }

    /// Fetches as cargo does; git's own words.
    pub(crate) async fn try_fetch(&self, manner: Manner) -> Finished {
        let version = format!("protocol.version={}", manner.version);
        let refspec = format!("+HEAD:{HEAD}");
        let mut arguments = vec!["-c", &version, "fetch", "--no-tags"];
        if manner.shallow {
            arguments.push("--depth=1");
        }
        arguments.extend([self.url.as_str(), refspec.as_str()]);
        self.git.run(&self.path, &arguments).await
    }

    pub(crate) async fn fetch(&self, manner: Manner) {
        let done = self.try_fetch(manner).await;
        assert!(done.success, "{manner:?}: {}", done.stderr);
    }

    /// From now on with another token.
    pub(crate) fn present(&self, token: &Token) {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let host = rest.split_once('/').unwrap().0;
        std::fs::write(self.git.home().join(".git-credentials"), format!("{scheme}://token:{}@{host}\n", token.secret))
            .unwrap();
    }

    /// The commit the index is at.
    pub(crate) async fn commit(&self) -> ObjectId {
        let shown = self.git.run(&self.path, &["rev-parse", HEAD]).await;
        ObjectId::from_hex(shown.stdout.trim().as_bytes())
            .unwrap_or_else(|| panic!("{} {}", shown.stdout, shown.stderr))
    }

    /// The files and the ids of their contents. Fails on a repository that git itself finds fault with.
    pub(crate) async fn files(&self) -> BTreeMap<String, ObjectId> {
        let checked = self.git.run(&self.path, &["fsck", "--strict", "--no-dangling", "--no-progress"]).await;
        // Cargo's repositories have no branch either.
        let faults = checked.stderr.replace("notice: HEAD points to an unborn branch (master)\n", "");
        assert!(checked.success && faults.is_empty(), "{} {}", checked.stdout, checked.stderr);
        assert!(!self.path.join("shallow").exists(), "no history is cut off, since there is none");
        let listed = self.git.run(&self.path, &["ls-tree", "-r", HEAD]).await;
        assert!(listed.success, "{}", listed.stderr);
        listed
            .stdout
            .lines()
            .map(|line| {
                let (about, path) = line.split_once('\t').unwrap();
                let id = about.strip_prefix("100644 blob ").unwrap_or_else(|| panic!("{line}"));
                (path.to_owned(), ObjectId::from_hex(id.as_bytes()).unwrap())
            })
            .collect()
    }

    /// The `config.json` in it.
    pub(crate) async fn config(&self) -> String {
        self.git.run(&self.path, &["show", &format!("{HEAD}:config.json")]).await.stdout
    }

    /// How many objects there are.
    pub(crate) async fn objects(&self) -> usize {
        let all = self.git.run(&self.path, &["cat-file", "--batch-all-objects", "--batch-check"]).await;
        all.stdout.lines().count()
    }
}

/// The address of the git index a token is used with.
pub(crate) fn git_url(token: &Token) -> String {
    token.index_url("").trim_end_matches('/').to_owned()
}

/// What the sparse index says that the files of the git index have to be: those of `names` that are shown, and
/// `config.json`.
pub(crate) async fn sparse_files(token: &Token, names: &[String]) -> BTreeMap<String, ObjectId> {
    let mut files = BTreeMap::new();
    let blob = |bytes: &[u8]| object::id(Kind::Blob, bytes).unwrap();
    for name in names {
        let answer = token.index(name).await;
        match answer.status {
            200 => drop(files.insert(Token::index_path(name), blob(&answer.body))),
            404 => {}
            other => panic!("{other} for {name}: {}", answer.text()),
        }
    }
    let config = token.client().get(&token.index_url("config.json")).await.expect(200);
    files.insert("config.json".to_owned(), blob(&config.body));
    files
}
