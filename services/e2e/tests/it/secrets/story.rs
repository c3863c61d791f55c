//! Everything that takes or gives a secret, done once, rightly and wrongly.

use super::places::Rig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wharf_chassis::OsEntropy;
use wharf_domain::{Token as Secret, TokenKind};
use wharf_testkit::{Client, CrateFixture, Token};

/// The same token with another secret.
fn with_secret(token: &Token, secret: String) -> Token {
    let mut token = token.clone();
    token.secret = secret;
    token
}

impl Rig {
    /// Acts in every way there is; what is used and given is collected by the clients.
    pub(super) async fn act(&mut self) {
        let org = self.org.clone();
        let owner = org.owner.clone();
        let _made = owner.publish(&CrateFixture::new("told", "1.0.0")).await.expect(200);
        let _made = owner.publish(&CrateFixture::new("told", "1.1.0")).await.expect(200);
        let legacy = json!({ "legacy_git_downloads": true, "git_personal_keys": true });
        let _open = org.manage("PATCH", "/registries/private", &legacy).await.expect(200);

        // A token of each kind.
        let all = ["index:read@*", "crate:publish@*", "crate:publish-new@*", "crate:yank@*"];
        let mut tokens = vec![owner.clone(), org.partner("partner", &["told"]).await];
        for (login, role, kind) in
            [("ann", "publisher", "upload"), ("ben", "reader", "download"), ("bot", "admin", "service")]
        {
            let scopes = if kind == "download" { &all[..1] } else { &all[..] };
            tokens.push(org.member(login, role, kind, scopes).await);
        }
        // One that nobody issued, one with a wrong check, one of the wrong kind, and one revoked.
        let never = Secret::generate(TokenKind::Personal, &OsEntropy).secret().expose().to_owned();
        tokens.push(with_secret(&owner, never));
        let mut broken = owner.secret.clone();
        broken.pop();
        tokens.push(with_secret(&owner, format!("{broken}~")));
        tokens.push(with_secret(&owner, tokens[1].secret.replace("whfe_", "whfd_")));
        let gone = org.token("ben", "download", &["index:read@*"]).await;
        let _gone = org.manage("DELETE", &format!("/tokens/{}", gone.id), &json!({})).await.expect(204);
        tokens.push(gone);

        for (at, token) in tokens.iter().enumerate() {
            for client in [
                token.client(),
                Client::with(format!("Bearer {}", token.secret)),
                Client::with(format!("tOKEN {}", token.secret)),
                Client::with(format!("Basic {}", STANDARD.encode(format!("token:{}", token.secret)))),
                Client::with(format!("Basic {}", STANDARD.encode(format!("{}:x-oauth-basic", token.secret)))),
                Client::with(format!("Digest {}", token.secret)),
            ] {
                for url in [
                    token.index_url("config.json"),
                    token.index_url(&Token::index_path("told")),
                    token.index_url("info/refs?service=git-upload-pack"),
                    token.download_url("told", "1.0.0"),
                    token.crates_url("?q=told"),
                    org.url("/registries"),
                    org.url("/tokens"),
                    org.url("/audit"),
                ] {
                    let _answer = client.get(&url).await;
                }
            }
            let _answer = token.publish(&CrateFixture::new("told", &format!("2.{at}.0"))).await;
            self.misplaced(token).await;
        }
        // Tickets, good and bad, and the address that holds a credential.
        for token in &tokens[..2] {
            let decision = token.client().get(&token.download_url("told", "1.0.0")).await.expect(302);
            let ticket = decision.header("location").to_owned();
            let _file = Client::anonymous().get(&ticket).await.expect(200);
            let _bad = Client::anonymous().get(&format!("{ticket}x")).await.expect(403);
            let _bad = token.client().get(&ticket.replace("&k=", "&k=9")).await.expect(403);
        }
        let credential = self.setup.legacy_credential(&tokens[1]).await;
        let _file = Client::anonymous().get(&tokens[1].legacy_url(&credential, "told", "1.0.0")).await.expect(302);
        let _none = Client::anonymous().get(&tokens[1].legacy_url(&credential, "hidden", "1.0.0")).await.expect(404);
        let _bad = Client::anonymous().get(&format!("{}x", tokens[1].legacy_url(&credential, "told", "1.0.0"))).await;
        self.keep("a legacy credential", &credential);

        self.issue(&tokens[1]).await;
    }

