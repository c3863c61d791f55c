//! Asks by git, as cargo does: for the refs, and then for what its repository lacks.

use super::driver::Driver;
use serde_json::{Map, Value};
use wharf_git_wire::{ObjectId, Protocol};
use wharf_model::{Expected, Place, Who};
use wharf_testkit::Client;
use wharf_testkit::git_protocol::{fetch, post};

impl Driver<'_> {
    /// The files a reader finds after a fetch, byte for byte those of the sparse index, but for a `config.json` that holds a
    /// credential. Who is refused the refs is refused a pack in the same words.
    pub(super) async fn tree(&mut self, who: &Who, client: &Client, place: &Place) -> Expected {
        self.turn += 1;
        let url = self.index_of(place, "");
        let protocol = if self.turn.is_multiple_of(2) { Protocol::V2 } else { Protocol::V0 };
        let mirror = self.mirrors.entry((who.bearer.clone(), place.to_string())).or_default();
        let files = match mirror.update(client, &url, protocol).await {
            Ok(files) => files,
            Err(refused) => {
                let body = fetch(protocol, ObjectId::new([7; 20]), &[]);
                let again = post(client, &url, protocol, &[], body).await;
                assert_eq!((again.status, again.text()), (refused.status, refused.text()), "{who:?} at {url}");
                assert!(refused.status < 500, "{who:?} at {url}: {}", refused.text());
                return Expected { status: refused.status, body: Value::Null };
            }
        };
        let mut told = Map::new();
        for (path, bytes) in files {
            let text = String::from_utf8(bytes).unwrap();
            let own = self.git_config(&text, place, who.bearer.as_deref()).await;
            if path == "config.json" && own != text {
                told.insert(path, self.read(&own));
                continue;
            }
            let sparse = client.get(&self.index_of(place, &path)).await.expect(200).text();
            assert_eq!(sparse, text, "{path} in the sparse index and in the git index, for {who:?} at {url}");
            let content = if path == "config.json" { self.read(&text) } else { self.lines(&text) };
            told.insert(path, content);
        }
        Expected { status: 200, body: Value::Object(told) }
    }
}
