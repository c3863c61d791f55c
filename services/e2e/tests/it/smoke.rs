//! The shortest way through everything: publish, entitle, read, download.

use wharf_testkit::{CrateFixture, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn publish_entitle_read_download() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let partner = org.partner("partner", &["partner-*"]).await;
    let index = org.owner.sparse();
    let shown = CrateFixture::new("partner-sdk", "1.0.0");
    let hidden = CrateFixture::new("secret-core", "1.0.0");
    for krate in [&shown, &hidden] {
        let _published = org.owner.publish(krate).await.expect(200);
    }
    for reader in [&org.owner, &partner] {
        assert!(reader.index("partner-sdk").await.expect(200).text().contains(&shown.cksum(&index)));
        assert_eq!(reader.download("partner-sdk", "1.0.0").await.expect(200).body, shown.archive(&index));
    }
    assert_eq!(org.owner.index("secret-core").await.status, 200);
    let (hidden, absent) = (partner.index("secret-core").await, partner.index("secret-cure").await);
    assert_eq!(hidden.status, 404);
    assert_eq!(hidden.observed(), absent.observed());
    assert_eq!(partner.download("secret-core", "1.0.0").await.status, 404);
    stack.stop().await;
}
