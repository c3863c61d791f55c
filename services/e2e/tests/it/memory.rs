//! What a process holds of index files when it cannot hold all.

use wharf_testkit::{CrateFixture, Stack};

/// A large file among small ones that were asked for more often: it makes room for itself as any other, and is not read from the
/// database for each request.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_index_file_is_held_among_many_small_ones() {
    let stack = Stack::builder().limit("index_cache_bytes", 64 << 10).start().await;
    let org = stack.org("acme").await;
    let mut large = CrateFixture::new("large", "1.0.0");
    for number in 0..150 {
        large = large.dep(&format!("a-crate-with-a-rather-long-name-{number}"), "^1");
    }
    let _published = org.owner.publish(&large).await.expect(200);
    let small: Vec<String> = (0..40).map(|number| format!("small-{number}")).collect();
    for name in &small {
        let _published = org.owner.publish(&CrateFixture::new(name, "1.0.0")).await.expect(200);
    }
    for _ in 0..6 {
        for name in &small {
            assert_eq!(org.owner.index(name).await.status, 200);
        }
    }
    let file = org.owner.index("large").await.expect(200);
    assert!(file.text().len() > 16 << 10, "{}", file.text().len());
    // Until the cache has looked at what it was given.
    for _ in 0..40 {
        for name in &small[36..] {
            assert_eq!(org.owner.index(name).await.status, 200);
        }
    }
    stack.setup.database.take_down().await;
    let again = org.owner.index("large").await;
    stack.setup.database.bring_up().await;
    assert!(again.observed() == file.observed(), "{}", again.status);
    let held: f64 = stack.sites().map(|site| site.catalog().held_bytes() as f64).sum();
    assert!(held < 3.0 * f64::from(64 << 10), "{held}");
    stack.stop().await;
}
