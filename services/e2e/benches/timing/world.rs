//! What is asked about: crates that one reader sees and another does not, and names that no crate has.

use wharf_testkit::chance::Chance;
use wharf_testkit::identity::Org;
use wharf_testkit::{CrateFixture, Stack, Token};

/// How many names there are of each sort; a request takes one of them by chance, so that no single name decides.
pub(crate) const NAMES: usize = 48;
/// The same for orgs and registries.
const PLACES: usize = 12;

/// Names for what is there and names for what is not, of one alphabet and one length: nothing but being there tells them apart.
fn draw(prefix: &str, count: usize, chance: &mut Chance) -> (Vec<String>, Vec<String>) {
    let mut words = std::collections::BTreeSet::new();
    while words.len() < 2 * count {
        words.insert(format!("{prefix}-{}", chance.word(8)));
    }
    let mut there: Vec<String> = Vec::new();
    let mut absent: Vec<String> = Vec::new();
    for word in words {
        let full = |side: &Vec<String>| side.len() == count;
        if !full(&there) && (full(&absent) || chance.one_in(2)) { there.push(word) } else { absent.push(word) }
    }
    (there, absent)
}

/// An installation with something to hide.
pub(crate) struct World {
    acme: Org,
    /// Sees `shown-*`.
    pub(crate) by_name: Token,
    /// Sees every crate, but only versions from 2.0.0 on.
    pub(crate) by_version: Token,
    /// Sees every crate but for `inner-*`.
    pub(crate) by_exception: Token,
    /// May publish and yank `shown-*`.
    pub(crate) publisher: Token,
    /// Exist, in version 1.0.0 only: nobody above sees them.
    pub(crate) hidden: Vec<String>,
    /// Do not exist. As long as the hidden ones.
    pub(crate) absent: Vec<String>,
    /// Exist in 1.0.0 and 2.0.0: whoever sees versions from 2.0.0 on sees half of them.
    pub(crate) halves: Vec<String>,
    /// Registries of the same org that nobody above may open.
    pub(crate) vaults: Vec<String>,
    /// Names of registries that the org does not have.
    pub(crate) no_vaults: Vec<String>,
    /// Other orgs.
    pub(crate) orgs: Vec<String>,
    /// Names that no org has.
    pub(crate) no_orgs: Vec<String>,
    /// Words of which version 1.0.0 of one of these speaks.
    pub(crate) hidden_words: Vec<String>,
    /// Words of which nothing speaks.
    pub(crate) absent_words: Vec<String>,
}

impl World {
    pub(crate) async fn new(stack: &Stack, chance: &mut Chance) -> Self {
        let acme = stack.org("acme").await;
        let (vaults, no_vaults) = draw("vault", PLACES, chance);
        for vault in &vaults {
            let _made = acme.add_registry(vault, &serde_json::json!({})).await;
        }
        let (orgs, no_orgs) = draw("other", PLACES, chance);
        for org in &orgs {
            let _made = stack.org(org).await;
        }
        let (hidden, absent) = draw("inner", NAMES, chance);
        let halves: Vec<String> = (0..NAMES).map(|number| format!("shown-{number:02}")).collect();
        for name in &hidden {
            let _done = acme.owner.publish(&CrateFixture::new(name, "1.0.0")).await.expect(200);
        }
        let (mut hidden_words, mut absent_words) = (Vec::new(), Vec::new());
        for name in &halves {
            // Digits: no other text here has them side by side.
            hidden_words.push(format!("{:08}", chance.below(50_000_000) * 2));
            absent_words.push(format!("{:08}", chance.below(50_000_000) * 2 + 1));
            let told = format!("speaks of {}", hidden_words[hidden_words.len() - 1]);
            for (version, told) in [("1.0.0", told.as_str()), ("2.0.0", "speaks of nothing")] {
                let _done = acme.owner.publish(&CrateFixture::new(name, version).describe(told)).await.expect(200);
            }
        }
        let named = serde_json::json!({ "rules": [{ "allow": ["shown-*"] }] });
        let excepted = serde_json::json!({ "rules": [{ "allow": ["*"], "except": ["inner-*"] }] });
        let by_version = serde_json::json!({ "rules": [{ "allow": ["*"], "versions": "^2" }] });
        Self {
            by_name: acme.entitle("private", "by-name", &named).await,
            by_version: acme.entitle("private", "by-version", &by_version).await,
            by_exception: acme.entitle("private", "by-exception", &excepted).await,
            publisher: acme
                .member("dev", "publisher", "upload", &["crate:publish@private/shown-*", "crate:yank@private/shown-*"])
                .await,
            hidden,
            absent,
            halves,
            vaults,
            no_vaults,
            orgs,
            no_orgs,
            hidden_words,
            absent_words,
            acme,
        }
    }

    /// Readers who see what `by_version` sees, each by a filter of its own, after somebody who sees everything has read
    /// whatever there is: what such a reader asks for the first time has been in memory, for somebody else.
    pub(crate) async fn newcomers(&self, count: usize) -> Vec<Token> {
        for name in self.hidden.iter().chain(&self.absent) {
            let _read = self.acme.owner.index(name).await;
        }
        let mut readers = Vec::new();
        for number in 1..=count {
            let terms = serde_json::json!({ "rules": [{ "allow": ["*"], "versions": format!(">=1.{number}.0") }] });
            readers.push(self.acme.entitle("private", &format!("newcomer-{number}"), &terms).await);
        }
        readers
    }
}