    /// Secrets where none belong: refused, and neither repeated nor written down.
    async fn misplaced(&self, token: &Token) {
        let secret = &token.secret;
        let owner = &self.org.owner;
        for url in [
            owner.index_url("config.json"),
            owner.crates_url(""),
            self.org.url("/tokens"),
            owner.download_url("told", "1.0.0"),
        ] {
            let query = Client::anonymous().get(&format!("{url}?token={secret}")).await;
            assert!(matches!(query.status, 400 | 401), "{url}: {}", query.status);
        }
        for path in [
            format!("{}/{secret}/private/config.json", self.setup.index),
            format!("{}/acme/{secret}/config.json", self.setup.index),
            format!("{}/acme/private/{secret}", self.setup.index),
            format!("{}/acme/private/{secret}/1.0.0/download", self.setup.download),
            format!("{}/acme/private/legacy/{secret}/told/1.0.0/download", self.setup.download),
            format!("{}/v1/pub/{secret}.crate", self.setup.download),
            format!("{}/api/v1/orgs/{secret}", self.setup.app),
            format!("{}/{secret}", self.setup.app),
        ] {
            let answer = owner.client().get(&path).await;
            assert!(answer.status >= 400, "{path}: {}", answer.status);
        }
        let _searched = owner.search(secret).await;
        let _cursor = owner.client().get(&self.org.url(&format!("/tokens?cursor={secret}"))).await;
        for body in [
            json!({ "name": "n", "kind": secret }),
            json!({ "name": "n", "kind": "download", "scopes": [secret] }),
            json!({ "name": "n", "kind": "download", "member": secret }),
            json!({ secret: secret }),
        ] {
            let refused = self.org.manage("POST", "/tokens", &body).await;
            assert!((400..500).contains(&refused.status), "{body}: {}", refused.status);
        }
        let _refused = owner
            .client()
            .send(
                "POST",
                &self.org.url("/tokens"),
                &[("content-type", "application/json")],
                Some(secret.clone().into_bytes()),
            )
            .await;
        let _refused =
            owner.client().send("PUT", &owner.crates_url("/new"), &[], Some(secret.clone().into_bytes())).await;
        let strange = [
            ("x-forwarded-for", secret.as_str()),
            ("user-agent", secret),
            ("cookie", secret),
            ("x-request-id", secret),
            ("if-none-match", secret),
            ("referer", secret),
        ];
        let _answer = owner.client().send("GET", &owner.index_url("config.json"), &strange, None).await;
        let _answer = owner.client().send("GET", &self.org.url("/registries"), &strange, None).await;
    }

    /// Answers that show a secret: once, again by the same key, and rotated.
    async fn issue(&self, partner: &Token) {
        let org = &self.org;
        let wanted = json!({ "name": "ci", "kind": "download" }).to_string().into_bytes();
        let once = [("content-type", "application/json"), ("idempotency-key", "once-and-for-all-of-this-run")];
        let mut issued = Vec::new();
        for _ in 0..2 {
            let answer =
                org.owner.client().send("POST", &org.url("/tokens"), &once, Some(wanted.clone())).await.expect(201);
            issued.push(answer.json()["secret"].clone());
        }
        assert_eq!(issued[0], issued[1]);
        let other = json!({ "name": "other", "kind": "download" }).to_string().into_bytes();
        let _conflict = org.owner.client().send("POST", &org.url("/tokens"), &once, Some(other)).await;
        for overlap in [0, 600] {
            let path = format!("/registries/private/entitlements/{}/rotate", partner.entitlement.as_deref().unwrap());
            let rotated = org.manage("POST", &path, &json!({ "overlap_s": overlap })).await.expect(201);
            assert!(rotated.json()["secret"].is_string());
        }
    }
}
