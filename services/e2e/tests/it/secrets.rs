//! No secret in clear, anywhere: every credential, key and signature of a run is searched for, in clear and encoded, in
//! everything the program leaves behind. For each place a secret is planted at the end, to show that the search sees it there.
//!
//! `story` acts in every way that takes or gives a secret, `places` reads what is left.

mod places;
mod story;

use places::{Place, Rig};
use wharf_testkit::stack::BlobKind;

async fn searched(blobs: BlobKind) {
    let mut rig = Rig::start(blobs).await;
    rig.live().await;
    let vault = rig.vault();
    assert!(vault.len() > 40, "{} secrets", vault.len());
    let mut bytes = 0;
    for place in Place::ALL {
        let left = rig.left_in(place).await;
        assert!(!left.is_empty(), "nothing was read from {place:?}");
        for (name, text) in &left {
            bytes += text.len();
            let found = vault.find(text);
            assert!(found.is_none(), "a secret lies in {place:?}, {name}: {}", found.unwrap());
        }
    }
    println!("{blobs:?}: {} secrets, {bytes} bytes in {} places", vault.len(), Place::ALL.len());

    // The nets have no holes: what is put there is found.
    for place in Place::ALL {
        let planted = rig.planted(place).await;
        let caught = planted.iter().any(|(_, text)| vault.find(text).is_some());
        assert!(caught, "a secret planted in {place:?} is not seen");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_left_behind_holds_a_secret() {
    searched(BlobKind::Directory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_left_behind_holds_a_secret_with_s3() {
    searched(BlobKind::S3).await;
}
