//! Plain HTTP, as a test sees it: status, headers and body of every answer, redirects not followed.

use crate::secrets::{self, Exchange};
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {} {}", self.status, self.text()))
    }

    /// A header as text, empty when absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Insists on a status.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Everything an observer could compare: status, headers but those that differ in every answer, body.
    #[must_use]
    pub fn observed(&self) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "date" && *name != "x-request-id")
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        headers.sort();
        (self.status, headers, self.body.clone())
    }
}

/// Sends requests with one credential, or none.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    authorization: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    /// A client without a credential.
    #[must_use]
    pub fn anonymous() -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { http, authorization: None, headers: Vec::new() }
    }

    /// A client that sends this `Authorization` header.
    #[must_use]
    pub fn with(authorization: impl Into<String>) -> Self {
        Self { authorization: Some(authorization.into()), ..Self::anonymous() }
    }

    /// The same client with a header that goes with all its requests.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sends a request.
    pub async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Answer {
        self.exchange(method, url, headers, body).await.unwrap_or_else(|error| panic!("{method} {url}: {error:?}"))
    }

    /// Sends a request to a server that may die over it; `None` when no whole answer comes.
    pub async fn attempt(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Option<Answer> {
        self.exchange(method, url, headers, body).await.ok()
    }

    fn witnessed(&self, url: &str, sent: &[(&str, &str)], answer: &Answer) -> Exchange {
        let text = |text: &str| text.to_owned();
        let authorization = self.authorization.as_ref().map(|value| ("authorization".to_owned(), value.clone()));
        let headers = answer.headers.iter();
        Exchange {
            url: url.to_owned(),
            sent: self
                .headers
                .iter()
                .map(|(name, value)| (text(name), value.clone()))
                .chain(sent.iter().map(|(name, value)| (text(name), text(value))))
                .chain(authorization)
                .collect(),
            status: answer.status,
            headers: headers
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body: answer.body.clone(),
        }
    }

    async fn exchange(
        &self,
        method: &str,
        url: &str,
        sent: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        for (name, value) in sent {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer = Answer { status, headers, body: answer.bytes().await?.to_vec() };
        secrets::note(|| self.witnessed(url, sent, &answer));
        Ok(answer)
    }

    /// `GET`.
    pub async fn get(&self, url: &str) -> Answer {
        self.send("GET", url, &[], None).await
    }

    /// `POST`, `PATCH` or `PUT` with a JSON body.
    pub async fn json(&self, method: &str, url: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(method, url, &headers, Some(body.to_string().into_bytes())).await
    }
}
