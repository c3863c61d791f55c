//! A client whose registry may die over any request, and what it may believe of each answer.

use serde_json::Value;
use std::time::Duration;
use wharf_testkit::{Answer, Client, CrateFixture, until};

/// Longer than anything in the product waits: a request without an end is a fault of its own.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a client knows after a request.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It was done, or answered.
    Done(Answer),
    /// It was refused, by a rule and not by a fault.
    Refused(u16, String),
    /// The registry says that nothing was changed.
    Nothing,
    /// There was no whole answer, or the registry does not know itself.
    Unknown,
}

impl Outcome {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// Whether it may have happened, as far as one knows.
    pub(crate) fn is_possible(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Unknown)
    }
}

/// A credential, and where to use it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    client: Client,
    pub(crate) app: String,
    pub(crate) index: String,
    pub(crate) download: String,
}

impl Caller {
    pub(crate) fn new(secret: &str, app: &str, index: &str, download: &str) -> Self {
        let [app, index, download] = [app, index, download].map(str::to_owned);
        Self { client: Client::with(secret), app, index, download }
    }

    /// The same installation with another credential.
    pub(crate) fn with(&self, secret: &str) -> Self {
        Self { client: Client::with(secret), ..self.clone() }
    }

    /// Sends a request once.
    pub(crate) async fn send(&self, method: &str, url: &str, key: Option<&str>, body: Option<Vec<u8>>) -> Outcome {
        let mut headers = vec![("accept", "application/json")];
        if body.is_some() && url.starts_with(&format!("{}/api/", self.app)) {
            headers.push(("content-type", "application/json"));
        }
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let answer = tokio::time::timeout(PATIENCE, self.client.attempt(method, url, &headers, body)).await;
        let Ok(answer) = answer else {
            // Does it answer others, or nobody?
            let (others, health) = (Client::anonymous(), format!("{}/healthz", self.app));
            let other = tokio::time::timeout(PATIENCE / 9, others.attempt("GET", &health, &[], None)).await;
            let other = other.map(|answer| answer.map(|answer| answer.status));
            panic!("{method} {url} was never answered; another request, to /healthz: {other:?}");
        };
        let Some(answer) = answer else { return Outcome::Unknown };
        match answer.status {
            200..400 => Outcome::Done(answer),
            503 if answer.text().contains("nothing was changed") => Outcome::Nothing,
            503 => Outcome::Unknown,
            500 => panic!("{method} {url}: a fault was taken for a mistake: {}", answer.text()),
            status => Outcome::Refused(status, answer.text()),
        }
    }

    /// Sends a request to an installation that is whole again, until it is not put off: 503 may be answered for a moment.
    pub(crate) async fn insist(&self, method: &str, url: &str, key: Option<&str>, body: Option<Vec<u8>>) -> Outcome {
        let mut last = Outcome::Nothing;
        until(&format!("{method} {url} is answered"), async || {
            last = self.send(method, url, key, body.clone()).await;
            !matches!(last, Outcome::Nothing | Outcome::Unknown)
        })
        .await;
        last
    }

    /// A GET from an installation that is whole again: status and body.
    pub(crate) async fn read(&self, url: &str) -> (u16, Answer) {
        match self.insist("GET", url, None, None).await {
            Outcome::Done(answer) => (answer.status, answer),
            Outcome::Refused(status, text) => {
                (status, Answer { status, headers: Default::default(), body: text.into_bytes() })
            }
            Outcome::Nothing | Outcome::Unknown => unreachable!("insisted"),
        }
    }

    /// An address of the management API.
    pub(crate) fn org(&self, path: &str) -> String {
        format!("{}/api/v1/orgs/acme{path}", self.app)
    }

    pub(crate) fn crates(&self, path: &str) -> String {
        format!("{}/cargo/acme/private/api/v1/crates{path}", self.app)
    }

    pub(crate) fn sparse(&self) -> String {
        format!("sparse+{}/acme/private/", self.index)
    }

    pub(crate) fn index_url(&self, name: &str) -> String {
        format!("{}/acme/private/{}", self.index, wharf_testkit::Token::index_path(name))
    }

    pub(crate) fn config_url(&self) -> String {
        format!("{}/acme/private/config.json", self.index)
    }

    pub(crate) fn download_url(&self, name: &str, number: &str) -> String {
        format!("{}/acme/private/{name}/{number}/download", self.download)
    }

    pub(crate) async fn publish(&self, krate: &CrateFixture) -> Outcome {
        self.send("PUT", &self.crates("/new"), None, Some(krate.body(&self.sparse()))).await
    }

    /// A management request with a JSON body.
    pub(crate) async fn manage(&self, method: &str, path: &str, key: Option<&str>, body: &Value) -> Outcome {
        self.send(method, &self.org(path), key, Some(body.to_string().into_bytes())).await
    }

    /// A file through a decision and its ticket, or the status of what stood in the way.
    pub(crate) async fn file(&self, name: &str, number: &str) -> Result<Vec<u8>, u16> {
        let (status, decision) = self.read(&self.download_url(name, number)).await;
        if status != 302 {
            return Err(status);
        }
        let (status, file) = self.read(decision.header("location")).await;
        if status == 200 { Ok(file.body) } else { Err(status) }
    }

    /// The line of a version in the sparse index.
    pub(crate) async fn line(&self, name: &str, number: &str) -> Option<Value> {
        let (status, answer) = self.read(&self.index_url(name)).await;
        if status == 404 {
            return None;
        }
        assert_eq!(status, 200, "the index file of {name}: {}", answer.text());
        let text = answer.text();
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found: Vec<Value> = lines.by_ref().filter(|line| line["vers"] == number).collect();
        assert!(found.len() <= 1, "{name} {number} is listed twice: {text}");
        found.into_iter().next()
    }
}
