//! Who gets which bytes.

use super::{entitle, publish};
use serde_json::json;
use wharf_testkit::{Client, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_version_is_not_for_download() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0", "2.0.0"]).await;
    let partner = entitle(&org, "partner", json!({ "allow": ["tool"], "versions": "<2" })).await;
    for method in ["GET", "HEAD"] {
        let ask = async |version: &str| {
            partner.client().send(method, &partner.download_url("tool", version), &[], None).await
        };
        assert_eq!(ask("1.0.0").await.status, 302);
        let (hidden, absent) = (ask("2.0.0").await, ask("9.0.0").await);
        assert_eq!(hidden.status, 404, "{method}");
        assert_eq!(hidden.observed(), absent.observed(), "{method}");
    }
    stack.stop().await;
}

/// A client that is given the whole of a damaged file might build it.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_does_not_arrive_whole() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    publish(&org, "tool", &["1.0.0"]).await;
    let decision = org.owner.client().get(&org.owner.download_url("tool", "1.0.0")).await.expect(302);
    let ticket = decision.header("location").to_owned();
    let fetch = async || Client::anonymous().attempt("GET", &ticket, &[], None).await;
    assert_eq!(fetch().await.unwrap().status, 200);
    let [file] = &stack.setup.blob_files()[..] else { panic!("one file") };
    let mut bytes = std::fs::read(file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let mut rights = std::fs::metadata(file).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o600);
    std::fs::set_permissions(file, rights).unwrap();
    std::fs::write(file, bytes).unwrap();
    assert!(fetch().await.is_none_or(|answer| answer.status >= 500), "a damaged file arrived whole");
    stack.stop().await;
}
