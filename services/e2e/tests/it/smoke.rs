//! The shortest way through everything: publish, entitle, read, download.

use wharf_testkit::stack::BlobKind;
use wharf_testkit::{Client, CrateFixture, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn with_crate_files_in_a_directory() {
    publish_entitle_read_download(BlobKind::Directory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_crate_files_in_s3() {
    publish_entitle_read_download(BlobKind::S3).await;
}

async fn publish_entitle_read_download(blobs: BlobKind) {
    let stack = Stack::builder().blobs(blobs).start().await;
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

    // The file behind a ticket: in parts, its head alone, and never under another ticket's signature.
    let decision = partner.client().get(&partner.download_url("partner-sdk", "1.0.0")).await.expect(302);
    let (ticket, bytes) = (decision.header("location").to_owned(), shown.archive(&index));
    let anyone = Client::anonymous();
    let part = anyone.send("GET", &ticket, &[("range", "bytes=3-9")], None).await.expect(206);
    assert_eq!(part.body, &bytes[3..10]);
    assert_eq!(part.header("content-range"), format!("bytes 3-9/{}", bytes.len()));
    let last = anyone.send("GET", &ticket, &[("range", "bytes=-5")], None).await.expect(206);
    assert_eq!(last.body, &bytes[bytes.len() - 5..]);
    let beyond = format!("bytes={}-", bytes.len());
    assert_eq!(anyone.send("GET", &ticket, &[("range", &beyond)], None).await.status, 416);
    let head = anyone.send("HEAD", &ticket, &[], None).await.expect(200);
    assert_eq!(head.header("content-length"), bytes.len().to_string());
    assert_eq!(head.header("content-type"), "application/gzip");
    assert!(head.body.is_empty());
    let forged = ticket.replace("s=", "s=A");
    assert_eq!(anyone.get(&forged).await.status, 403);
    stack.stop().await;
}
